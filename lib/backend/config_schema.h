#pragma once
// A backend's options, described once: checked when a node is registered, listed by
// `vbmcctl backend describe`, and read by the driver. Unknown keys are errors.

#include "backend/credential.h"
#include "base/result.h"
#include "base/secret.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vbmc::backend {

enum class OptionType { text, number, boolean, duration, url, secret };

/// "text", "number", ...
std::string_view to_string(OptionType type) noexcept;

struct Option {
    std::string_view name; // lower-kebab-case; --NAME of vbmcctl add
    OptionType type;
    bool required;
    std::string_view fallback;     // shown as the default; empty: none
    std::string_view help;         // one line
    std::string_view choices = {}; // "none|power|all": anything else is an error; empty: free
};

struct ConfigSchema {
    std::vector<Option> options;

    const Option* find(std::string_view name) const;
};

/// Checked options with defaults filled in. Secrets are in here too: never printed as a whole.
class DriverConfig {
  public:
    /// Checks `given` against the schema; the error names the field ("backend.options.NAME").
    /// `rules`: what secrets may refer to; null: the defaults.
    static Result<DriverConfig> check(
        const ConfigSchema& schema,
        const std::map<std::string, std::string>& given,
        std::shared_ptr<const CredentialRules> rules = nullptr
    );

    /// Given, or with a default.
    bool has(std::string_view name) const;

    // Of an option that is absent: empty, 0, false.
    std::string text(std::string_view name) const; // also urls
    long long number(std::string_view name) const;
    bool boolean(std::string_view name) const;
    double seconds(std::string_view name) const; // a duration: "250ms", "2s", "1m"

    /// A secret as it is now: ask at each use, so that a changed file or credential counts at once.
    /// An absent option is empty, not an error. Errors name the option and show no secret.
    Result<Secret> secret(std::string_view name) const;

  private:
    std::string_view value(std::string_view name) const;

    std::map<std::string, std::string, std::less<>> values_;
    std::shared_ptr<const CredentialRules> rules_; // null: the defaults
};

/// Whether the secrets that are references may be such: asked when options are set. (Whether they
/// can be read is asked at each use.)
Result<void> check_references(
    const ConfigSchema& schema,
    const std::map<std::string, std::string>& given,
    const CredentialRules& rules
);

/// "250ms", "2s", "1.5m", "1h"; a bare number is seconds. In seconds; nullopt when it is none.
std::optional<double> parse_duration(std::string_view text);

std::optional<long long> parse_number(std::string_view text);

/// true/yes/on/1 and false/no/off/0.
std::optional<bool> parse_boolean(std::string_view text);

/// The candidate that a person probably meant; empty when none is near.
std::string nearest(std::string_view word, const std::vector<std::string_view>& candidates);

} // namespace vbmc::backend
