#include "vbmcctl/yaml_fields.h"

#include "vbmcctl/progress.h"
#include "vbmcctl/text.h"

#include <algorithm>
#include <charconv>

namespace vbmc::ctl {

void YamlErrors::add(const YAML::Mark& mark, const std::string& message) {
    errors_.emplace_back(
        ErrorCode::invalid_argument,
        "MANIFEST_INVALID",
        file_ + ":" + std::to_string(mark.line + 1) + ": " + message
    );
}

namespace {

std::string normal_key(std::string key) {
    std::replace(key.begin(), key.end(), '-', '_');
    return key;
}

} // namespace

YamlFields::YamlFields(YamlErrors& errors, const YAML::Node& map, std::string what)
    : errors_(errors), what_(std::move(what)) {
    if (!map.IsMap()) {
        errors_.add(map, what_ + " is a mapping of names to values");
        return;
    }
    for (const auto& member : map) {
        if (!member.first.IsScalar()) {
            errors_.add(member.first, "a key in " + what_ + " is a word");
            continue;
        }
        const std::string& written = member.first.Scalar();
        const std::string key = normal_key(written);
        if (!members_.emplace(key, member.second).second) {
            errors_.add(member.first, "'" + written + "' stands twice in " + what_);
        }
        lines_[key] = member.first.Mark().line + 1;
        keys_.emplace_back(written, member.first.Mark());
    }
}

YAML::Node YamlFields::take(std::string_view name) {
    known_.emplace_back(name);
    const auto found = members_.find(std::string(name));
    if (found == members_.end() || found->second.IsNull()) {
        return YAML::Node(YAML::NodeType::Undefined);
    }
    return found->second;
}

std::optional<std::string> YamlFields::scalar(const YAML::Node& node, std::string_view name) {
    if (node.IsScalar()) {
        return node.Scalar();
    }
    errors_.add(node, "'" + std::string(name) + "' in " + what_ + " is a single value");
    return std::nullopt;
}

std::optional<std::string> YamlFields::text(std::string_view name) {
    const YAML::Node node = take(name);
    return node ? scalar(node, name) : std::nullopt;
}

std::optional<bool> YamlFields::boolean(std::string_view name) {
    const YAML::Node node = take(name);
    const std::optional<std::string> text = node ? scalar(node, name) : std::nullopt;
    if (!text) {
        return std::nullopt;
    }
    const std::optional<bool> value = parse_boolean(*text);
    if (!value) {
        errors_.add(node, "'" + std::string(name) + "' is true or false, not '" + *text + "'");
    }
    return value;
}

std::optional<std::uint32_t> YamlFields::number(std::string_view name, std::uint32_t max) {
    const YAML::Node node = take(name);
    const std::optional<std::string> text = node ? scalar(node, name) : std::nullopt;
    if (!text) {
        return std::nullopt;
    }
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc() || end != text->data() + text->size() || value > max) {
        errors_.add(
            node,
            "'" + std::string(name) + "' is a number up to " + std::to_string(max) + ", not '" +
                *text + "'"
        );
        return std::nullopt;
    }
    return value;
}

std::optional<double> YamlFields::seconds(std::string_view name) {
    const YAML::Node node = take(name);
    const std::optional<std::string> text = node ? scalar(node, name) : std::nullopt;
    if (!text) {
        return std::nullopt;
    }
    const Result<Duration> value = parse_duration(*text);
    if (!value) {
        errors_.add(
            node, "'" + std::string(name) + "' is a duration such as 700ms, not '" + *text + "'"
        );
        return std::nullopt;
    }
    return std::chrono::duration<double>(*value).count();
}

std::vector<std::string> YamlFields::texts(std::string_view name) {
    const YAML::Node node = take(name);
    std::vector<std::string> out;
    if (!node) {
        return out;
    }
    if (node.IsScalar()) {
        out.push_back(node.Scalar());
    } else if (node.IsSequence()) {
        for (const YAML::Node& item : node) {
            if (std::optional<std::string> text = scalar(item, name)) {
                out.push_back(std::move(*text));
            }
        }
    } else {
        errors_.add(node, "'" + std::string(name) + "' in " + what_ + " is a list");
    }
    return out;
}

std::map<std::string, std::string> YamlFields::text_map(std::string_view name) {
    const YAML::Node node = take(name);
    std::map<std::string, std::string> out;
    if (!node) {
        return out;
    }
    if (!node.IsMap()) {
        errors_.add(
            node, "'" + std::string(name) + "' in " + what_ + " is a mapping of names to values"
        );
        return out;
    }
    for (const auto& member : node) {
        const bool readable =
            member.first.IsScalar() && (member.second.IsScalar() || member.second.IsNull());
        if (!readable) {
            errors_.add(member.first, "a value in '" + std::string(name) + "' is a single word");
            continue;
        }
        const std::string value = member.second.IsNull() ? std::string() : member.second.Scalar();
        if (!out.emplace(member.first.Scalar(), value).second) {
            errors_.add(
                member.first,
                "'" + member.first.Scalar() + "' stands twice in '" + std::string(name) + "'"
            );
        }
    }
    return out;
}

void YamlFields::finish() {
    for (const auto& [key, mark] : keys_) {
        if (std::find(known_.begin(), known_.end(), normal_key(key)) == known_.end()) {
            errors_.add(
                mark,
                "unknown field '" + key + "' in " + what_ + did_you_mean(normal_key(key), known_)
            );
        }
    }
}

std::optional<bool> parse_boolean(std::string_view text) {
    const std::string lower = to_lower(text);
    if (lower == "true" || lower == "yes" || lower == "on" || lower == "1") {
        return true;
    }
    if (lower == "false" || lower == "no" || lower == "off" || lower == "0") {
        return false;
    }
    return std::nullopt;
}

} // namespace vbmc::ctl
