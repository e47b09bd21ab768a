// Consoles as streams: a reader coroutine types, a writer coroutine tells what the console says.
// What a slow client does not take in time is left out, and it is told so.

#include "control/convert.h"
#include "control/services.h"
#include "control/stream.h"
#include "control/text.h"
#include "vbmc/v1/console.grpc.pb.h"

#include <deque>

namespace vbmc::control {

namespace {

using Context = grpc::CallbackServerContext;
using ConsoleStream = BidiStream<v1::OpenConsoleRequest, v1::OpenConsoleResponse>;
using fleet::ConsoleNews;
using Changed = v1::OpenConsoleResponse::Changed;

constexpr std::size_t waiting_bytes_max = 512 * 1024;
constexpr std::size_t input_bytes_max = 64 * 1024; // of one message

/// What waits for the client. Owned by the call; the fleet's sink knows it weakly.
struct Waiting {
    explicit Waiting(Signal& changed_) : changed(changed_) {}

    void add(const ConsoleNews& news) {
        if (news.kind != ConsoleNews::Kind::output) {
            all.push_back(news);
        } else if (bytes + news.bytes.size() > waiting_bytes_max) {
            skipped = true;
        } else if (!all.empty() && all.back().kind == ConsoleNews::Kind::output) {
            all.back().bytes.insert(all.back().bytes.end(), news.bytes.begin(), news.bytes.end());
            bytes += news.bytes.size();
        } else {
            all.push_back(news);
            bytes += news.bytes.size();
        }
        changed.notify();
    }

    ConsoleNews take() {
        ConsoleNews news = std::move(all.front());
        all.pop_front();
        bytes -= news.bytes.size();
        return news;
    }

