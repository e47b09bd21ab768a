#pragma once
// A log-in that is not finished: its state as a variant, in a pool apart from the sessions, short
// lived, never in the way of a session. It holds no key: a name and nonces only; keys are derived
// when RAKP 3 proves the password, and live in the Session.

#include "base/inline_bytes.h"
#include "rmcp/directory.h"
#include "rmcp/session_pool.h"
#include "wire/rakp.h"
#include "wire/session_header.h"

#include <variant>

namespace vbmc::rmcp {

using UserName = InlineBytes<wire::user_name_max>;

/// Nothing happened yet.
struct Free {};

/// Open Session was answered.
struct Opened {
    bool refused_before = false; // a RAKP 1 was refused: told to the operator once
};

/// RAKP 2 was sent: the console has to prove the password now.
struct Rakp2Sent {
    u8 role = 0;
    ByteArray<16> console_random{};
    ByteArray<16> bmc_random{};
    UserName name;
};

/// RAKP 3 was wrong: a retransmission gets the same answer.
struct Refused {
    wire::Status status = wire::Status::ok;
};

/// IPMI 1.5: Get Session Challenge was answered.
struct Challenged {
    wire::AuthType auth_type = wire::AuthType::md5;
    ByteArray<16> challenge{};
    UserName name;
};

using Handshake = std::variant<Free, Opened, Rakp2Sent, Refused, Challenged>;

/// The message that was answered last, to tell a copy that the network made of it.
struct AnsweredStep {
    wire::PayloadType type = wire::PayloadType::ipmi; // none yet
    u8 tag = 0;
    Mono at{};

    bool
    is_copied_by(wire::PayloadType next, u8 next_tag, Mono now, Duration window) const noexcept {
        return next == type && next_tag == tag && now - at < window;
    }
};

struct HalfOpen {
    u32 next = no_slot;
    u32 id = 0; // the BMC's session id, random
    Peer peer;
    Mono since{};
    wire::OpenSessionRequest request; // RMCP+ only
    u8 suite_id = 0;
    Privilege privilege_max = Privilege::none; // of what was asked, the channel and the suite
    AnsweredStep answered;
    Handshake state;
};

} // namespace vbmc::rmcp
