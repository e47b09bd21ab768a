#pragma once
// What a remote console is told before it logs in to a BMC, and the words in which it says what
// went wrong. Plain values; the rest of this folder turns them into packets.

#include "base/secret.h"
#include "base/time.h"

#include <string_view>
#include <vector>

namespace vbmc::client {

/// Asked for at every log-in, so that a changed password counts at once.
struct Credentials {
    std::vector<u8> user; // at most 16 bytes
    Secret password;      // at most 20 bytes
    Secret bmc_key;       // K_g, binary, at most 20 bytes; empty: one-key log-in
};

struct Settings {
    std::vector<u8> suites = {17, 3}; // in order of preference; others are never used
    u8 privilege = 4;                 // of the wire: 2 user, 3 operator, 4 administrator
    Duration retry_first = std::chrono::milliseconds(500); // doubles with each retransmission
    Duration retry_max = std::chrono::seconds(2);
    Duration retry_careful = std::chrono::seconds(2); // of what must not be done twice
    u8 tries = 4;                                     // transmissions of one packet
    u8 list_tries = 2; // of Get Channel Cipher Suites, which some never answer
    Duration keep_alive = std::chrono::seconds(30); // a BMC ends a session after 60 s of silence
    Duration busy_pause = std::chrono::milliseconds(250); // before a busy BMC is asked again
    u8 window = 4;                                        // requests under way at a time
};

enum class Failure : u8 {
    none,
    no_answer,         // nothing came back in time
    user_ignored,      // it answered until it was told the user name
    not_rmcp_plus,     // it answers, but knows no IPMI 2.0 session
    no_common_suite,   // none of the wanted cipher suites is offered or taken
    unknown_user,      // or one that may not log in
    wrong_password,    // the BMC's proof does not match, or it refused ours
    wrong_bmc_key,     // both know the password, but not the same K_g
    role_refused,      // the user may not have the wanted privilege
    no_session_free,   // the BMC's session table is full
    refused,           // any other status of the handshake
    session_lost,      // it forgot the session, or restarted
    too_many_requests, // of our own: the queue is full
    deadline,          // the caller's time is over
    closed,            // by us
};

/// Why something failed; `code` is the handshake's status or the completion code behind it.
struct Trouble {
    Failure failure = Failure::none;
    u8 code = 0;

    friend bool operator==(const Trouble&, const Trouble&) = default;
};

/// "the password is wrong" and the like: what happened, without a subject.
std::string_view describe(Failure failure) noexcept;

} // namespace vbmc::client
