#pragma once
// A backend's options, described once: checked when a node is registered, listed by
// `vbmcctl backend describe`, and read by the driver. Unknown keys are errors.

#include "base/result.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vbmc::backend {

enum class OptionType { text, number, boolean, duration, url, secret };

struct Option {
    std::string_view name; // lower-kebab-case; --NAME of vbmcctl add
    OptionType type;
    bool required;
    std::string_view fallback; // shown as the default; empty: none
    std::string_view help;     // one line
};

struct ConfigSchema {
    std::vector<Option> options;

    const Option* find(std::string_view name) const;
};

/// Checked options with defaults filled in. Secrets are in here too: never printed as a whole.
class DriverConfig {
  public:
    /// Checks `given` against the schema; the error names the field ("backend.options.NAME").
    static Result<DriverConfig>
    check(const ConfigSchema& schema, const std::map<std::string, std::string>& given);

    std::string text(std::string_view name) const; // also urls and secrets
    long long number(std::string_view name) const;
    bool boolean(std::string_view name) const;
    double seconds(std::string_view name) const; // a duration: "250ms", "2s", "1m"

  private:
    std::map<std::string, std::string, std::less<>> values_;
};

} // namespace vbmc::backend