    Signal& changed;
    std::deque<ConsoleNews> all;
    std::size_t bytes = 0;
    bool skipped = false;
    bool client_gone = false;
    bool writer_ended = false;
};

v1::OpenConsoleResponse change(Changed::What what, const std::string& who) {
    v1::OpenConsoleResponse message;
    message.mutable_changed()->set_what(what);
    message.mutable_changed()->set_who(to_utf8(who));
    return message;
}

v1::OpenConsoleResponse not_opened(const std::string& why) {
    v1::OpenConsoleResponse message;
    message.mutable_changed()->set_what(Changed::NOT_OPENED);
    message.mutable_changed()->set_why(to_utf8(why));
    return message;
}

v1::OpenConsoleResponse to_proto(const ConsoleNews& news) {
    switch (news.kind) {
    case ConsoleNews::Kind::connected:
        return change(Changed::CONNECTED, "");
    case ConsoleNews::Kind::disconnected:
        return change(Changed::DISCONNECTED, "");
    case ConsoleNews::Kind::not_opened:
        return not_opened(news.why);
    case ConsoleNews::Kind::demoted:
        return change(Changed::DEMOTED, news.who);
    case ConsoleNews::Kind::output:
    case ConsoleNews::Kind::ended:
        break;
    }
    v1::OpenConsoleResponse message;
    message.set_output(std::string(news.bytes.begin(), news.bytes.end()));
    return message;
}

Error node_stopped() {
    return Error(ErrorCode::unavailable, "NODE_STOPPED", "the node was stopped or removed");
}

/// Until the client is gone or the node stops; then the call is finished, which ends its reader.
Awaitable<void> write_news(Core& core, ConsoleStream& stream, Waiting& waiting) {
    while (!waiting.client_gone && !stream.cancelled()) {
        if (core.stopping) {
            stream.finish(to_grpc_status(shutting_down(), ""));
            break;
        }
        if (waiting.all.empty() && !waiting.skipped) {
            co_await waiting.changed.wait();
            continue;
        }
        v1::OpenConsoleResponse message;
        if (waiting.all.empty()) {
            waiting.skipped = false;
            message = change(Changed::SKIPPED, "");
        } else {
            const ConsoleNews news = waiting.take();
            if (news.kind == ConsoleNews::Kind::ended) {
                stream.finish(to_grpc_status(node_stopped(), ""));
                break;
            }
            message = to_proto(news);
        }
        if (const bool written = co_await stream.write(std::move(message)); !written) {
            break;
        }
    }
    waiting.writer_ended = true;
    waiting.changed.notify();
}

Awaitable<void> read_keys(ConsoleStream& stream, fleet::ConsoleLine& line) {
    for (;;) {
        auto request = co_await stream.read();
        if (!request) {
            break;
        }
        if (request->part_case() == v1::OpenConsoleRequest::kInput) {
            const std::string& input = request->input();
            const std::size_t size = std::min(input.size(), input_bytes_max);
            line.type(std::vector<u8>(input.begin(), input.begin() + static_cast<long>(size)));
        } else if (request->part_case() == v1::OpenConsoleRequest::kSendBreak) {
            line.send_break();
        }
    }
}

fleet::ConsoleMode to_mode(v1::OpenConsoleRequest::Attach::Mode mode) {
    using Attach = v1::OpenConsoleRequest::Attach;
    if (mode == Attach::WRITE) {
        return fleet::ConsoleMode::write;
    }
    return mode == Attach::FORCE ? fleet::ConsoleMode::force : fleet::ConsoleMode::view;
}

Awaitable<Result<void>> open_console(Core& core, Caller caller, ConsoleStream& stream) {
    const auto first = co_await stream.read();
    if (!first || !first->has_attach()) {
        co_return Error(ErrorCode::invalid_argument, "BAD_STREAM", "the first part is `attach`");
    }
    const std::string node = first->attach().node();
    const bool history = !first->attach().without_history();
    const fleet::ConsoleMode mode = to_mode(first->attach().mode());
    const Role role = mode == fleet::ConsoleMode::view ? Role::viewer : Role::operate;
    if (const auto refused = require(caller, role)) {
        audit(caller, "OpenConsole", node, *refused);
        co_return *refused;
    }
    auto waiting = std::make_shared<Waiting>(stream.changed());
    std::weak_ptr<Waiting> weak = waiting;
    auto sink = [weak](const ConsoleNews& news) {
        if (const auto there = weak.lock()) {
            there->add(news);
        }
    };
    std::function<void(const ConsoleNews&)> told = std::move(sink);
    auto opened = co_await core.fleet.open_console(node, mode, caller.identity, std::move(told));
    if (!opened) {
        audit(caller, "OpenConsole", node, opened.error());
        co_return opened.error();
    }
    audit(caller, "OpenConsole", node, {});
    v1::OpenConsoleResponse attached;
    attached.mutable_attached()->set_connected(opened->joined.connected);
    if (history) {
        const std::vector<u8>& old = opened->joined.history;
        attached.mutable_attached()->set_history(std::string(old.begin(), old.end()));
    }
    if (const bool written = co_await stream.write(std::move(attached)); !written) {
        co_return Result<void>();
    }
    boost::asio::co_spawn(
        core.control.get_executor(), write_news(core, stream, *waiting), boost::asio::detached
    );
    co_await read_keys(stream, *opened->line);
    opened->line.reset();
    waiting->client_gone = true;
    waiting->changed.notify();
    while (!waiting->writer_ended) {
        co_await waiting->changed.wait();
    }
    co_return Result<void>();
}

class ConsoleService final : public v1::ConsoleService::CallbackService {
  public:
    explicit ConsoleService(Core& core) : core_(core) {}

    grpc::ServerBidiReactor<v1::OpenConsoleRequest, v1::OpenConsoleResponse>*
    OpenConsole(Context* context) override {
        constexpr Method method{"OpenConsole", Role::viewer, false};
        auto stream = std::make_shared<ConsoleStream>(core_);
        return serve_stream(core_, std::move(stream), peer_of(*context), method, open_console);
    }

  private:
    Core& core_;
};

} // namespace

std::unique_ptr<grpc::Service> make_console_service(Core& core) {
    return std::make_unique<ConsoleService>(core);
}

} // namespace vbmc::control
