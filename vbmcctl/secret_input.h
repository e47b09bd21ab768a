#pragma once
// Where passwords come from: a file, standard input, a terminal without echo; argv only with a
// warning.

#include "base/result.h"
#include "base/secret.h"
#include "vbmcctl/terminal.h"

#include <string>

namespace vbmc::ctl {

/// The first line of a file, without its end; "-" is standard input. Warns when others may read it.
Result<Secret> read_secret_file(const Terminal& terminal, const std::string& path);

/// From a terminal: asks without echo. Else the first line of standard input.
Result<Secret> read_secret_stdin(const Terminal& terminal, std::string_view prompt);

/// Asks on /dev/tty without echo; twice, and both must be equal, when `confirm`.
Result<Secret> prompt_secret(std::string_view prompt, bool confirm);

/// 20 characters of letters and digits that are not taken for one another: 116 bits.
Secret generate_password();

/// The options that every command with a password has.
struct PasswordArgs {
    std::string value; // --password
    std::string file;
    bool from_stdin = false;
    bool ask = false;
    bool given = false; // --password was on the command line

    bool any() const { return given || !file.empty() || from_stdin || ask; }
};

/// More than one source is an error; the empty secret when there is none.
Result<Secret> read_password(const Terminal& terminal, const PasswordArgs& args);

} // namespace vbmc::ctl
