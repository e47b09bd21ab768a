#include "backend/driver.h"

namespace vbmc::backend {

namespace {

Error unsupported(const char* what) {
    return Error(ErrorCode::unsupported, std::string("this backend cannot ") + what);
}

} // namespace

Awaitable<Result<void>> Driver::set_boot(bmc::BootRequest, Mono) {
    co_return unsupported("choose the boot device");
}

Awaitable<Result<std::vector<bmc::SensorReading>>> Driver::sensors(Mono) {
    co_return unsupported("read sensors");
}

Awaitable<Result<bmc::IdentitySeen>> Driver::identity(Mono) {
    co_return unsupported("name the machine");
}

Awaitable<Result<void>> Driver::identify(bmc::Identify, Mono) {
    co_return unsupported("light the machine up");
}

Awaitable<Result<void>> Driver::insert_media(Media, Mono) {
    co_return unsupported("insert media");
}

Awaitable<Result<void>> Driver::eject_media(Mono) {
    co_return unsupported("eject media");
}

Awaitable<Result<std::unique_ptr<Console>>> Driver::open_console(ConsoleSink, Mono) {
    co_return unsupported("open a console");
}

Awaitable<Result<RawResponse>> Driver::raw(RawRequest, Mono) {
    co_return unsupported("pass IPMI commands on");
}

void Driver::on_change(std::function<void(const bmc::Observation&)>) {}

} // namespace vbmc::backend
