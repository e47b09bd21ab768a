#pragma once
// The command line and the environment of vbmcd, folded over the configuration file.

#include "config.h"

#include <optional>
#include <string>

namespace vbmc::daemon {

struct Options {
    std::string config_path; // empty: no file was asked for and none is at the default place
    Config config;
    bool check_only = false; // --check-config: read, say what is wrong, end
};

/// What to do: go on with options, or end at once with this exit code (help, version, a usage
/// error: already printed).
struct Parsed {
    std::optional<Options> options;
    int exit_code = 0;
};

Parsed parse_options(int argc, char** argv);

/// The same sources again, for SIGHUP.
Result<Options> read_options_again(int argc, char** argv);

} // namespace vbmc::daemon
