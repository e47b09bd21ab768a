// The worker's console: opened when somebody wants it, opened again when the stream ends, relayed
// both ways in between.

#include "fleet/worker.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace vbmc::fleet {

namespace {

constexpr std::size_t typed_bytes_max = 4096; // before the stream is open

} // namespace

void NodeWorker::want_console(bool open) {
    if (open) {
        if (!console_) {
            console_ = std::make_unique<Console>();
        }
        console_->open_at = now(); // whoever comes is not kept waiting for what failed before
        console_->keeps = !console_->stream;
    } else if (console_) {
        const bool was_open = console_->stream != nullptr;
        drop_stream();
        console_.reset();
        if (was_open) {
            observe(bmc::ConsoleClosed());
        }
    }
}

/// Ends the stream later: this may be one of its own callbacks.
void NodeWorker::drop_stream() {
    if (!console_ || !console_->stream) {
        return;
    }
    ++console_serial_;
    std::shared_ptr<backend::Console> old = std::move(console_->stream);
    // The driver has to outlive its console.
    boost::asio::post(place_->executor, [old, driver = routes_.to(Route::console)]() mutable {
        old.reset();
    });
}

/// What is typed while the stream is being opened is kept, up to a bound. Otherwise without a
/// stream: as a serial line that nothing is plugged into.
void NodeWorker::feed_console(const std::vector<u8>& bytes) {
    if (!console_ || !console_->stream) {
        if (console_ && console_->keeps) {
            std::vector<u8>& typed = console_->typed;
            const std::size_t n = std::min(bytes.size(), typed_bytes_max - typed.size());
            typed.insert(typed.end(), bytes.begin(), bytes.begin() + static_cast<long>(n));
        }
        return;
    }
    const Result<void> written = console_->stream->write(bytes);
    if (written.has_error()) {
        on_console_closed(console_serial_);
    }
}

void NodeWorker::break_console() {
    if (console_ && console_->stream) {
        static_cast<void>(console_->stream->send_break()); // a backend without break ignores it
    }
}

net::Awaitable<void> NodeWorker::open_console() {
    const u32 serial = ++console_serial_;
    std::weak_ptr<NodeWorker> weak = weak_from_this();
    backend::ConsoleSink sink;
    sink.bytes = [weak, serial](Bytes bytes) {
        const auto self = weak.lock();
        if (self && self->console_serial_ == serial) {
            bmc::ConsoleBytes what;
            what.bytes.assign(bytes.begin(), bytes.end());
            self->observe(what);
        }
    };
    sink.closed = [weak, serial] {
        if (const auto self = weak.lock()) {
            self->on_console_closed(serial);
        }
    };
    const auto driver = routes_.to(Route::console);
    auto make = [sink = std::move(sink)](backend::Driver& d, Mono deadline) mutable {
        return d.open_console(std::move(sink), deadline);
    };
    using Stream = std::unique_ptr<backend::Console>;
    Result<Stream> opened =
        co_await call<Stream>(Task::open_console, driver, limits_->call_limit, std::move(make));
    if (host_ == nullptr || !console_ || console_serial_ != serial) {
        co_return; // nobody wants it any more
    }
    const std::vector<u8> typed = std::exchange(console_->typed, {});
    console_->keeps = false;
    if (opened.has_value()) {
        console_->stream = std::move(*opened);
        console_->failures = 0;
        const bool lost = !typed.empty() && console_->stream->write(typed).has_error();
        observe(bmc::ConsoleOpened());
        if (lost) {
            on_console_closed(serial);
        }
        co_return;
    }
    const bool off =
        power_ == bmc::PowerState::off && opened.error().code == ErrorCode::failed_precondition;
    if (!off) { // no trouble: it opens with the next start
        host_->on_trouble("console", opened.error());
    }
    host_->on_console_refused(opened.error());
    console_->open_at = now() + backoff(console_->failures);
    console_->failures = static_cast<u8>(std::min(console_->failures + 1, 30));
    observe(bmc::ConsoleClosed());
}

void NodeWorker::on_console_closed(u32 serial) {
    if (host_ == nullptr || !console_ || console_serial_ != serial) {
        return;
    }
    drop_stream();
    console_->open_at = now() + backoff(console_->failures);
    observe(bmc::ConsoleClosed());
    kick();
}

} // namespace vbmc::fleet
