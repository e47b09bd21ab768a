#pragma once
// Users of the LAN channel and K_g. Slots 2-16; slot 1 is the null user of the specification:
// always there, never enabled, never named. Passwords are wiped when they end. Persisted in
// Section::users, which the store encrypts.

#include "base/fields.h"
#include "base/secret.h"
#include "bmc/privilege.h"

#include <optional>
#include <vector>

namespace vbmc::bmc {

inline constexpr u8 user_slots = 16;
inline constexpr u8 null_user = 1;
inline constexpr u8 first_user = 2;

/// An RMCP+ password or key: 20 bytes, padded with zeros.
class Key20 {
  public:
    Key20() = default;

    explicit Key20(const ByteArray<20>& bytes) noexcept : bytes_(bytes) {}

    /// Cuts off after 20 bytes: callers check first.
    explicit Key20(Bytes bytes) noexcept {
        std::copy_n(bytes.begin(), std::min<std::size_t>(bytes.size(), 20), bytes_.begin());
    }

    Key20(const Key20&) = default;
    Key20& operator=(const Key20&) = default;

    ~Key20() { wipe(bytes_); }

    Bytes reveal() const noexcept { return bytes_; }

    bool is_zero() const noexcept;

    friend bool operator==(const Key20& a, const Key20& b) noexcept {
        return equal_constant_time(a.bytes_, b.bytes_);
    }

    static void fields(auto& c, auto& r) { c.bytes(r.bytes_); }

  private:
    ByteArray<20> bytes_{};
};

using UserName = InlineBytes<16>;

struct User {
    u8 id = 0;
    UserName name;
    Key20 password;
    bool password_is_20 = false; // set as 20 bytes: no IPMI 1.5 log-in (IPMI 2.0 §22.30)
    bool enabled = false;
    bool messaging = false; // may log in and send commands (§22.26)
    bool link_auth = false;
    bool callback_only = false;
    Privilege limit = Privilege::none; // on the LAN channel; none: no access
    u8 session_limit = 0;              // 0: only the channel's
    u16 standard_payloads = 0x0002;    // bit a payload type; SOL is bit 1 (§24.6)
    u16 oem_payloads = 0;

    /// Whether a log-in with this user can succeed at all.
    bool can_log_in() const noexcept {
        return enabled && messaging && limit != Privilege::none && !name.empty() &&
               !password.is_zero(); // a user without a password is no user
    }

    /// The most that a log-in over the LAN reaches: nobody is called back here (§22.26).
    Privilege lan_limit() const noexcept {
        return callback_only ? std::min(limit, Privilege::callback) : limit;
    }

    u8 flags() const noexcept {
        return static_cast<u8>(
            password_is_20 << 0 | enabled << 1 | messaging << 2 | link_auth << 3 |
            callback_only << 4
        );
    }

    void set_flags(u8 bits) noexcept {
        password_is_20 = (bits & 0x01) != 0;
        enabled = (bits & 0x02) != 0;
        messaging = (bits & 0x04) != 0;
        link_auth = (bits & 0x08) != 0;
        callback_only = (bits & 0x10) != 0;
    }

    static void fields(auto& c, auto& r) {
        c.byte(r.id);
        c.counted(r.name);
        c.nested(r.password);
        u8 flags = r.flags();
        c.byte(flags);
        if constexpr (std::remove_reference_t<decltype(c)>::reading) {
            r.set_flags(flags);
        }
        c.byte(r.limit);
        c.byte(r.session_limit);
        c.word(r.standard_payloads);
        c.word(r.oem_payloads);
    }
};

class Users {
  public:
    /// Ordered by id. A slot that was never written is not there.
    const std::vector<User>& list() const noexcept { return users_; }

    /// nullptr for an empty slot.
    const User* find(u8 id) const noexcept;

    /// The first user of that name that can log in (name-only lookup).
    const User* find_by_name(Bytes name) const noexcept;

    /// The first of that name whose limit allows `wanted` (name + privilege lookup, IPMI 2.0
    /// §13.20).
    const User* find_by_name_and_privilege(Bytes name, Privilege wanted) const noexcept;

    /// The slot for writing, made when it was empty; nullptr for ids that cannot be written.
    User* edit(u8 id);

    /// The first empty slot; 0 when all are taken.
    u8 free_slot() const noexcept;

    /// Replaces or adds a whole user; false for an id that cannot be written.
    bool set(const User& user);

    bool remove(u8 id) noexcept;

    /// True when another slot than `id` has that name.
    bool name_taken(Bytes name, u8 id) const noexcept;

    u8 count_enabled() const noexcept;

    /// K_g: the second key of RMCP+; all zeros means "not set" (IPMI 2.0 §13.33).
    bool has_kg() const noexcept { return !kg_.is_zero(); }

    const Key20& kg() const noexcept { return kg_; }

    void set_kg(const Key20& kg) noexcept { kg_ = kg; }

    bool kg_locked() const noexcept { return kg_locked_; }

    void lock_kg() noexcept { kg_locked_ = true; }

    void save(std::vector<u8>& out) const;
    bool load(Bytes saved);

    static void fields(auto& c, auto& r) {
        c.nested(r.kg_);
        c.byte(r.kg_locked_);
        u8 count = static_cast<u8>(r.users_.size());
        c.byte(count);
        if constexpr (std::remove_reference_t<decltype(c)>::reading) {
            r.users_.assign(std::min(count, user_slots), User{});
        }
        for (auto& user : r.users_) {
            c.nested(user);
        }
    }

  private:
    std::vector<User> users_;
    Key20 kg_;
    bool kg_locked_ = false;
};

} // namespace vbmc::bmc
