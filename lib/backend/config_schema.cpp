#include "backend/config_schema.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace vbmc::backend {

namespace {

constexpr std::size_t value_bytes_max = 8192; // a certificate or a private key fits

Error field_error(std::string_view name, std::string message) {
    return Error(ErrorCode::invalid_argument, std::move(message))
        .with_field("backend.options." + std::string(name));
}

Error unknown_option(const ConfigSchema& schema, const std::string& name) {
    std::vector<std::string_view> names;
    std::string all;
    for (const Option& option : schema.options) {
        names.push_back(option.name);
        all += (all.empty() ? "" : ", ") + std::string(option.name);
    }
    const std::string near = nearest(name, names);
    return field_error(name, "this backend has no option '" + name + "'")
        .with_hint(near.empty() ? "its options are: " + all : "did you mean '" + near + "'?");
}

bool is_url(std::string_view text) {
    const auto colon = text.find("://");
    if (colon == std::string_view::npos || colon == 0 || colon + 3 == text.size()) {
        return text.find(":///") != std::string_view::npos && colon != 0; // qemu:///system
    }
    return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    });
}

bool has_control_characters(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
}

bool is_choice(std::string_view value, std::string_view choices) {
    while (!choices.empty()) {
        const auto bar = choices.find('|');
        if (value == choices.substr(0, bar)) {
            return true;
        }
        choices = bar == std::string_view::npos ? std::string_view{} : choices.substr(bar + 1);
    }
    return false;
}

/// What is expected instead, or empty when the value is right.
std::string complaint(const Option& option, std::string_view value) {
    if (value.size() > value_bytes_max) {
        return "at most " + std::to_string(value_bytes_max) + " bytes";
    }
    if (!option.choices.empty()) {
        return is_choice(value, option.choices) ? "" : "one of " + std::string(option.choices);
    }
    switch (option.type) {
    case OptionType::text:
        return has_control_characters(value) ? "text without control characters" : "";
    case OptionType::secret:
        return ""; // keys have line ends
    case OptionType::number:
        return parse_number(value) ? "" : "a whole number";
    case OptionType::boolean:
        return parse_boolean(value) ? "" : "true or false";
    case OptionType::duration:
        return parse_duration(value) ? "" : "a duration such as 250ms, 2s or 1m";
    case OptionType::url:
        return is_url(value) && !has_control_characters(value) ? ""
                                                               : "a URL such as https://host/path";
    }
    return "";
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

} // namespace

std::string_view to_string(OptionType type) noexcept {
    switch (type) {
    case OptionType::text:
        return "text";
    case OptionType::number:
        return "number";
    case OptionType::boolean:
        return "boolean";
    case OptionType::duration:
        return "duration";
    case OptionType::url:
        return "url";
    case OptionType::secret:
        return "secret";
    }
    return "text";
}

const Option* ConfigSchema::find(std::string_view name) const {
    const auto at = std::find_if(options.begin(), options.end(), [&](const Option& option) {
        return option.name == name;
    });
    return at == options.end() ? nullptr : &*at;
}

Result<DriverConfig> DriverConfig::check(
    const ConfigSchema& schema,
    const std::map<std::string, std::string>& given,
    std::shared_ptr<const CredentialRules> rules
) {
    DriverConfig config;
    config.rules_ = std::move(rules);
    for (const auto& [name, value] : given) {
        const Option* option = schema.find(name);
        if (option == nullptr) {
            return unknown_option(schema, name);
        }
        if (const std::string wanted = complaint(*option, value); !wanted.empty()) {
            const std::string shown =
                option->type == OptionType::secret ? "" : ", not '" + value.substr(0, 64) + "'";
            return field_error(name, "option '" + name + "' must be " + wanted + shown);
        }
        config.values_[name] = value;
    }
    for (const Option& option : schema.options) {
        if (config.values_.contains(option.name)) {
            continue;
        }
        if (option.required) {
            return field_error(option.name, "option '" + std::string(option.name) + "' is required")
                .with_hint(std::string(option.help));
        }
        if (!option.fallback.empty()) {
            config.values_.emplace(option.name, option.fallback);
        }
    }
    return config;
}

bool DriverConfig::has(std::string_view name) const {
    return values_.contains(name);
}

std::string_view DriverConfig::value(std::string_view name) const {
    const auto at = values_.find(name);
    return at == values_.end() ? std::string_view{} : std::string_view(at->second);
}

std::string DriverConfig::text(std::string_view name) const {
    return std::string(value(name));
}

long long DriverConfig::number(std::string_view name) const {
    return parse_number(value(name)).value_or(0);
}

bool DriverConfig::boolean(std::string_view name) const {
    return parse_boolean(value(name)).value_or(false);
}

double DriverConfig::seconds(std::string_view name) const {
    return parse_duration(value(name)).value_or(0.0);
}

Result<Secret> DriverConfig::secret(std::string_view name) const {
    const std::string_view kept = value(name);
    Result<Secret> secret =
        rules_ ? resolve_secret(*rules_, kept) : resolve_secret(CredentialRules{}, kept);
    if (secret.has_error()) {
        Error error = secret.error();
        error.message = "option '" + std::string(name) + "': " + error.message;
        return std::move(error).with_field("backend.options." + std::string(name));
    }
    return secret;
}

Result<void> check_references(
    const ConfigSchema& schema,
    const std::map<std::string, std::string>& given,
    const CredentialRules& rules
) {
    for (const auto& [name, value] : given) {
        const Option* option = schema.find(name);
        if (option == nullptr || option->type != OptionType::secret) {
            continue;
        }
        if (auto fit = check_reference(rules, value); fit.has_error()) {
            Error error = fit.error();
            error.message = "option '" + name + "': " + error.message;
            return std::move(error).with_field("backend.options." + name);
        }
    }
    return {};
}

std::optional<double> parse_duration(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || !std::isfinite(value) || value < 0 || value > 1e9) {
        return std::nullopt;
    }
    const auto used = static_cast<std::size_t>(end - text.data());

    struct Unit {
        std::string_view name;
        double seconds;
    };

    static constexpr Unit units[] = {{"", 1}, {"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}};
    for (const Unit& unit : units) {
        if (text.substr(used) == unit.name) {
            return value * unit.seconds;
        }
    }
    return std::nullopt;
}

std::optional<long long> parse_number(std::string_view text) {
    long long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

std::optional<bool> parse_boolean(std::string_view text) {
    if (text == "true" || text == "yes" || text == "on" || text == "1") {
        return true;
    }
    if (text == "false" || text == "no" || text == "off" || text == "0") {
        return false;
    }
    return std::nullopt;
}

std::string nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
    for (const std::string_view candidate : candidates) {
        const std::size_t distance = edit_distance(word.substr(0, 64), candidate);
        if (distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return std::string(best);
}

} // namespace vbmc::backend
