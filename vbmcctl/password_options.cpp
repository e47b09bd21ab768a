#include "vbmcctl/password_options.h"

namespace vbmc::ctl {

void add_password_options(CLI::App& command, PasswordArgs& args) {
    const char* group = "Password";
    command.add_option("--password-file", args.file, "The password is this file's first line")
        ->type_name("FILE")
        ->group(group);
    command.add_flag("--password-stdin", args.from_stdin, "The password comes on standard input")
        ->group(group);
    command.add_flag("--ask-password", args.ask, "Ask for the password on the terminal")
        ->group(group);
    command
        .add_option_function<std::string>(
            "--password",
            [&args](const std::string& value) {
                args.value = value;
                args.given = true;
            },
            "The password itself: every user of this machine can see it"
        )
        ->type_name("TEXT")
        ->group(group);
}

} // namespace vbmc::ctl
