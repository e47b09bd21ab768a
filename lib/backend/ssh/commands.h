#pragma once
// Which command line carries which action out: the machine's own tools, the helper of the package,
// or what the node's options say. Pure.

#include "backend/config_schema.h"

#include <optional>
#include <string>
#include <vector>

namespace vbmc::backend::ssh {

enum class Verb {
    status,
    soft,
    reset,
    off,
    on,
    nmi,
    boot_list,
    boot_next,   // + entry
    boot_order,  // + entries
    boot_forget, // takes back boot_next
    setup,       // + true or false
    sensors,
    identity,
    identify, // + seconds
    console,
    brk,
};

/// "soft": the verb of the helper, and command-soft the option.
std::string_view word_of(Verb verb) noexcept;

/// The options helper, sudo and command-*.
std::vector<Option> command_options();

class Commands {
  public:
    explicit Commands(const DriverConfig& config);

    /// The line to run with this argument; nullopt: there is none. The console's may be empty: the
    /// login shell.
    std::optional<std::string> line(Verb verb, const std::string& argument = {}) const;

    bool can(Verb verb) const { return line(verb).has_value(); }

    /// True when the node's options name the command.
    bool is_set(Verb verb) const;

    /// True when the options give a command of its own for on, off or status: the host then is
    /// another machine that works this one, and what is not given must not be done to it.
    bool by_another_host() const noexcept { return by_another_host_; }

  private:
    /// Given, and not as "none".
    bool names(Verb verb) const;

    DriverConfig config_;
    std::string helper_;
    bool by_another_host_;
    bool sudo_;
};

} // namespace vbmc::backend::ssh
