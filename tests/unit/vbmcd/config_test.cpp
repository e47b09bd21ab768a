#include "config.h"

#include <catch2/catch.hpp>

#include <cstdio>
#include <fstream>
#include <unistd.h>

using namespace vbmc;
using namespace vbmc::daemon;

namespace {

/// A configuration file that lives as long as the test.
class File {
  public:
    explicit File(const std::string& text) {
        const int fd = ::mkstemp(path_.data());
        REQUIRE(fd >= 0);
        ::close(fd);
        std::ofstream(path_) << text;
    }

    File(const File&) = delete;
    File& operator=(const File&) = delete;

    ~File() { std::remove(path_.c_str()); }

    const std::string& path() const { return path_; }

  private:
    std::string path_ = "/tmp/vbmcd-config-XXXXXX";
};

std::string error_of(const std::string& text) {
    const File file(text);
    Config config;
    const auto result = read_config_file(file.path(), config);
    return result ? "" : result.error().message.substr(file.path().size());
}

} // namespace

TEST_CASE("a full file is read") {
    const File file("state-dir: /srv/vbmc\n"
                    "socket: {path: /run/vbmc/vbmcd.sock, mode: '0660', group: vbmc}\n"
                    "listen:\n"
                    "  - address: 127.0.0.1\n"
                    "    port: 8443\n"
                    "    tls: {cert: c.pem, key: k.pem, ca: ca.pem}\n"
                    "roles: {admin: ['uid:0', 'gid:vbmc-admin'], viewer: ['cn:monitor']}\n"
                    "address-pool: [10.1.0.0/22]\n"
                    "ports: {first: 7000, last: 7999}\n"
                    "log: {level: debug, target: stderr}\n");
    Config config;
    REQUIRE(read_config_file(file.path(), config));
    CHECK(config.state_dir == "/srv/vbmc");
    CHECK(config.database_path() == "/srv/vbmc/vbmcd.db");
    CHECK(config.control_socket() == "/run/vbmc/vbmcd.sock");
    CHECK(config.socket_mode == 0660);
    REQUIRE(config.listen.size() == 1);
    CHECK(config.listen[0].port == 8443);
    CHECK(config.roles["admin"].size() == 2);
    CHECK(config.address_pool.size() == 1);
    CHECK(config.port_last == 7999);
    CHECK(config.log_level == "debug");
}

TEST_CASE("an empty file changes nothing") {
    const File file("");
    Config config;
    REQUIRE(read_config_file(file.path(), config));
    CHECK(config.control_socket() == "/var/lib/vbmc/vbmcd.sock");
}

TEST_CASE("mistakes name the line and the key") {
    CHECK(error_of("log: {level: info}\nstate-dri: /x\n").find(":2: state-dri: unknown key") == 0);
    CHECK(
        error_of("log: {level: loud}\n") == ":1: log.level: must be one of debug, error, info, warn"
    );
    CHECK(error_of("\nports: {first: 99999}\n").find(":2: ports.first: must be between") == 0);
    CHECK(
        error_of("ports: {first: 9, last: 8}\n").find("first must not be above last") !=
        std::string::npos
    );
    CHECK(error_of("shards: many\n") == ":1: shards: the value has the wrong type");
    CHECK(error_of("shards: 1.5\n") == ":1: shards: must be a whole number");
    CHECK(error_of("poll-interval: .nan\n").find("must be between 1 and") != std::string::npos);
    CHECK(
        error_of("socket: {mode: '0666'}\n").find("must not let everybody in") != std::string::npos
    );
    CHECK(
        error_of("listen: [{address: 127.0.0.1, port: 1}]\n").find("mutual TLS") !=
        std::string::npos
    );
    CHECK(error_of("roles: {king: [uid:0]}\n").find("unknown key") != std::string::npos);
    CHECK(error_of("roles: {admin: [root]}\n").find("must look like uid:0") != std::string::npos);
    CHECK(error_of("address-pool: [10.0.0.0/99]\n").find("network") != std::string::npos);
    CHECK(error_of("a: [1\n").find(":2") == 0);
}

TEST_CASE("a file with a mistake changes nothing at all") {
    const File file("state-dir: /srv/other\nshards: x\n");
    Config config;
    REQUIRE_FALSE(read_config_file(file.path(), config));
    CHECK(config.state_dir == "/var/lib/vbmc");
}

TEST_CASE("a missing file is an error") {
    Config config;
    const auto result = read_config_file("/nonexistent/vbmcd.yaml", config);
    REQUIRE_FALSE(result);
    CHECK(result.error().reason == "NO_CONFIG");
    CHECK(result.error().message.ends_with("No such file or directory"));
}

TEST_CASE("a folder is no empty file") {
    Config config;
    const auto result = read_config_file("/tmp", config);
    REQUIRE_FALSE(result);
    CHECK(result.error().message == "cannot read the configuration file /tmp: Is a directory");
}
