#include "backend/ssh/base_driver.h"

#include "backend/ssh/console.h"

#include <utility>

namespace vbmc::backend::ssh {

namespace {

// A machine that crashes at once never ends the command; one that says "no" does so quickly.
constexpr Duration hang_limit = std::chrono::seconds(2);

} // namespace

std::shared_ptr<const bmc::SensorSet> no_sensors() {
    static const auto empty = std::make_shared<const bmc::SensorSet>();
    return empty;
}

BaseDriver::BaseDriver(const DriverContext& context, const DriverConfig& config)
    : host_(std::make_shared<Host>(context, config)), shard_(context.shard),
      unreachable_is_off_(config.text("unreachable-is") == "off") {}

Awaitable<Result<void>>
BaseDriver::act(std::string line, std::string what, Effect effect, Mono deadline) {
    const std::shared_ptr<Host> host = host_;
    const bool may_hang = effect == Effect::may_hang;
    Mono until = deadline;
    if (may_hang) { // connecting comes first, and is bounded on its own
        Result<void> there = co_await host->ready(deadline);
        if (there.has_error()) {
            co_return there;
        }
        until = std::min(deadline, host->clock()().mono + hang_limit);
    }
    Result<Output> done = co_await host->tell(std::move(line), until);
    if (done.has_error()) {
        co_return std::move(done).error();
    }
    if ((done->lost && effect != Effect::stays) || (done->unended && may_hang)) {
        co_return Result<void>(); // it was accepted, and the machine is on its way
    }
    if (auto why = complaint(*done, what)) {
        co_return std::move(*why);
    }
    co_return Result<void>();
}

Awaitable<Result<std::string>> BaseDriver::ask(std::string line, std::string what, Mono deadline) {
    const std::shared_ptr<Host> host = host_;
    Result<Output> done = co_await host->ask(std::move(line), deadline);
    if (done.has_error()) {
        co_return std::move(done).error();
    }
    if (auto why = complaint(*done, what)) {
        co_return std::move(*why);
    }
    co_return std::move(done->out);
}

Result<bmc::PowerState> BaseDriver::unreached(const Error& why) const {
    const bool no_connection = why.reason == "UNREACHABLE" || why.reason == "CONNECTION_REFUSED";
    if (unreachable_is_off_ && no_connection) {
        return bmc::PowerState::off;
    }
    return why;
}

Awaitable<Result<std::unique_ptr<Console>>>
BaseDriver::open_terminal(std::string line, std::string on_break, ConsoleSink sink, Mono deadline) {
    const std::shared_ptr<Host> host = host_;
    Result<ChannelPtr> channel = co_await host->terminal(std::move(line), deadline);
    if (channel.has_error()) {
        co_return std::move(channel).error();
    }
    co_return make_console(shard_, host, std::move(*channel), std::move(sink), std::move(on_break));
}

} // namespace vbmc::backend::ssh
