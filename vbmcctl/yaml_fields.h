#pragma once
// Reads the members of a YAML mapping strictly: unknown and double keys are errors with the line
// where they stand. `-` and `_` in keys are the same.

#include "base/result.h"

#include <yaml-cpp/yaml.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vbmc::ctl {

/// Collects what is wrong with one file.
class YamlErrors {
  public:
    explicit YamlErrors(std::string file) : file_(std::move(file)) {}

    void add(const YAML::Mark& mark, const std::string& message);

    void add(const YAML::Node& node, const std::string& message) { add(node.Mark(), message); }

    std::vector<Error> take() { return std::move(errors_); }

    bool empty() const { return errors_.empty(); }

  private:
    std::string file_;
    std::vector<Error> errors_;
};

/// One mapping. Ask for its members by name, then call finish() to complain about the others.
class YamlFields {
  public:
    /// `what` names the mapping in messages: "a node", "policy".
    YamlFields(YamlErrors& errors, const YAML::Node& map, std::string what);

    /// Undefined (false in a condition) when it is absent or null.
    YAML::Node take(std::string_view name);

    std::optional<std::string> text(std::string_view name);
    std::optional<bool> boolean(std::string_view name);
    std::optional<std::uint32_t> number(std::string_view name, std::uint32_t max);
    std::optional<double> seconds(std::string_view name);
    std::vector<std::string> texts(std::string_view name);
    std::map<std::string, std::string> text_map(std::string_view name);

    /// Members that a listing writes and nobody reads back.
    void ignore(std::string_view name) { take(name); }

    void finish();

    const std::map<std::string, int>& lines() const { return lines_; }

  private:
    std::optional<std::string> scalar(const YAML::Node& node, std::string_view name);

    YamlErrors& errors_;
    std::string what_;
    std::map<std::string, YAML::Node> members_;
    std::map<std::string, int> lines_;
    std::vector<std::string> known_;
    std::vector<std::pair<std::string, YAML::Mark>> keys_; // as written
};

/// "true", "false", "yes", "no", "on", "off".
std::optional<bool> parse_boolean(std::string_view text);

} // namespace vbmc::ctl
