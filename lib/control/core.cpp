#include "control/core.h"

#include "base/log.h"

namespace vbmc::control {

void audit(
    const Caller& caller, std::string_view what, const std::string& node, const Result<void>& done
) {
    std::string result = "OK";
    if (!done) {
        const Error error = done.error();
        result = error.reason.empty() ? std::string(to_string(error.code)) : error.reason;
    }
    log(done ? Level::info : Level::warn,
        "control.audit",
        {{"who", caller.identity}, {"call", what}, {"node", node}, {"result", result}});
}

} // namespace vbmc::control
