#include "vbmcctl/selector_options.h"

namespace vbmc::ctl {

void add_selector_options(CLI::App& command, SelectorArgs& args) {
    command.add_option("--match-name", args.name, "Machines of that name; * is anything")
        ->type_name("PATTERN");
    add_repeated(
        command, "--match", args.labels, "Machines with that tag or metadata; * is anything"
    )
        ->type_name("KEY[=PATTERN]");
}

Result<void> apply_selector(const SelectorArgs& args, api::Selector& selector) {
    selector.set_name(args.name);
    for (const std::string& label : args.labels) {
        const std::size_t sign = label.find('=');
        const std::string key = label.substr(0, sign);
        if (key.empty()) {
            return Error(ErrorCode::invalid_argument, "--match is KEY or KEY=PATTERN");
        }
        (*selector.mutable_labels())[key] =
            sign == std::string::npos ? std::string() : label.substr(sign + 1);
    }
    return {};
}

} // namespace vbmc::ctl
