#include "vbmcctl/output.h"

#include "vbmcctl/text.h"

#include <algorithm>
#include <ostream>

namespace vbmc::ctl {

Result<Format> parse_format(std::string_view text) {
    static const std::vector<std::pair<std::string, Format>> formats = {
        {"table", Format::table},
        {"wide", Format::wide},
        {"json", Format::json},
        {"jsonl", Format::jsonl},
        {"yaml", Format::yaml},
        {"csv", Format::csv},
        {"name", Format::name},
    };
    std::vector<std::string> names;
    for (const auto& [name, format] : formats) {
        if (name == text) {
            return format;
        }
        names.push_back(name);
    }
    return Error(
               ErrorCode::invalid_argument,
               "no output format '" + std::string(text) + "'" + did_you_mean(text, names)
    )
        .with_hint("formats are " + join(names, ", "));
}

const Json* find(const Json& document, std::string_view path) {
    const Json* at = &document;
    for (const std::string& key : split(path, '.')) {
        if (!at->is_object()) {
            return nullptr;
        }
        const auto member = at->find(key);
        if (member == at->end()) {
            return nullptr;
        }
        at = &*member;
    }
    return at;
}

std::string text_of(const Json& value) {
    if (value.is_null()) {
        return "";
    }
    if (value.is_string()) {
        return value.get<std::string>();
    }
    std::vector<std::string> parts;
    if (value.is_object()) {
        for (const auto& [key, member] : value.items()) {
            parts.push_back(key + "=" + text_of(member));
        }
        return join(parts, ",");
    }
    if (value.is_array()) {
        for (const Json& item : value) {
            parts.push_back(text_of(item));
        }
        return join(parts, ",");
    }
    return value.dump();
}

Column column(std::string id, std::string header, std::string path, bool wide_only, bool right) {
    Column made;
    made.id = std::move(id);
    made.header = std::move(header);
    made.wide_only = wide_only;
    made.right = right;
    made.text = [path = std::move(path)](const Json& row) {
        const Json* value = find(row, path);
        return value == nullptr ? std::string() : text_of(*value);
    };
    return made;
}

namespace {

Error unknown_column(const std::string& id, const std::vector<Column>& columns) {
    std::vector<std::string> ids;
    for (const Column& known : columns) {
        ids.push_back(known.id);
    }
    return Error(ErrorCode::invalid_argument, "no column '" + id + "'" + did_you_mean(id, ids))
        .with_hint("columns are " + join(ids, ", "));
}

const Column* find_column(const std::vector<Column>& columns, std::string_view id) {
    const auto found = std::find_if(columns.begin(), columns.end(), [id](const Column& column) {
        return column.id == id;
    });
    return found == columns.end() ? nullptr : &*found;
}

Result<std::vector<Column>>
choose_columns(const OutputOptions& options, const std::vector<Column>& columns) {
    std::vector<Column> chosen;
    for (const std::string& id : options.columns) {
        const Column* known = find_column(columns, id);
        if (known == nullptr) {
            return unknown_column(id, columns);
        }
        chosen.push_back(*known);
    }
    if (!chosen.empty()) {
        return chosen;
    }
    const bool all = options.format == Format::wide || options.format == Format::csv;
    for (const Column& known : columns) {
        if (all || !known.wide_only) {
            chosen.push_back(known);
        }
    }
    return chosen;
}

/// "9" before "10", "n9" before "n10": runs of digits compare as numbers.
bool natural_less(std::string_view a, std::string_view b) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto take_number = [&](std::string_view& rest) {
        std::size_t n = 0;
        while (n < rest.size() && is_digit(rest[n])) {
            ++n;
        }
        std::string_view digits = rest.substr(0, n);
        rest.remove_prefix(n);
        digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
        return digits;
    };
    while (!a.empty() && !b.empty()) {
        if (is_digit(a.front()) && is_digit(b.front())) {
            const std::string_view x = take_number(a);
            const std::string_view y = take_number(b);
            if (x != y) {
                return x.size() != y.size() ? x.size() < y.size() : x < y;
            }
            continue;
        }
        if (a.front() != b.front()) {
            return a.front() < b.front();
        }
        a.remove_prefix(1);
        b.remove_prefix(1);
    }
    return a.size() < b.size();
}

Result<void> sort_rows(Listing& listing, std::string_view key) {
    if (key.empty()) {
        return {};
    }
    const bool descending = key.starts_with('-');
    key.remove_prefix(descending ? 1 : 0);
    const Column* by = find_column(listing.columns, key);
    if (by == nullptr) {
        return unknown_column(std::string(key), listing.columns);
    }
    std::stable_sort(
        listing.rows.begin(),
        listing.rows.end(),
        [by, descending](const Json& a, const Json& b) {
            return descending ? natural_less(by->text(b), by->text(a))
                              : natural_less(by->text(a), by->text(b));
        }
    );
    return {};
}

std::string csv_cell(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) {
        return text;
    }
    std::string out = "\"";
    for (const char c : text) {
        out += c;
        if (c == '"') {
            out += '"';
        }
    }
    return out + "\"";
}

/// Data as it is for programs; a terminal is not to be driven by it.
std::string csv_line(const std::vector<Column>& columns, const Json& row, bool to_tty) {
    std::vector<std::string> cells;
    for (const Column& shown : columns) {
        const std::string text = shown.text(row);
        cells.push_back(csv_cell(to_tty ? printable(text) : text));
    }
    return join(cells, ",") + "\n";
}

