#include "vbmcctl/selection.h"

#include "vbmcctl/ranges.h"
#include "vbmcctl/text.h"

#include <algorithm>
#include <fnmatch.h>
#include <unordered_set>

namespace vbmc::ctl {

namespace {

Error bad_selector(std::string_view text) {
    return Error(
               ErrorCode::invalid_argument,
               "cannot read the label selector '" + std::string(text) + "'"
    )
        .with_hint("write k=v, k!=v, k, !k, 'k in (a,b)' or 'k notin (a,b)', joined by commas");
}

bool is_label_key(std::string_view key) {
    return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("._-/").find(c) != std::string_view::npos;
    });
}

/// Splits at commas that are not in parentheses.
std::vector<std::string> split_terms(std::string_view text) {
    std::vector<std::string> terms;
    std::string term;
    bool inside = false;
    for (const char c : text) {
        inside = c == '(' || (inside && c != ')');
        if (c == ',' && !inside) {
            terms.push_back(std::move(term));
            term.clear();
        } else {
            term += c;
        }
    }
    terms.push_back(std::move(term));
    return terms;
}

/// "(a, b)" as its values.
std::vector<std::string> set_values(std::string_view text) {
    std::vector<std::string> values;
    for (const std::string& value : split(text.substr(1, text.size() - 2), ',')) {
        values.emplace_back(trim(value));
    }
    return values;
}

bool is_set(std::string_view text) {
    return text.size() >= 3 && text.front() == '(' && text.back() == ')';
}

} // namespace

Result<LabelSelector::Term> LabelSelector::parse_term(std::string_view whole) {
    const std::string_view text = trim(whole);
    Term term{Kind::present, {}, {}};
    const std::size_t space = text.find(' ');
    const std::size_t sign = text.find('=');
    if (space != std::string_view::npos && (sign == std::string_view::npos || space < sign)) {
        const std::string_view rest = trim(text.substr(space));
        const bool negative = rest.starts_with("notin");
        const std::string_view set =
            trim(rest.substr(std::min<std::size_t>(rest.size(), negative ? 5 : 2)));
        if ((negative || rest.starts_with("in")) && is_set(set)) {
            term.kind = negative ? Kind::equals_none : Kind::equals_any;
            term.key = text.substr(0, space);
            term.values = set_values(set);
        }
    } else if (sign != std::string_view::npos && sign > 0) {
        const bool negative = text[sign - 1] == '!';
        std::string_view value = text.substr(sign + 1);
        value.remove_prefix(!negative && value.starts_with('=') ? 1 : 0);
        term.kind = negative ? Kind::equals_none : Kind::equals_any;
        term.key = trim(text.substr(0, negative ? sign - 1 : sign));
        term.values.emplace_back(trim(value));
    } else if (text.starts_with('!')) {
        term.kind = Kind::absent;
        term.key = trim(text.substr(1));
    } else if (sign == std::string_view::npos) {
        term.key = text;
    }
    if (!is_label_key(term.key)) {
        return bad_selector(whole);
    }
    return term;
}

Result<LabelSelector> LabelSelector::parse(std::string_view text) {
    LabelSelector selector;
    for (const std::string& part : split_terms(text)) {
        Result<Term> term = parse_term(part);
        if (!term) {
            return term.error();
        }
        selector.terms_.push_back(std::move(*term));
    }
    return selector;
}

bool LabelSelector::matches(const Labels& labels) const {
    return std::all_of(terms_.begin(), terms_.end(), [&labels](const Term& term) {
        const auto found = labels.find(term.key);
        const bool present = found != labels.end();
        const bool listed =
            present &&
            std::find(term.values.begin(), term.values.end(), found->second) != term.values.end();
        switch (term.kind) {
        case Kind::equals_any:
            return listed;
        case Kind::equals_none:
            return !listed;
        case Kind::present:
            return present;
        case Kind::absent:
            return !present;
        }
        return false;
    });
}

std::string filter_quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    return out + "\"";
}

std::string LabelSelector::to_filter() const {
    std::vector<std::string> parts;
    for (const Term& term : terms_) {
        const std::string has = "labels:" + filter_quoted(term.key);
        if (term.kind == Kind::present || term.kind == Kind::absent) {
            parts.push_back(term.kind == Kind::present ? has : "NOT " + has);
            continue;
        }
        std::vector<std::string> any;
        for (const std::string& value : term.values) {
            any.push_back("labels." + term.key + " = " + filter_quoted(value));
        }
        const std::string either = "(" + join(any, " OR ") + ")";
        parts.push_back(term.kind == Kind::equals_any ? either : "NOT " + either);
    }
    return join(parts, " AND ");
}

bool is_glob(std::string_view text) {
    return text.find_first_of("*?[") != std::string_view::npos;
}

bool glob_matches(const std::string& pattern, const std::string& name) {
    return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

Result<Selection> parse_selection(const SelectionArgs& args) {
    Selection selection;
    selection.all = args.all;
    std::unordered_set<std::string> seen;
    for (const std::string& argument : args.names) {
        Result<std::vector<std::string>> names = expand_list(argument);
        if (!names) {
            return names.error();
        }
        for (std::string& name : *names) {
            if (seen.insert(name).second) {
                (is_glob(name) ? selection.globs : selection.names).push_back(std::move(name));
            }
        }
    }
    std::vector<std::string> filters;
    for (const std::string& label : args.labels) {
        Result<LabelSelector> selector = LabelSelector::parse(label);
        if (!selector) {
            return selector.error();
        }
        filters.push_back(selector->to_filter());
    }
    if (!args.filter.empty()) {
        filters.push_back(filters.empty() ? args.filter : "(" + args.filter + ")");
    }
    selection.filter = join(filters, " AND ");
    selection.filtered = !filters.empty();
    return selection;
}

} // namespace vbmc::ctl
