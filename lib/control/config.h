#pragma once
// What the control API is told by the composition root.

#include "base/bytes.h"
#include "base/time.h"
#include "control/roles.h"

#include <map>
#include <string>
#include <vector>

namespace vbmc::control {

/// A TCP listener: always with mutual TLS. The files are watched; a renewed certificate is served
/// within seconds, to new connections.
struct TcpListener {
    std::string address = "127.0.0.1"; // IPv4 or IPv6
    u16 port = 0;                      // 0: any free one; see ControlServer::listeners()
    std::string certificate;           // PEM, with the chain
    std::string key;                   // PEM
    std::string client_ca;             // PEM; who signs the clients' certificates
};

struct ControlConfig {
    std::string socket_path; // empty: no Unix socket of our own
    unsigned socket_mode = 0660;
    std::string socket_group; // empty: the daemon's
    int socket_fd = -1;       // a listening socket from systemd, instead of socket_path
    std::vector<TcpListener> tcp;
    std::vector<RoleRule> roles;     // besides root and the daemon's own uid, which are admin
    int message_bytes_max = 4 << 20; // of a request
    u32 parallelism_max = 256;       // of one bulk call
    u32 streams_max = 256;           // watchers and bulk calls at a time
    std::size_t watch_ring = 4096;   // events that wait for one watcher
};

/// What GetServerInfo tells besides what it can see itself.
struct ServerFacts {
    std::string version;
    std::string state_dir;
    Wall started{};
    std::map<std::string, std::string> config; // in force, without secrets
};

} // namespace vbmc::control
