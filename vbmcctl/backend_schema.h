#pragma once
// Backend options on the command line: `--option k=v`, or any name of the kind's schema as --NAME.
// Which names there are only the daemon knows, so unknown options are set aside before parsing and
// looked up afterwards.

#include "vbmcctl/cli.h"

#include <map>
#include <string>
#include <vector>

namespace vbmc::ctl {

Result<std::vector<api::BackendKind>> backend_kinds(Cli& cli);

/// An unknown kind is an error that names those that there are.
Result<api::BackendKind> find_backend(Cli& cli, const std::string& name);

std::string option_type_text(const api::BackendOption& option);

/// "k=v" entries checked against the kind's names. A value that begins with "@" is read from that
/// file when the option is a secret. "k" alone is "true" for a boolean.
Result<std::map<std::string, std::string>>
schema_options(const api::BackendKind& kind, const std::vector<std::string>& entries);

/// The same for the options of looking for machines.
Result<std::map<std::string, std::string>>
discover_options(const api::BackendKind& kind, const std::vector<std::string>& entries);

/// The first two words of a line that are neither global options nor their values: its command.
std::vector<std::string> command_path(const CLI::App& root, const std::vector<std::string>& words);

/// Turns options that `command` does not know ("--latency 5ms", "--latency=5ms") into "--option
/// latency=5ms". A word behind such an option is its value unless it begins with "-".
std::vector<std::string>
fold_unknown_options(const CLI::App& root, const std::vector<std::string>& words);

} // namespace vbmc::ctl
