#pragma once
// What Engine::open() makes of a datagram: dropped, answered, or something for the layers above.

#include "rmcp/directory.h"

#include <variant>

namespace vbmc::rmcp {

/// Why a datagram gets no answer. One counter each, in Shared.
enum class Drop : u8 {
    malformed,       // not RMCP, not IPMI, lengths that do not fit
    unwanted,        // an acknowledgement, a response, a payload that we do not take
    not_allowed,     // the allow-list of client networks
    unknown_session, // no such id, or not from its peer
    out_of_order,    // a handshake message that its state has no use for
    unprotected,     // authenticated or encrypted bits other than the session's
    bad_code,        // the integrity or authentication code is wrong
    bad_padding,     // authentic, but what was decrypted is no payload
    replayed,        // a session sequence number seen before, or outside the window; a copy
    in_progress,     // a retransmitted request whose first copy still waits for its answer
    throttled,       // too many questions from this source
    delayed,         // this source guessed passwords: its log-ins wait
    needs_session,   // a command that is not for strangers
    no_room,         // the answer does not fit into `out`
    count_,
};

inline constexpr std::size_t drop_count = static_cast<std::size_t>(Drop::count_);

struct Dropped {
    Drop reason = Drop::malformed;
};

/// `size` bytes in `out`; send them to the peer.
struct Answered {
    std::size_t size = 0;
};

enum class Framing : u8 { ipmi15, rmcp_plus };

/// All that a reply needs later: a few bytes to park while a backend works.
struct Return {
    u32 session_id = 0; // 0: outside a session
    Framing framing = Framing::rmcp_plus;
    u8 net_fn = 0; // of the request
    u8 command = 0;
    u8 rs_address = 0x20;
    u8 rs_lun = 0;
    u8 rq_address = 0;
    u8 rq_sequence = 0;
    u8 rq_lun = 0;
    u8 cache_slot = 0xff; // of the session's reply cache; 0xff: none
    u8 cache_stamp = 0;   // tells whether the slot is still this request's
};

static_assert(sizeof(Return) <= 16);

struct Request {
    Return ret;
    u8 net_fn = 0;
    u8 lun = 0;
    u8 command = 0;
    u8 rs_address = 0x20;                  // not ours (20h): a bridged request
    Bytes data;                            // decrypted, a view into the datagram
    Privilege privilege = Privilege::none; // the session's, now; none outside a session
    u8 user_id = 0;
    u32 session_id = 0; // 0: outside a session
};

/// A Serial-over-LAN payload of a session.
struct Sol {
    u32 session_id = 0;
    Bytes payload; // decrypted, a view into the datagram; wire/sol.h reads it
};

using Incoming = std::variant<Dropped, Answered, Request, Sol>;

} // namespace vbmc::rmcp
