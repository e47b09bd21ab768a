#pragma once
// What a command has to say, in the format that was asked for. A command gives its rows as
// documents (ordered JSON) and says which of their fields are columns; every format is made of
// that.

#include "base/result.h"
#include "vbmcctl/terminal.h"

#include <nlohmann/json.hpp>

#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace vbmc::ctl {

using Json = nlohmann::ordered_json;

enum class Format { table, wide, json, jsonl, yaml, csv, name };

Result<Format> parse_format(std::string_view text);

struct OutputOptions {
    Format format = Format::table;
    std::vector<std::string> columns; // by id; empty: the table's own choice
    std::string sort;                 // a column's id; "-id" is descending; empty: as it comes
    bool header = true;
};

struct Column {
    std::string id; // as --columns and --sort name it
    std::string header;
    std::function<std::string(const Json&)> text;
    bool wide_only = false;
    bool right = false;
    std::function<Style(const std::string&)> style = nullptr; // of the cell's text
};

/// A column that shows the member at a path such as "status.state"; nothing when it is not there.
Column column(
    std::string id, std::string header, std::string path, bool wide_only = false, bool right = false
);

/// The member at a dotted path; nullptr when it is not there.
const Json* find(const Json& document, std::string_view path);

/// A scalar as people read it; lists joined by commas, "k=v" pairs for objects.
std::string text_of(const Json& value);

struct Listing {
    std::vector<Column> columns;
    std::vector<Json> rows;
    std::string name_path = "name"; // for -o name
    bool single = false;            // one document, not a list of one: json and yaml
};

/// An unknown column in the options is an error, before anything is written.
Result<void> write_listing(const Terminal& terminal, const OutputOptions& options, Listing listing);

/// One row at a time, for streams: json is as jsonl, yaml a document each, a table without
/// alignment beyond the widths of the header.
class RowStream {
  public:
    RowStream(const Terminal& terminal, OutputOptions options, std::vector<Column> columns);

    void write(const Json& row);

  private:
    const Terminal& terminal_;
    OutputOptions options_;
    std::vector<Column> columns_;
    std::vector<std::size_t> widths_;
    bool started_ = false;
};

/// Block-style YAML, as `vbmcctl apply -f` reads it.
std::string to_yaml(const Json& document);

/// Cells, aligned by what they take on a terminal. The last column is not padded.
std::string render_table(
    const std::vector<Column>& columns,
    const std::vector<std::vector<std::string>>& rows,
    bool header,
    bool color
);

} // namespace vbmc::ctl
