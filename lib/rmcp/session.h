#pragma once
// An active session: the only place that holds a session's keys. In the shard's pool; the list of
// an engine's sessions is linked through `next`.

#include "crypto/mac.h"
#include "rmcp/incoming.h"
#include "rmcp/replay_window.h"
#include "rmcp/reply_cache.h"
#include "rmcp/session_pool.h"
#include "wire/session_header.h"

namespace vbmc::rmcp {

struct Session {
    u32 next = no_slot;
    u32 id = 0;         // the BMC's, random, never 0
    u32 console_id = 0; // RMCP+: stands in what we send
    Peer peer;
    Mono opened{};
    Mono last_used{};
    u8 handle = 0;
    u8 user_id = 0;
    Privilege privilege = Privilege::none;
    Privilege privilege_max = Privilege::none;
    Framing framing = Framing::rmcp_plus;
    wire::AuthType auth_type = wire::AuthType::none; // IPMI 1.5
    const crypto::Suite* suite = nullptr;            // RMCP+

    // Every packet of a session is authenticated, or none is (as its suite says): one window and
    // one counter are enough where the specification keeps two.
    ReplayWindow inbound;
    u32 outbound = 0;         // the last number sent
    crypto::SessionKeys keys; // IPMI 1.5: k1 is the password

    // A retransmitted RAKP 3 (IPMI 1.5: Activate Session) gets the same answer.
    crypto::Code rakp3_code;
    u8 rakp3_tag = 0;
    crypto::Code check_value;
    u32 initial_inbound = 0; // IPMI 1.5

    ReplyCache replies;

    u8 suite_id() const noexcept { return suite == nullptr ? u8{0} : suite->id; }
};

} // namespace vbmc::rmcp
