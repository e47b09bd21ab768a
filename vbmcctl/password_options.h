#pragma once
// The password options of a command, declared in one way.

#include "vbmcctl/secret_input.h"

#include <CLI/App.hpp>

namespace vbmc::ctl {

void add_password_options(CLI::App& command, PasswordArgs& args);

} // namespace vbmc::ctl
