#include "net/bind_error.h"

#include "net/limits.h"

#include <cerrno>
#include <system_error>

namespace vbmc::net {

Error bind_error(const Peer& local, int error) {
    const std::string where = local.to_string();
    const std::string port = std::to_string(local.port);
    switch (error) {
    case EADDRINUSE:
        return Error(
                   ErrorCode::already_exists,
                   "ENDPOINT_IN_USE",
                   "UDP " + where + " is used by another program"
        )
            .with_field("port")
            .with_hint(
                "choose another port or address, or see who has it: ss -ulpn 'sport = :" + port +
                "'"
            );
    case EACCES:
    case EPERM:
        return Error(
                   ErrorCode::failed_precondition,
                   "MISSING_CAPABILITY",
                   "vbmcd may not bind UDP " + where
        )
            .with_field("port")
            .with_hint("ports below 1024 need CAP_NET_BIND_SERVICE, which the systemd unit grants; "
                       "or choose a port from 1024 up");
    case EADDRNOTAVAIL:
        return Error(
                   ErrorCode::failed_precondition,
                   "BIND_FAILED",
                   "this machine has no address " + local.address.to_string()
        )
            .with_field("address")
            .with_hint(
                "add it, for example: ip address add " + local.address.to_string() +
                (local.address.is_v4() ? "/32" : "/128") + " dev lo"
            );
    case EMFILE:
    case ENFILE:
        return Error(
                   ErrorCode::resource_exhausted,
                   "BIND_FAILED",
                   "no file descriptor left for UDP " + where + " (the limit is " +
                       std::to_string(open_files_max()) + ")"
        )
            .with_hint(
                "raise LimitNOFILE of the unit, or ulimit -Hn of the shell, and restart vbmcd"
            );
    case EAFNOSUPPORT:
        return Error(
                   ErrorCode::failed_precondition,
                   "BIND_FAILED",
                   "this machine has IPv6 switched off; " + where + " cannot be bound"
        )
            .with_field("address")
            .with_hint("give the node an IPv4 address");
    default:
        return Error(
                   ErrorCode::failed_precondition,
                   "BIND_FAILED",
                   "cannot bind UDP " + where + ": " + std::generic_category().message(error)
        )
            .with_field("address");
    }
}

} // namespace vbmc::net
