#include "backend/ipmi/console.h"

#include "backend/ipmi/trouble.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <utility>

namespace vbmc::backend::ipmi {

using namespace std::chrono_literals;

namespace {

constexpr u8 netfn_app = 0x06;
constexpr u8 activate_payload = 0x48;
constexpr u8 deactivate_payload = 0x49;
constexpr u8 payload_instance_info = 0x4b;
constexpr u8 already_active = 0x80;
constexpr u8 payload_disabled = 0x81;
constexpr Duration farewell_limit = 5s;

client::Request activation(bool encrypted) {
    // IPMI 2.0 table 24-2: SOL, instance 1; signed, encrypted; the BMC asserts CTS, DCD and DSR.
    const u8 how = encrypted ? 0xc0 : 0x40;
    client::Request request(netfn_app, activate_payload, {1, 1, how, 0, 0, 0});
    request.repeatable = false; // the next session has to ask anew
    return request;
}

client::Request deactivation() {
    return client::Request(netfn_app, deactivate_payload, {1, 1, 0, 0, 0, 0});
}

Awaitable<void> deactivate(std::shared_ptr<Link> link) {
    const Mono deadline = link->now().mono + farewell_limit;
    client::Request request = deactivation();
    static_cast<void>(co_await link->call(std::move(request), deadline));
}

/// Whether the stream that is active there belongs to a session of ours that was lost: the BMC
/// keeps one for a minute that it hears nothing of (§24.5).
Awaitable<bool> is_left_over(std::shared_ptr<Link> link, Mono deadline) {
    const u32 ours = link->sol_owner();
    if (ours == 0) {
        co_return false;
    }
    client::Request question(netfn_app, payload_instance_info, {1, 1});
    const auto answer = co_await link->call(std::move(question), deadline);
    if (answer.has_error() || answer->completion != 0) {
        co_return false;
    }
    ByteReader in(answer->data);
    const u32 owner = in.read_u32();
    co_return in.ok() && owner == ours;
}

class SolConsole final : public Console {
  public:
    SolConsole(std::shared_ptr<Link> link, net::Executor executor, u32 stream)
        : link_(std::move(link)), executor_(executor), stream_(stream) {}

    ~SolConsole() override {
        if (!is_open()) {
            return;
        }
        link_->stop_sol();
        if (!link_->is_down()) {
            auto work = deactivate(link_);
            boost::asio::co_spawn(executor_, std::move(work), boost::asio::detached);
        }
    }

    SolConsole(const SolConsole&) = delete;
    SolConsole& operator=(const SolConsole&) = delete;

    Result<void> write(Bytes bytes) override {
        if (!is_open()) {
            return Error(
                ErrorCode::unavailable, "the console of the BMC at " + link_->name() + " is closed"
            );
        }
        static_cast<void>(link_->write_sol(bytes)); // as a serial line: what overflows is lost
        return {};
    }

    Result<void> send_break() override {
        link_->break_sol();
        return {};
    }

  private:
    bool is_open() const noexcept { return link_->has_sol() && link_->sol_serial() == stream_; }

    std::shared_ptr<Link> link_;
    net::Executor executor_;
    u32 stream_;
};

Error refusal(const std::string& where, u8 completion) {
    if (completion == already_active) {
        return Error(
                   ErrorCode::resource_exhausted,
                   "the console of the BMC at " + where + " is in use"
        )
            .with_hint("wait, end it there, or set the option sol-takeover");
    }
    if (completion == payload_disabled) {
        return Error(ErrorCode::unsupported, "Serial over LAN is disabled at the BMC at " + where)
            .with_hint("enable it there: ipmitool ... sol set enabled true");
    }
    return completion_error(completion, "Activate Payload", where);
}

} // namespace

Awaitable<Result<std::unique_ptr<Console>>>
open_console(std::shared_ptr<Link> link, bool takeover, ConsoleSink sink, Mono deadline) {
    client::Request status(netfn_app, 0x01, {}); // a session first: then its suite is known
    auto ready = co_await link->call(std::move(status), deadline);
    if (ready.has_error()) {
        co_return std::move(ready).error();
    }
    client::Request first = activation(link->encrypts());
    auto answer = co_await link->call(std::move(first), deadline);
    bool may_end = takeover;
    if (answer.has_value() && answer->completion == already_active && !takeover) {
        may_end = co_await is_left_over(link, deadline);
    }
    if (answer.has_value() && answer->completion == already_active && may_end) {
        client::Request end = deactivation();
        auto ended = co_await link->call(std::move(end), deadline);
        if (ended.has_error()) {
            co_return std::move(ended).error();
        }
        client::Request again = activation(link->encrypts());
        answer = co_await link->call(std::move(again), deadline);
    }
    if (answer.has_error()) {
        co_return std::move(answer).error();
    }
    if (answer->completion != 0) {
        co_return refusal(link->name(), answer->completion);
    }
    ByteReader in(answer->data);
    in.skip(4); // auxiliary data
    const u16 takes = in.read_u16();
    client::SolSettings settings;
    if (in.ok() && takes > client::Sol::header_bytes) {
        settings.packet_bytes = takes; // the port that follows is for clients without a session
    }
    link->start_sol(settings, std::move(sink.bytes), std::move(sink.closed));
    auto executor = co_await boost::asio::this_coro::executor;
    std::unique_ptr<Console> console =
        std::make_unique<SolConsole>(link, executor, link->sol_serial());
    co_return console;
}

} // namespace vbmc::backend::ipmi
