#include "bmc/users.h"

#include "bmc/record.h"

namespace vbmc::bmc {

namespace {

constexpr u8 record_version = 1;

constexpr bool is_writable(u8 id) noexcept {
    return id >= first_user && id <= user_slots;
}

auto by_id(const User& user, u8 id) noexcept {
    return user.id < id;
}

} // namespace

bool Key20::is_zero() const noexcept {
    u8 any = 0;
    for (const u8 b : bytes_) {
        any |= b;
    }
    return any == 0;
}

const User* Users::find(u8 id) const noexcept {
    const auto at = std::lower_bound(users_.begin(), users_.end(), id, by_id);
    return at != users_.end() && at->id == id ? &*at : nullptr;
}

const User* Users::find_by_name(Bytes name) const noexcept {
    return find_by_name_and_privilege(name, Privilege::none);
}

const User* Users::find_by_name_and_privilege(Bytes name, Privilege wanted) const noexcept {
    const auto at = std::find_if(users_.begin(), users_.end(), [&](const User& user) {
        return user.can_log_in() && equal(user.name.bytes(), name) && user.lan_limit() >= wanted;
    });
    return at != users_.end() ? &*at : nullptr;
}

User* Users::edit(u8 id) {
    if (!is_writable(id)) {
        return nullptr;
    }
    auto at = std::lower_bound(users_.begin(), users_.end(), id, by_id);
    if (at == users_.end() || at->id != id) {
        at = users_.insert(at, User{});
        at->id = id;
    }
    return &*at;
}

u8 Users::free_slot() const noexcept {
    u8 id = first_user;
    for (const User& user : users_) {
        if (user.id != id) {
            break;
        }
        ++id;
    }
    return id <= user_slots ? id : u8{0};
}

bool Users::set(const User& user) {
    User* slot = edit(user.id);
    if (slot == nullptr) {
        return false;
    }
    *slot = user;
    return true;
}

bool Users::remove(u8 id) noexcept {
    return std::erase_if(users_, [id](const User& user) { return user.id == id; }) > 0;
}

bool Users::name_taken(Bytes name, u8 id) const noexcept {
    return std::any_of(users_.begin(), users_.end(), [&](const User& user) {
        return user.id != id && !user.name.empty() && equal(user.name.bytes(), name);
    });
}

u8 Users::count_enabled() const noexcept {
    return static_cast<u8>(std::count_if(users_.begin(), users_.end(), [](const User& user) {
        return user.enabled;
    }));
}

void Users::save(std::vector<u8>& out) const {
    append_record(out, record_version, *this);
}

bool Users::load(Bytes saved) {
    auto read = read_record<Users>(saved, record_version);
    if (!read) {
        return false;
    }
    u8 last = null_user;
    for (const User& user : read->users_) {
        if (user.id <= last || user.id > user_slots || user.limit > Privilege::oem) {
            return false;
        }
        last = user.id;
    }
    *this = std::move(*read);
    return true;
}

} // namespace vbmc::bmc
