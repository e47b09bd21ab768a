#include "control/peer.h"

#include <grpcpp/security/auth_context.h>
#include <grpcpp/server_context.h>

#include <charconv>
#include <string_view>
#include <sys/socket.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

namespace vbmc::control {

namespace {

constexpr std::string_view fd_prefix = "fd:";

std::vector<std::string> texts(const grpc::AuthContext& auth, const char* property) {
    std::vector<std::string> out;
    for (const grpc::string_ref& value : auth.FindPropertyValues(property)) {
        out.emplace_back(value.data(), value.size());
    }
    return out;
}

} // namespace

PeerIdentity unix_peer_of(int fd) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
        return {};
    }
    UnixPeer peer;
    peer.uid = credentials.uid;
    peer.gid = credentials.gid;
    peer.pid = static_cast<u32>(credentials.pid);

    socklen_t bytes = 0; // the first call says how much room it takes
    getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, nullptr, &bytes);
    if (bytes > 0) {
        peer.groups.resize(bytes / sizeof(u32));
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &bytes) != 0) {
            peer.groups.clear();
        }
    }
    return peer;
}

PeerIdentity peer_of(const grpc::CallbackServerContext& context) {
    const std::string name = context.peer();
    if (name.starts_with(fd_prefix)) {
        int fd = -1;
        const char* end = name.data() + name.size();
        const auto [at, error] = std::from_chars(name.data() + fd_prefix.size(), end, fd);
        return error == std::errc{} && at == end ? unix_peer_of(fd) : PeerIdentity{};
    }
    const auto auth = context.auth_context();
    if (auth == nullptr || !auth->IsPeerAuthenticated()) {
        return {};
    }
    CertificatePeer peer;
    const auto names = texts(*auth, "x509_common_name");
    peer.common_name = names.empty() ? "" : names.front();
    peer.dns = texts(*auth, "peer_dns");
    peer.uris = texts(*auth, "peer_uri");
    peer.address = name;
    return peer;
}

} // namespace vbmc::control
