#include "bmc/dcmi.h"

#include "bmc/bmc.h"
#include "bmc/record.h"

#include <algorithm>
#include <cmath>

namespace vbmc::bmc {

namespace {

constexpr u8 saved_version = 1;
const Dcmi::Settings defaults{};

struct Saved {
    InlineBytes<Dcmi::asset_tag_max> asset_tag;
    bool has_asset_tag = false;
    InlineBytes<Dcmi::controller_id_max> controller_id;
    u8 discovery = 0;
    u8 dhcp_initial_timeout = 0;
    u16 dhcp_contact_timeout = 0;
    u16 dhcp_retry_interval = 0;

    static void fields(auto& c, auto& r) {
        c.counted(r.asset_tag);
        c.byte(r.has_asset_tag);
        c.counted(r.controller_id);
        c.byte(r.discovery);
        c.byte(r.dhcp_initial_timeout);
        c.word(r.dhcp_contact_timeout);
        c.word(r.dhcp_retry_interval);
    }
};

template <std::size_t N>
std::string text_of(const InlineBytes<N>& bytes) {
    return {bytes.bytes().begin(), bytes.bytes().end()};
}

} // namespace

void PowerStatistics::add(Mono now, double watts) noexcept {
    current = static_cast<u16>(std::clamp(std::round(watts), 0.0, 65535.0));
    if (count == 0) {
        since = now;
    }
    lowest = count == 0 ? current : std::min(lowest, current);
    highest = count == 0 ? current : std::max(highest, current);
    sum += current;
    ++count;
}

const Dcmi::Settings& Dcmi::settings() const noexcept {
    return settings_ ? *settings_ : defaults;
}

Dcmi::Settings& Dcmi::change() {
    if (!settings_) {
        settings_ = std::make_unique<Settings>();
    }
    return *settings_;
}

void Dcmi::save(std::vector<u8>& out) const {
    if (!settings_) {
        out.push_back(saved_version);
        return;
    }
    Saved saved;
    saved.asset_tag.assign(std::string_view(settings_->asset_tag));
    saved.has_asset_tag = settings_->has_asset_tag;
    saved.controller_id.assign(std::string_view(settings_->controller_id));
    saved.discovery = settings_->discovery;
    saved.dhcp_initial_timeout = settings_->dhcp_initial_timeout;
    saved.dhcp_contact_timeout = settings_->dhcp_contact_timeout;
    saved.dhcp_retry_interval = settings_->dhcp_retry_interval;
    append_record(out, saved_version, saved);
}

bool Dcmi::load(Bytes bytes) {
    if (bytes.size() == 1 && bytes.front() == saved_version) {
        settings_.reset();
        return true;
    }
    const auto saved = read_record<Saved>(bytes, saved_version);
    if (!saved) {
        return false;
    }
    Settings& settings = change();
    settings.asset_tag = text_of(saved->asset_tag);
    settings.has_asset_tag = saved->has_asset_tag;
    settings.controller_id = text_of(saved->controller_id);
    settings.discovery = saved->discovery;
    settings.dhcp_initial_timeout = saved->dhcp_initial_timeout;
    settings.dhcp_contact_timeout = saved->dhcp_contact_timeout;
    settings.dhcp_retry_interval = saved->dhcp_retry_interval;
    return true;
}

const SensorSpec* power_sensor(const SensorSet* own) noexcept {
    if (own == nullptr) {
        return nullptr;
    }
    const auto at = std::find_if(own->sensors.begin(), own->sensors.end(), [](const SensorSpec& s) {
        return s.is_threshold() && s.unit == SensorUnit::watts;
    });
    return at == own->sensors.end() ? nullptr : &*at;
}

std::string_view asset_tag(const Bmc& bmc) noexcept {
    const Dcmi::Settings& settings = bmc.dcmi.settings();
    if (settings.has_asset_tag) {
        return settings.asset_tag;
    }
    return bmc.fru.identity().asset_tag().substr(0, Dcmi::asset_tag_max);
}

InlineBytes<Dcmi::controller_id_max> controller_id(const Bmc& bmc) noexcept {
    InlineBytes<Dcmi::controller_id_max> text;
    const std::string& set = bmc.dcmi.settings().controller_id;
    if (!set.empty()) {
        text.assign(std::string_view(set));
        return text;
    }
    static constexpr std::string_view digits = "0123456789abcdef";
    text.assign(std::string_view("DCMI"));
    for (const u8 byte : bmc.config.mac) {
        text.push_back(static_cast<u8>(digits[byte >> 4]));
        text.push_back(static_cast<u8>(digits[byte & 0x0f]));
    }
    return text;
}

} // namespace vbmc::bmc
