#pragma once
// What the daemon is told: defaults, then vbmcd.yaml, then VBMC_* variables, then flags; the later
// one wins. Read once at start and again on SIGHUP (what can change then is named in
// vbmcd.yaml(5)).

#include "base/log.h"
#include "base/peer.h"
#include "base/result.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace vbmc::daemon {

struct TlsListener {
    IpAddress address;
    u16 port = 0;
    std::string certificate; // PEM files, read again when they change
    std::string key;
    std::string client_ca;
};

struct Config {
    std::string state_dir = "/var/lib/vbmc";
    std::string database; // empty: STATE_DIR/vbmcd.db
    std::string key_file; // empty: a systemd credential, else STATE_DIR/vbmcd.key

    std::string socket_path; // empty: STATE_DIR/vbmcd.sock
    u32 socket_mode = 0660;
    std::string socket_group;
    std::vector<TlsListener> listen;
    /// Role name (admin, operator, viewer, secrets) -> who: "uid:0", "gid:vbmc", "cn:ops",
    /// "dns:a.example".
    std::map<std::string, std::vector<std::string>> roles;

    Peer metrics; // port 0: no metrics are served

    std::vector<IpNetwork> address_pool;
    IpAddress default_address = IpAddress::v4(127, 0, 0, 1);
    u16 port_first = 6230;
    u16 port_last = 65535;
    u32 nodes_max = 100'000;
    u32 shards = 0;               // 0: one a core, four at most
    u32 receive_buffer_bytes = 0; // 0: the system's default
    double poll_interval_s = 30.0;
    double sensor_poll_s = 60.0;

    std::vector<std::string> credential_directories = {"/etc/vbmc/credentials"};
    std::vector<std::string> credential_variables = {"VBMC_SECRET_*", "METAL_AUTH_TOKEN"};
    std::vector<std::string> credential_names = {"*"};

    std::string log_level = "info";
    std::string log_target = "auto"; // the journal under systemd, else standard error

    std::string database_path() const;
    std::string control_socket() const;
};

/// Adds what the file says to `config`. The error names the file, the line and the key.
Result<void> read_config_file(const std::string& path, Config& config);

/// "debug", "info", "warn", "error".
std::optional<Level> parse_level(std::string_view text);

} // namespace vbmc::daemon
