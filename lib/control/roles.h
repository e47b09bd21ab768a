#pragma once
// Who may do what. A caller of the Unix socket is known by uid and groups, a caller of TCP by the
// certificate it showed; rules give roles to either. Pure; resolve() alone asks the system's
// databases, when the configuration is read.

#include "base/bytes.h"
#include "base/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace vbmc::control {

enum class Role : u8 {
    viewer = 1,
    operate = 2, // power, boot, sessions, SEL; includes viewer
    admin = 4,   // everything; includes all others
    secrets_reader = 8,
};

/// "viewer", "operator", "admin", "secrets".
std::string_view to_string(Role role) noexcept;

/// Also "secrets".
std::optional<Role> parse_role(std::string_view text) noexcept;

/// The roles of one caller, those that are included by others too.
class RoleSet {
  public:
    void add(Role role) noexcept;

    bool has(Role role) const noexcept { return (bits_ & static_cast<u8>(role)) != 0; }

    bool empty() const noexcept { return bits_ == 0; }

    std::vector<std::string> names() const;

  private:
    u8 bits_ = 0;
};

/// One line of the configuration: `subject` is user: or uid:, group: or gid: with a name or a
/// number (Unix socket), or cn:NAME, dns:NAME, uri:URI (client certificate).
struct RoleRule {
    Role role = Role::viewer;
    std::string subject;
};

/// What the kernel says of the other end of a Unix socket.
struct UnixPeer {
    u32 uid = 0;
    u32 gid = 0;
    u32 pid = 0;
    std::vector<u32> groups; // supplementary
};

/// What a verified client certificate says.
struct CertificatePeer {
    std::string common_name;
    std::vector<std::string> dns;
    std::vector<std::string> uris;
    std::string address; // where it came from, for the audit
};

/// Neither: nothing is known, nothing is allowed.
using PeerIdentity = std::variant<std::monostate, UnixPeer, CertificatePeer>;

struct Caller {
    std::string identity; // "uid:1000", "cn:ops.example"
    RoleSet roles;
};

class RoleMap {
  public:
    /// root and `own_uid` are always admin. The error names the rule that cannot be understood.
    static Result<RoleMap> resolve(const std::vector<RoleRule>& rules, u32 own_uid);

    Caller identify(const PeerIdentity& peer) const;

  private:
    struct Entry {
        enum class Kind : u8 { uid, gid, cn, dns, uri } kind;
        u32 number = 0;
        std::string name;
        Role role;
    };

    static Result<Entry> resolve_one(const RoleRule& rule);
    RoleSet roles_of(const UnixPeer& peer) const;
    RoleSet roles_of(const CertificatePeer& peer) const;

    std::vector<Entry> entries_;
    u32 own_uid_ = 0;
};

/// Nothing, or the refusal that the caller sees.
std::optional<Error> require(const Caller& caller, Role role);

} // namespace vbmc::control
