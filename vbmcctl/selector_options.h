#pragma once
// --match and --match-name: which machines of a backend are meant.

#include "vbmcctl/cli.h"

namespace vbmc::ctl {

struct SelectorArgs {
    std::string name;
    std::vector<std::string> labels;

    bool any() const { return !name.empty() || !labels.empty(); }
};

void add_selector_options(CLI::App& command, SelectorArgs& args);

Result<void> apply_selector(const SelectorArgs& args, api::Selector& selector);

} // namespace vbmc::ctl
