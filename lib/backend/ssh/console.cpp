#include "backend/ssh/console.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace vbmc::backend::ssh {

namespace {

constexpr std::size_t input_bytes_max = 64 * 1024; // not yet taken by the machine
constexpr Duration long_time = std::chrono::hours(1);
constexpr Duration break_limit = std::chrono::seconds(10);

/// Shared by the console and the coroutine that relays it.
struct Relay {
    std::shared_ptr<Host> host;
    ChannelPtr channel; // null: it ended
    ConsoleSink sink;   // empty once the console is closed
    std::string input;
    bool closing = false;

    Mono now() const { return host->clock()().mono; }

    /// False when the channel takes nothing any more.
    bool send() {
        while (!input.empty()) {
            const int sent = ssh_channel_write(
                channel->get(),
                input.data(),
                static_cast<uint32_t>(std::min<std::size_t>(input.size(), 16384))
            );
            if (sent == SSH_AGAIN || sent == 0) {
                break;
            }
            if (sent < 0) {
                return false;
            }
            input.erase(0, static_cast<std::size_t>(sent));
        }
        channel->session().flush();
        return true;
    }

    /// False when the stream ended.
    bool receive() {
        u8 buffer[4096];
        for (int burst = 0; burst < 32 && !closing; ++burst) {
            const int count =
                ssh_channel_read_nonblocking(channel->get(), buffer, sizeof(buffer), 0);
            if (count <= 0) {
                const bool ended = !channel->session().alive() || count == SSH_ERROR ||
                                   ssh_channel_is_eof(channel->get()) != 0 ||
                                   ssh_channel_is_closed(channel->get()) != 0;
                return !ended;
            }
            const auto bytes = sink.bytes; // may be replaced from within
            if (bytes) {
                bytes(Bytes(buffer, static_cast<std::size_t>(count)));
            }
        }
        return true;
    }
};

net::Awaitable<void> relay(std::shared_ptr<Relay> state) {
    while (!state->closing && state->send() && state->receive()) {
        // A burst that did not end it all goes on at once.
        const bool more = ssh_channel_poll(state->channel->get(), 0) > 0;
        const Mono until = state->now() + (more ? Duration::zero() : long_time);
        co_await state->channel->session().wait(until);
    }
    state->channel.reset();
    if (const auto closed = std::exchange(state->sink.closed, nullptr); closed && !state->closing) {
        closed();
    }
}

net::Awaitable<void> run_break(std::shared_ptr<Host> host, std::string command) {
    const Mono deadline = host->clock()().mono + break_limit;
    // Nobody waits for it: a machine that took a break may not answer any more.
    static_cast<void>(co_await host->tell(std::move(command), deadline));
}

class SshConsole final : public Console {
  public:
    SshConsole(boost::asio::io_context& shard, std::shared_ptr<Relay> relay, std::string on_break)
        : shard_(shard), relay_(std::move(relay)), on_break_(std::move(on_break)) {}

    ~SshConsole() override {
        relay_->closing = true;
        relay_->sink = {};
        if (relay_->channel) {
            relay_->channel->session().wake();
        }
    }

    SshConsole(const SshConsole&) = delete;
    SshConsole& operator=(const SshConsole&) = delete;

    Result<void> write(Bytes bytes) override {
        if (!relay_->channel) {
            return Error(ErrorCode::unavailable, "the console's stream ended");
        }
        if (relay_->input.size() + bytes.size() > input_bytes_max) {
            return Error(ErrorCode::resource_exhausted, "the console does not take what is typed");
        }
        relay_->input.append(bytes.begin(), bytes.end());
        if (!relay_->send()) {
            return Error(ErrorCode::unavailable, "the console's stream ended");
        }
        return {};
    }

    Result<void> send_break() override {
        if (on_break_.empty()) {
            return Error(ErrorCode::unsupported, "this console has no break")
                .with_hint("the option command-break says what one should do");
        }
        auto work = run_break(relay_->host, on_break_);
        boost::asio::co_spawn(shard_, std::move(work), [](const std::exception_ptr&) {});
        return {};
    }

  private:
    boost::asio::io_context& shard_;
    std::shared_ptr<Relay> relay_;
    std::string on_break_;
};

} // namespace

std::unique_ptr<Console> make_console(
    boost::asio::io_context& shard,
    std::shared_ptr<Host> host,
    ChannelPtr channel,
    ConsoleSink sink,
    std::string on_break
) {
    auto state = std::make_shared<Relay>();
    state->host = std::move(host);
    state->channel = std::move(channel);
    state->sink = std::move(sink);
    auto work = relay(state);
    boost::asio::co_spawn(shard, std::move(work), [](const std::exception_ptr&) {});
    return std::make_unique<SshConsole>(shard, std::move(state), std::move(on_break));
}

} // namespace vbmc::backend::ssh
