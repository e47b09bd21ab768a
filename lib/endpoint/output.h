#pragma once
// What a VirtualBmc wants its host to do after a call: taken out one by one with poll().

#include "base/peer.h"
#include "bmc/intent.h"
#include "bmc/section.h"
#include "rmcp/directory.h"

#include <string>
#include <variant>
#include <vector>

namespace vbmc::endpoint {

/// A datagram that nobody's call returns: a deferred reply, or console output.
struct Transmit {
    Peer to;
    std::vector<u8> bytes;
};

/// Sections of the model that changed: save() and keep them.
struct Persist {
    bmc::Sections sections;
};

/// For the audit trail; carries no secret. `from` is the client's address.
struct Audit {
    enum class Kind : u8 {
        login,
        login_refused,
        logout,
        power,
        boot,
        users_changed,
        sel_cleared,
        controller_reset,
        raw, // passed on to the backend; `detail`: netFn and command in hex
    };
    Kind kind = Kind::login;
    Peer from;
    std::string user;   // as it was given: any bytes
    std::string detail; // e.g. "cycle", "wrong_password"
};

using Output = std::variant<Transmit, bmc::Intent, Persist, Audit>;

} // namespace vbmc::endpoint
