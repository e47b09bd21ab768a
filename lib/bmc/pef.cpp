#include "bmc/pef.h"

#include "bmc/bmc.h"
#include "bmc/record.h"

namespace vbmc::bmc {

namespace {

constexpr u8 saved_version = 1;
constexpr u8 any = 0xff;
constexpr u8 control_enabled = 0x01;
constexpr u8 postpone_until_set = 0xfe;
const Pef::Settings defaults{};

// The actions of a filter and of action control (§17.7, §30.4 parameter 2).
constexpr u8 action_power_down = 0x02;
constexpr u8 action_reset = 0x04;
constexpr u8 action_power_cycle = 0x08;
constexpr u8 action_interrupt = 0x20;

// Where a filter's rules stand (table 17-2; the filter number is not kept).
constexpr std::size_t at_generator = 4;
constexpr std::size_t at_sensor_type = 6;
constexpr std::size_t at_sensor_number = 7;
constexpr std::size_t at_trigger = 8;
constexpr std::size_t at_offsets = 9;
constexpr std::size_t at_data = 11;

struct Saved {
    bool has_settings = false;
    u16 last_by_software = 0xffff;
    u16 last_by_bmc = 0xffff;
    Pef::Settings settings;

    static void fields(auto& c, auto& r) {
        c.word(r.last_by_software);
        c.word(r.last_by_bmc);
        if (!c.present(r.has_settings)) {
            return;
        }
        c.byte(r.settings.control);
        c.byte(r.settings.action_control);
        c.byte(r.settings.startup_delay);
        c.byte(r.settings.guid_used);
        c.bytes(r.settings.guid);
        for (auto& filter : r.settings.filters) {
            c.bytes(filter.bytes);
        }
    }
};

/// §17.8: AND mask, compare 1 (1: the bit must be as in compare 2; 0: one such bit must be),
/// compare 2.
bool data_matches(u8 data, u8 mask, u8 exact, u8 wanted) noexcept {
    const unsigned equal_bits = static_cast<unsigned>(~(data ^ wanted)) & mask;
    const unsigned must = static_cast<unsigned>(mask & exact);
    const unsigned may = static_cast<unsigned>(mask & ~exact) & 0xffU;
    return (equal_bits & must) == must && (may == 0 || (equal_bits & may) != 0);
}

bool field_matches(u8 rule, u8 value) noexcept {
    return rule == any || rule == value;
}

struct Wanted {
    u8 action;
    PowerAction power;
    RestartCause cause;
};

/// By priority (§17.1, table 17-1).
constexpr std::array<Wanted, 4> wanted_actions = {{
    {action_power_down, PowerAction::off, RestartCause::unknown},
    {action_power_cycle, PowerAction::cycle, RestartCause::pef_cycle},
    {action_reset, PowerAction::reset, RestartCause::pef_reset},
    {action_interrupt, PowerAction::diag, RestartCause::unknown},
}};

bool can(const Capabilities& capabilities, PowerAction action) noexcept {
    switch (action) {
    case PowerAction::reset:
        return capabilities.reset;
    case PowerAction::diag:
        return capabilities.nmi;
    default:
        return capabilities.power;
    }
}

} // namespace

bool EventFilter::matches(const Sel::Record& record) const noexcept {
    const bool is_event = record[2] == 0x02;
    const bool asserted =
        (record[12] & 0x80) == 0; // an action belongs to trouble that comes, not goes
    if (!enabled() || !is_event || !asserted) {
        return false;
    }
    const unsigned offsets = bytes[at_offsets] | static_cast<unsigned>(bytes[at_offsets + 1]) << 8;
    if (!field_matches(bytes[at_generator], record[7]) ||
        !field_matches(bytes[at_generator + 1], record[8]) ||
        !field_matches(bytes[at_sensor_type], record[10]) ||
        !field_matches(bytes[at_sensor_number], record[11]) ||
        !field_matches(bytes[at_trigger], record[12]) ||
        (offsets >> (record[13] & 0x0f) & 1U) == 0) {
        return false;
    }
    for (std::size_t i = 0; i < 3; ++i) {
        const std::size_t at = at_data + 3 * i;
        if (!data_matches(record[13 + i], bytes[at], bytes[at + 1], bytes[at + 2])) {
            return false;
        }
    }
    return true;
}

const Pef::Settings& Pef::settings() const noexcept {
    return settings_ ? *settings_ : defaults;
}

Pef::Settings& Pef::change() {
    if (!settings_) {
        settings_ = std::make_unique<Settings>();
    }
    return *settings_;
}

void Pef::arm_postpone(Now now, u8 seconds) noexcept {
    postponed_ = seconds == postpone_until_set;
    postponed_until_ = now.mono + std::chrono::seconds(postponed_ ? 0 : seconds);
}

u8 Pef::postpone_left(Now now) const noexcept {
    if (postponed_) {
        return postpone_until_set;
    }
    if (postponed_until_ <= now.mono) {
        return 0;
    }
    return static_cast<u8>(
        std::chrono::ceil<std::chrono::seconds>(postponed_until_ - now.mono).count()
    );
}

void Pef::save(std::vector<u8>& out) const {
    Saved saved{
        .has_settings = settings_ != nullptr,
        .last_by_software = last_by_software,
        .last_by_bmc = last_by_bmc,
        .settings = settings(),
    };
    append_record(out, saved_version, saved);
}

bool Pef::load(Bytes saved) {
    const auto record = read_record<Saved>(saved, saved_version);
    if (!record) {
        return false;
    }
    last_by_software = record->last_by_software;
    last_by_bmc = record->last_by_bmc;
    settings_ = record->has_settings ? std::make_unique<Settings>(record->settings) : nullptr;
    return true;
}

void filter_event(Bmc& bmc, Now now, const Sel::Record& record) {
    const Pef::Settings& settings = bmc.pef.settings();
    if ((settings.control & control_enabled) == 0 || bmc.pef.postpone_left(now) != 0) {
        return;
    }
    unsigned actions = 0;
    for (const EventFilter& filter : settings.filters) {
        actions |= filter.matches(record) ? filter.actions() : 0U;
    }
    actions &= settings.action_control;
    bmc.pef.last_by_bmc = static_cast<u16>(record[0] | record[1] << 8);
    for (const Wanted& wanted : wanted_actions) {
        if ((actions & wanted.action) != 0 && can(bmc.config.capabilities, wanted.power)) {
            bmc.request_power(now, wanted.power, wanted.cause);
            return;
        }
    }
}

} // namespace vbmc::bmc
