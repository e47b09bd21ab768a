// Stands in for lib/fleet's sources, which need a store: the control layer's tests run without any.

#include "fleet/sources.h"

namespace vbmc::fleet {

namespace {

Error none_here() {
    return Error(ErrorCode::unsupported, "NO_SOURCES", "no sources in this test");
}

} // namespace

Awaitable<Result<SourceView>> Sources::create(SourceSpec, bool, std::string) {
    co_return none_here();
}

Awaitable<Result<SourceView>> Sources::update(std::string, SourceChange, std::string) {
    co_return none_here();
}

Awaitable<Result<void>> Sources::remove(std::string, bool, std::string) {
    co_return none_here();
}

Result<SourceView> Sources::get(const std::string&) const {
    return none_here();
}

std::vector<SourceView> Sources::list() const {
    return {};
}

} // namespace vbmc::fleet
