#pragma once
// Which nodes a command is about. One grammar for all verbs: names, globs, ranges, label selectors,
// a filter expression, or all. Parsed here without asking the daemon; resolve.h asks it.

#include "base/result.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vbmc::ctl {

using Labels = std::map<std::string, std::string>;

/// `k=v`, `k==v`, `k!=v`, `k in (a,b)`, `k notin (a,b)`, `k`, `!k`; joined by commas: all must
/// hold.
class LabelSelector {
  public:
    static Result<LabelSelector> parse(std::string_view text);

    bool matches(const Labels& labels) const;

    /// The same in the filter language of ListNodes.
    std::string to_filter() const;

    bool empty() const { return terms_.empty(); }

  private:
    enum class Kind { equals_any, equals_none, present, absent };

    struct Term {
        Kind kind;
        std::string key;
        std::vector<std::string> values;
    };

    static Result<Term> parse_term(std::string_view text);

    std::vector<Term> terms_;
};

/// What the command line said, as options hold it.
struct SelectionArgs {
    std::vector<std::string> names;
    std::vector<std::string> labels; // each -l
    std::string filter;
    bool all = false;

    bool empty() const { return names.empty() && labels.empty() && filter.empty() && !all; }

    /// Selects by something other than names.
    bool by_property() const { return all || !labels.empty() || !filter.empty(); }
};

struct Selection {
    std::vector<std::string> names; // exact, in order, each once
    std::vector<std::string> globs;
    std::string filter; // for ListNodes: labels and filter together; empty: every node
    bool all = false;
    bool filtered = false;

    /// True when the names say it all and nobody has to be asked.
    bool exact() const { return globs.empty() && !filtered && !all; }
};

bool is_glob(std::string_view text);

bool glob_matches(const std::string& pattern, const std::string& name);

/// Names together with --all, -l or --filter narrow each other down: a node must match both.
Result<Selection> parse_selection(const SelectionArgs& args);

/// A text as a literal of the filter language.
std::string filter_quoted(std::string_view text);

} // namespace vbmc::ctl
