#include "bmc/lan.h"

#include "bmc/record.h"

namespace vbmc::bmc {

namespace {

constexpr u8 saved_version = 1;
const LanSettings defaults{};

struct Saved {
    LanSettings settings;
    bool has_settings = false;
    InlineBytes<CipherPolicy::capacity> suites;
    InlineBytes<CipherPolicy::capacity> privileges;

    static void fields(auto& c, auto& r) {
        c.byte(r.has_settings);
        c.nested(r.settings);
        c.counted(r.suites);
        c.counted(r.privileges);
    }
};

} // namespace

void CipherPolicy::set(Bytes ids) noexcept {
    const CipherPolicy before = *this;
    ids_.clear();
    for (const u8 id : ids.first(std::min(ids.size(), capacity))) {
        const Bytes old = before.ids();
        const auto at = std::find(old.begin(), old.end(), id);
        const auto known = static_cast<std::size_t>(at - old.begin());
        max_[ids_.size()] =
            at == old.end() ? static_cast<u8>(Privilege::administrator) : before.max_[known];
        ids_.push_back(id);
    }
}

Privilege CipherPolicy::max_privilege(u8 id) const noexcept {
    const Bytes all = ids();
    const auto at = std::find(all.begin(), all.end(), id);
    if (at == all.end()) {
        return Privilege::none;
    }
    return static_cast<Privilege>(max_[static_cast<std::size_t>(at - all.begin())]);
}

void CipherPolicy::limit(u8 id, Privilege max) noexcept {
    const Bytes all = ids();
    const auto at = std::find(all.begin(), all.end(), id);
    if (at != all.end()) {
        max_[static_cast<std::size_t>(at - all.begin())] = static_cast<u8>(max);
    }
}

const LanSettings& Lan::settings() const noexcept {
    return settings_ ? *settings_ : defaults;
}

LanSettings& Lan::change() {
    if (!settings_) {
        settings_ = std::make_unique<LanSettings>();
    }
    return *settings_;
}

void Lan::save(std::vector<u8>& out) const {
    Saved saved;
    saved.has_settings = settings_ != nullptr;
    saved.settings = settings();
    saved.suites.assign(cipher_suites.ids());
    saved.privileges.assign(Bytes(cipher_suites.max_).first(cipher_suites.ids().size()));
    append_record(out, saved_version, saved);
}

bool Lan::load(Bytes saved) {
    const auto record = read_record<Saved>(saved, saved_version);
    if (!record || record->suites.size() != record->privileges.size()) {
        return false;
    }
    settings_ = record->has_settings ? std::make_unique<LanSettings>(record->settings) : nullptr;
    if (cipher_suites.ids().empty()) {
        cipher_suites.set(record->suites.bytes()); // until the endpoint tells which there are
    }
    for (std::size_t i = 0; i < record->suites.size(); ++i) {
        const u8 max = std::min(record->privileges.bytes()[i], static_cast<u8>(Privilege::oem));
        cipher_suites.limit(record->suites.bytes()[i], static_cast<Privilege>(max));
    }
    return true;
}

} // namespace vbmc::bmc
