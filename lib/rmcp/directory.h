#pragma once
// What the engine asks the node about: users, keys, policy. The node's model answers, at once and
// from memory; the engine keeps no copy of a password. Called on the node's shard only.

#include "base/peer.h"
#include "base/secret.h"
#include "base/time.h"

#include <optional>

namespace vbmc::rmcp {

/// Privilege levels (IPMI 2.0 §6.8), in order; the numbers of the wire.
enum class Privilege : u8 {
    none = 0,
    callback = 1,
    user = 2,
    operator_ = 3,
    administrator = 4,
    oem = 5,
};

struct Credentials {
    u8 user_id = 0;
    Privilege privilege_max = Privilege::none; // the user's, on this channel
    u8 sessions_max = 0;    // of this user at a time (IPMI 2.0 §22.26); 0: only the node's limit
    bool key_is_20 = false; // stored in the 20-byte form: no IPMI 1.5 log-in
    ByteArray<20> key{};    // the password, zero padded

    Credentials() = default;
    Credentials(const Credentials&) = default;
    Credentials& operator=(const Credentials&) = default;

    ~Credentials() { wipe(key); }
};

struct SuiteRule {
    u8 id = 0;
    Privilege privilege_max = Privilege::administrator;
};

/// The node's rules for log-ins. Defaults are the safe ones.
struct Policy {
    /// In order of preference: the first is offered first and answers "any algorithm".
    std::array<SuiteRule, 12> suites{
        {{17, Privilege::administrator}, {3, Privilege::administrator}}};
    u8 suite_count = 2;
    Privilege privilege_max = Privilege::administrator; // the channel's
    bool ipmi15_md5 = false;
    bool ipmi15_password = false; // clear text: for clients that know nothing else
    /// LAN parameter 2 (IPMI 2.0 §23.2): the types that a level may log in with, callback first.
    ByteArray<5> ipmi15_enables = {0x3f, 0x3f, 0x3f, 0x3f, 0x3f};
    bool hide_users = false; // answer for unknown names as for known ones, refuse at RAKP 4
    u8 sessions_max = 16;

    bool ipmi15() const noexcept { return ipmi15_md5 || ipmi15_password; }

    /// A bit an authentication type, as it is on the wire; none for what is no privilege level.
    u8 ipmi15_types(Privilege level) const noexcept {
        if (level < Privilege::callback || level > Privilege::oem) {
            return 0;
        }
        const unsigned offered = (ipmi15_md5 ? 0x04U : 0U) | (ipmi15_password ? 0x10U : 0U);
        return static_cast<u8>(ipmi15_enables[static_cast<u8>(level) - 1U] & offered);
    }
};

/// Something about log-ins that an operator wants to know.
struct SessionEvent {
    enum class Kind : u8 { opened, refused, closed };
    enum class Reason : u8 {
        none,
        // refused
        unknown_name,
        wrong_password, // the console's code was wrong, or it said that ours was
        abandoned,      // no answer to RAKP 2: a wrong password or K_g at a client that just stops
        role_too_high,
        no_session_free,
        // closed
        by_console, // Close Session from within
        by_command, // Close Session from another session, the control API, a reset
        idle,
        evicted, // made room for a new log-in
        user_changed,
    };

    Kind kind = Kind::opened;
    Reason reason = Reason::none;
    Peer peer;
    Bytes user_name; // of a refusal: what was asked for; a view for the time of the call
    u8 user_id = 0;
    Privilege privilege_max = Privilege::none;
    u32 session_id = 0; // 0 for a refusal
    u8 suite_id = 0;    // 0: IPMI 1.5
};

class Directory {
  public:
    virtual ~Directory() = default;

    virtual const Policy& policy() const noexcept = 0;

    /// The enabled user with this name. `exact`: the one whose limit is this level (name+privilege
    /// lookup). Never the null user: an empty name is not asked for.
    virtual std::optional<Credentials>
    find_user(Bytes name, std::optional<Privilege> exact) const noexcept = 0;

    /// The second key, K_g; all zeros: none.
    virtual const ByteArray<20>& bmc_key() const noexcept = 0;

    virtual const ByteArray<16>& guid() const noexcept = 0;

    /// The allow-list of client networks.
    virtual bool allowed(const IpAddress&) const noexcept { return true; }

    /// Told while the engine works: must not call back into it.
    virtual void on_session_event(const SessionEvent&) noexcept {}
};

} // namespace vbmc::rmcp
