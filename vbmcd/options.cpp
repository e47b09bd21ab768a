#include "options.h"

#include "version.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <cstdlib>
#include <unistd.h>

namespace vbmc::daemon {

namespace {

constexpr const char* default_config_path = "/etc/vbmc/vbmcd.yaml";

/// What flags and variables said; empty means: not said.
struct Given {
    std::string config_path;
    std::string state_dir;
    std::string socket;
    std::string log_level;
    std::string log_target;
    std::optional<u32> shards;
    bool check_only = false;
};

void describe_flags(CLI::App& app, Given& given) {
    app.set_version_flag("--version", std::string("vbmcd ") + version);
    app.add_option(
           "--config",
           given.config_path,
           "Configuration file (default /etc/vbmc/vbmcd.yaml, if there)"
    )
        ->envname("VBMC_CONFIG");
    app.add_option(
        "--state-dir",
        given.state_dir,
        "Folder for database, key and control socket (VBMC_STATE_DIR; default /var/lib/vbmc)"
    );
    app.add_option(
        "--socket", given.socket, "Control socket (VBMC_SOCKET; default STATE_DIR/vbmcd.sock)"
    );
    app.add_option("--log-level", given.log_level, "debug, info, warn or error")
        ->envname("VBMC_LOG_LEVEL")
        ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
    app.add_option("--log-target", given.log_target, "auto, stderr or journal")
        ->envname("VBMC_LOG_TARGET")
        ->check(CLI::IsMember({"auto", "stderr", "journal"}));
    app.add_option(
           "--shards", given.shards, "Threads that serve BMCs (default: one a core, four at most)"
    )
        ->envname("VBMC_SHARDS")
        ->check(CLI::Range(1, 64));
    app.add_flag(
        "--check-config", given.check_only, "Read the configuration, report mistakes, and end"
    );
    app.footer(
        "Signals: SIGTERM stops, SIGHUP reads the configuration again. See vbmcd(8), vbmcd.yaml(5)."
    );
}

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

/// VBMC_SOCKET is vbmcctl's variable as well: a shell that has it for one vbmcd must not move the
/// socket of another out of the folder that its command line names.
void read_places_from_environment(Given& given) {
    if (given.socket.empty() && given.state_dir.empty()) {
        given.socket = variable("VBMC_SOCKET");
    }
    if (given.state_dir.empty()) {
        given.state_dir = variable("VBMC_STATE_DIR");
    }
}

Result<Options> fold(Given given) {
    read_places_from_environment(given);
    Options options;
    options.check_only = given.check_only;
    options.config_path = given.config_path;
    if (options.config_path.empty() && ::access(default_config_path, F_OK) == 0) {
        options.config_path = default_config_path;
    }
    if (!options.config_path.empty()) {
        if (const auto read = read_config_file(options.config_path, options.config); !read) {
            return read.error();
        }
    }
    Config& config = options.config;
    if (!given.state_dir.empty()) {
        config.state_dir = given.state_dir;
    }
    if (!given.socket.empty()) {
        config.socket_path = given.socket;
    }
    if (!given.log_level.empty()) {
        config.log_level = given.log_level;
    }
    if (!given.log_target.empty()) {
        config.log_target = given.log_target;
    }
    if (given.shards) {
        config.shards = *given.shards;
    }
    return options;
}

} // namespace

Parsed parse_options(int argc, char** argv) {
    CLI::App app(
        "vbmcd - gives every machine a BMC: IPMI 2.0 on its own address, in front of any backend"
    );
    Given given;
    describe_flags(app, given);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int code = app.exit(error);
        return {std::nullopt, code == 0 ? 0 : 2};
    }
    auto options = fold(given);
    if (!options) {
        std::fprintf(stderr, "vbmcd: %s\n", describe(options.error()).c_str());
        return {std::nullopt, 2};
    }
    return {std::move(*options), 0};
}

Result<Options> read_options_again(int argc, char** argv) {
    CLI::App app;
    Given given;
    describe_flags(app, given);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return Error(ErrorCode::invalid_argument, error.what());
    }
    return fold(given);
}

} // namespace vbmc::daemon
