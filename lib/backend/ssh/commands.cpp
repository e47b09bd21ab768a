#include "backend/ssh/commands.h"

#include "backend/ssh/quote.h"

namespace vbmc::backend::ssh {

namespace {

struct Row {
    Verb verb;
    std::string_view word;
    std::string_view option;
    std::string_view line;      // of the machine's own tools; empty: none
    std::string_view sudo_line; // through sudo; empty: needs none
    bool helped;                // the helper has it
};

constexpr std::string_view sensors_line =
    "sensors -j 2>/dev/null || grep -sH '' /sys/class/hwmon/hwmon*/name "
    "/sys/class/hwmon/hwmon*/*_input /sys/class/hwmon/hwmon*/*_label "
    "/sys/class/hwmon/hwmon*/*_max /sys/class/hwmon/hwmon*/*_crit "
    "/sys/class/hwmon/hwmon*/*_min || true";
constexpr std::string_view identity_line =
    "grep -sH '' /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/product_name "
    "/sys/class/dmi/id/product_serial /sys/class/dmi/id/chassis_serial "
    "/sys/class/dmi/id/chassis_asset_tag /sys/class/dmi/id/board_vendor "
    "/sys/class/dmi/id/board_name || true";
constexpr std::string_view identity_sudo_line =
    "sudo -n grep -sH '' /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/product_name "
    "/sys/class/dmi/id/product_serial /sys/class/dmi/id/chassis_serial "
    "/sys/class/dmi/id/chassis_asset_tag /sys/class/dmi/id/board_vendor "
    "/sys/class/dmi/id/board_name || true";
constexpr std::string_view setup_line =
    "busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager "
    "SetRebootToFirmwareSetup b";
constexpr std::string_view setup_sudo_line =
    "sudo -n busctl call org.freedesktop.login1 /org/freedesktop/login1 "
    "org.freedesktop.login1.Manager SetRebootToFirmwareSetup b";

constexpr Row rows[] = {
    {Verb::status, "status", "command-status", "cat /proc/sys/kernel/random/boot_id", "", true},
    {Verb::soft,
     "soft",
     "command-soft",
     "systemctl poweroff --no-block",
     "sudo -n systemctl poweroff --no-block",
     true},
    {Verb::reset,
     "reset",
     "command-reset",
     "systemctl reboot --no-block",
     "sudo -n systemctl reboot --no-block",
     true},
    {Verb::off, "off", "command-off", "", "", false},
    {Verb::on, "on", "command-on", "", "", false},
    {Verb::nmi,
     "nmi",
     "command-nmi",
     "echo c > /proc/sysrq-trigger",
     "echo c | sudo -n tee /proc/sysrq-trigger",
     true},
    {Verb::boot_list,
     "boot-list",
     "command-boot-list",
     "efibootmgr -v",
     "sudo -n efibootmgr -v",
     true},
    {Verb::boot_next,
     "boot-next",
     "command-boot-next",
     "efibootmgr -q -n",
     "sudo -n efibootmgr -q -n",
     true},
    {Verb::boot_order,
     "boot-order",
     "command-boot-order",
     "efibootmgr -q -o",
     "sudo -n efibootmgr -q -o",
     true},
    {Verb::boot_forget,
     "boot-forget",
     "command-boot-forget",
     "efibootmgr -q -N",
     "sudo -n efibootmgr -q -N",
     true},
    {Verb::setup, "setup", "command-setup", setup_line, setup_sudo_line, true},
    {Verb::sensors, "sensors", "command-sensors", sensors_line, "", true},
    {Verb::identity, "identity", "command-identity", identity_line, identity_sudo_line, true},
    {Verb::identify, "identify", "command-identify", "", "", false},
    {Verb::console, "console", "command-console", "", "", true},
    {Verb::brk, "break", "command-break", "", "", false},
};

const Row& row_of(Verb verb) {
    for (const Row& row : rows) {
        if (row.verb == verb) {
            return row;
        }
    }
    return rows[0];
}

} // namespace

std::string_view word_of(Verb verb) noexcept {
    return row_of(verb).word;
}

std::vector<Option> command_options() {
    using enum OptionType;
    return {
        {"sudo", boolean, false, "false", "run what needs root through `sudo -n`"},
        {"helper", text, false, "", "the path of vbmc-hostctl there: it carries all actions out"},
        {"command-status",
         text,
         false,
         "",
         "tells the power: prints on or off, or a boot id; with it, command-on or command-off "
         "`host` is taken for another machine: nothing built in is done there"},
        {"command-soft", text, false, "", "shuts the machine down; none: cannot"},
        {"command-reset", text, false, "", "restarts it; none: cannot"},
        {"command-off",
         text,
         false,
         "",
         "switches it off at once (default: cannot); see command-status"},
        {"command-on",
         text,
         false,
         "",
         "switches it on, from a host that is up (default: cannot); see command-status"},
        {"command-nmi", text, false, "", "the diagnostic interrupt; none: cannot"},
        {"command-boot-list", text, false, "", "lists the boot entries as efibootmgr does"},
        {"command-boot-next", text, false, "", "boots from the entry behind it once"},
        {"command-boot-order", text, false, "", "boots from the entries behind it for good"},
        {"command-boot-forget", text, false, "", "takes the one-time entry back"},
        {"command-setup",
         text,
         false,
         "",
         "enters the firmware's setup next; true or false behind"},
        {"command-sensors", text, false, "", "prints what `sensors -j` does; none: cannot"},
        {"command-identity", text, false, "", "prints /sys/class/dmi/id as grep -H does"},
        {"command-identify", text, false, "", "lights it up for the seconds behind it; 0: stop"},
        {"command-console", text, false, "", "the console, on a terminal (default: a login shell)"},
        {"command-break", text, false, "", "what a break on the console does (default: nothing)"},
    };
}

Commands::Commands(const DriverConfig& config)
    : config_(config), helper_(config.text("helper")),
      by_another_host_(names(Verb::on) || names(Verb::off) || names(Verb::status)),
      sudo_(config.boolean("sudo")) {}

bool Commands::names(Verb verb) const {
    return is_set(verb) && config_.text(row_of(verb).option) != "none";
}

bool Commands::is_set(Verb verb) const {
    return config_.has(row_of(verb).option);
}

std::optional<std::string> Commands::line(Verb verb, const std::string& argument) const {
    const Row& row = row_of(verb);
    const std::string tail = argument.empty() ? "" : " " + shell_quote(argument);
    if (is_set(verb)) {
        return names(verb) ? std::optional(config_.text(row.option) + tail) : std::nullopt;
    }
    if (by_another_host_) { // whatever is built in, the helper's too, would be done to that host
        return std::nullopt;
    }
    if (!helper_.empty()) {
        if (!row.helped) {
            return std::nullopt;
        }
        return (sudo_ ? "sudo -n " : "") + shell_quote(helper_) + " " + std::string(row.word) +
               tail;
    }
    if (verb == Verb::console) {
        return std::string(); // the login shell
    }
    if (row.line.empty()) {
        return std::nullopt;
    }
    return std::string(sudo_ && !row.sudo_line.empty() ? row.sudo_line : row.line) + tail;
}

} // namespace vbmc::backend::ssh