std::string csv_header(const std::vector<Column>& columns) {
    std::vector<std::string> ids;
    for (const Column& shown : columns) {
        ids.push_back(csv_cell(shown.id));
    }
    return join(ids, ",") + "\n";
}

std::string dump(const Json& document, int indent) {
    return document.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::vector<std::string> cells_of(const std::vector<Column>& columns, const Json& row) {
    std::vector<std::string> cells;
    for (const Column& shown : columns) {
        cells.push_back(printable(shown.text(row)));
    }
    return cells;
}

std::string pad(const std::string& text, std::size_t width, bool right) {
    const std::size_t used = display_width(text);
    const std::string blank(used < width ? width - used : 0, ' ');
    return right ? blank + text : text + blank;
}

std::string render_row(
    const std::vector<Column>& columns,
    const std::vector<std::size_t>& widths,
    const std::vector<std::string>& cells,
    bool header,
    bool color
) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const bool last = i + 1 == cells.size();
        const std::string shown = cells[i].empty() && !header ? "-" : cells[i];
        std::string text =
            last && !columns[i].right ? shown : pad(shown, widths[i], columns[i].right);
        Style style = header ? Style::bold : Style::plain;
        if (!header && columns[i].style) {
            style = columns[i].style(cells[i]);
        }
        line += styled(text, style, color) + (last ? "" : "  ");
    }
    return line + "\n";
}

std::vector<std::string> headers_of(const std::vector<Column>& columns) {
    std::vector<std::string> headers;
    for (const Column& shown : columns) {
        headers.push_back(shown.header);
    }
    return headers;
}

} // namespace

std::string render_table(
    const std::vector<Column>& columns,
    const std::vector<std::vector<std::string>>& rows,
    bool header,
    bool color
) {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        std::size_t width = header ? display_width(columns[i].header) : 1;
        for (const std::vector<std::string>& row : rows) {
            width = std::max(width, display_width(row[i]));
        }
        widths.push_back(width);
    }
    std::string out;
    if (header) {
        out += render_row(columns, widths, headers_of(columns), true, color);
    }
    for (const std::vector<std::string>& row : rows) {
        out += render_row(columns, widths, row, false, color);
    }
    return out;
}

namespace {

void write_table(const Terminal& terminal, const OutputOptions& options, const Listing& listing) {
    std::vector<std::vector<std::string>> rows;
    for (const Json& row : listing.rows) {
        rows.push_back(cells_of(listing.columns, row));
    }
    terminal.out << render_table(listing.columns, rows, options.header, terminal.out_color);
}

Json document_of(Listing& listing) {
    if (listing.single && listing.rows.size() == 1) {
        return std::move(listing.rows.front());
    }
    Json all = Json::array();
    for (Json& row : listing.rows) {
        all.push_back(std::move(row));
    }
    return all;
}

} // namespace

Result<void>
write_listing(const Terminal& terminal, const OutputOptions& options, Listing listing) {
    if (Result<void> sorted = sort_rows(listing, options.sort); !sorted) {
        return sorted.error();
    }
    Result<std::vector<Column>> chosen = choose_columns(options, listing.columns);
    if (!chosen) {
        return chosen.error();
    }
    listing.columns = std::move(*chosen);
    std::ostream& out = terminal.out;
    switch (options.format) {
    case Format::table:
    case Format::wide:
        write_table(terminal, options, listing);
        break;
    case Format::json:
        out << dump(document_of(listing), 2) << '\n';
        break;
    case Format::jsonl:
        for (const Json& row : listing.rows) {
            out << dump(row, -1) << '\n';
        }
        break;
    case Format::yaml:
        out << to_yaml(document_of(listing));
        break;
    case Format::csv:
        out << (options.header ? csv_header(listing.columns) : "");
        for (const Json& row : listing.rows) {
            out << csv_line(listing.columns, row, terminal.out_is_tty);
        }
        break;
    case Format::name:
        for (const Json& row : listing.rows) {
            const Json* name = find(row, listing.name_path);
            out << (name == nullptr ? "" : printable(text_of(*name))) << '\n';
        }
        break;
    }
    out.flush();
    return {};
}

RowStream::RowStream(const Terminal& terminal, OutputOptions options, std::vector<Column> columns)
    : terminal_(terminal), options_(std::move(options)) {
    Result<std::vector<Column>> chosen = choose_columns(options_, columns);
    columns_ = chosen ? std::move(*chosen) : std::move(columns);
    for (const Column& shown : columns_) {
        widths_.push_back(display_width(shown.header));
    }
}

void RowStream::write(const Json& row) {
    std::ostream& out = terminal_.out;
    const bool first = !started_;
    started_ = true;
    switch (options_.format) {
    case Format::json:
    case Format::jsonl:
        out << dump(row, -1) << '\n';
        break;
    case Format::yaml:
        out << "---\n" << to_yaml(row);
        break;
    case Format::csv:
        out << (first && options_.header ? csv_header(columns_) : "")
            << csv_line(columns_, row, terminal_.out_is_tty);
        break;
    case Format::name:
        out << printable(columns_.front().text(row)) << '\n';
        break;
    case Format::table:
    case Format::wide: {
        const std::vector<std::string> cells = cells_of(columns_, row);
        for (std::size_t i = 0; i < cells.size(); ++i) {
            widths_[i] = std::max(widths_[i], display_width(cells[i]));
        }
        if (first && options_.header) {
            out << render_row(columns_, widths_, headers_of(columns_), true, terminal_.out_color);
        }
        out << render_row(columns_, widths_, cells, false, terminal_.out_color);
        break;
    }
    }
    out.flush();
}

} // namespace vbmc::ctl
