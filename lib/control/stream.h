#pragma once
// Streams as a coroutine sees them: co_await write(), co_await read(). gRPC's callbacks only post
// to the control thread, where all state is. A stream lives until gRPC's OnDone and until its
// coroutine has ended, whichever comes last.

#include "control/call.h"

#include <memory>
#include <optional>
#include <utility>

namespace vbmc::control {

/// What both kinds of stream share: one write and one read in flight, cancellation, the end.
template <class Reactor, class Response>
class StreamBase : public Reactor, public InFlight {
  public:
    explicit StreamBase(Core& core) : core_(core), changed_(core.control) {}

    /// From here to OnDone it keeps itself.
    void keep(std::shared_ptr<StreamBase> self) { self_ = std::move(self); }

    /// False when nobody reads any more. Waits while the reader is slow.
    Awaitable<bool> write(Response message) {
        if (is_over()) {
            co_return false;
        }
        out_ = std::move(message);
        writing_ = true;
        this->StartWrite(&out_);
        while (writing_) {
            co_await changed_.wait();
        }
        co_return write_ok_ && !cancelled_;
    }

    void finish(const grpc::Status& status) {
        if (!std::exchange(finished_, true)) {
            this->Finish(status);
        }
    }

    bool cancelled() const noexcept { return cancelled_; }

    Signal& changed() noexcept { return changed_; }

    void hurry() override { changed_.notify(); }

    void abandon() override {
        cancelled_ = true;
        abandoned_ = true;
        changed_.notify();
        finish_if_abandoned();
    }

    void OnWriteDone(bool ok) override {
        post([this, ok] {
            writing_ = false;
            write_ok_ = ok;
            finish_if_abandoned();
        });
    }

    void OnCancel() override {
        post([this] { cancelled_ = true; });
    }

    void OnDone() override {
        boost::asio::post(core_.control, [this] { const auto last = std::move(self_); });
    }

  protected:
    ~StreamBase() override = default;

    template <class Change>
    void post(Change change) {
        boost::asio::post(core_.control, [this, change] {
            change();
            changed_.notify();
        });
    }

    /// Nothing may be begun any more: behind Finish() gRPC's side of the stream may be gone.
    bool is_over() const noexcept { return cancelled_ || finished_; }

    /// Not while an operation is on its way: gRPC ends those when it cancels the call.
    void finish_if_abandoned() {
        if (abandoned_ && !writing_ && !reading_) {
            finish(to_grpc_status(shutting_down(), ""));
        }
    }

    Core& core_;
    Signal changed_;
    bool reading_ = false;
    bool cancelled_ = false;

  private:
    std::shared_ptr<StreamBase> self_;
    Response out_;
    bool writing_ = false;
    bool write_ok_ = false;
    bool abandoned_ = false;
    bool finished_ = false;
};

/// The server writes; the request came with the call.
template <class Request_, class Response>
class WriteStream final : public StreamBase<grpc::ServerWriteReactor<Response>, Response> {
  public:
    using Request = Request_;

    WriteStream(Core& core, Request request_)
        : StreamBase<grpc::ServerWriteReactor<Response>, Response>(core),
          request(std::move(request_)) {}

    const Request request;
};

/// Both write.
template <class Request, class Response>
class BidiStream final : public StreamBase<grpc::ServerBidiReactor<Request, Response>, Response> {
  public:
    using Base = StreamBase<grpc::ServerBidiReactor<Request, Response>, Response>;
    using Base::Base;

    /// The next message; nothing after the last, or when the client is gone.
    Awaitable<std::optional<Request>> read() {
        if (this->is_over()) {
            co_return std::nullopt;
        }
        this->reading_ = true;
        this->StartRead(&in_);
        while (this->reading_) {
            co_await this->changed_.wait();
        }
        if (!read_ok_) {
            co_return std::nullopt;
        }
        co_return std::move(in_);
    }

    void OnReadDone(bool ok) override {
        this->post([this, ok] {
            this->reading_ = false;
            read_ok_ = ok;
            this->finish_if_abandoned();
        });
    }

  private:
    Request in_;
    bool read_ok_ = false;
};

/// What a stream does, on the control thread. It is finished with the result.
template <class Stream>
using StreamBody = Awaitable<Result<void>> (*)(Core& core, Caller caller, Stream& stream);

template <class Stream>
Awaitable<void> run_stream(
    std::shared_ptr<Core> core,
    std::shared_ptr<Stream> stream,
    Method method,
    Caller caller,
    StreamBody<Stream> body
) {
    const Seat seat(*core, *stream, true);
    Result<void> done;
    try {
        done = co_await body(*core, caller, *stream);
    } catch (const std::exception& error) {
        log(Level::error, "control.exception", {{"call", method.name}, {"what", error.what()}});
        done = Error(ErrorCode::internal, "a bug in vbmcd, see its log");
    }
    stream->finish(done ? grpc::Status::OK : to_grpc_status(done.error(), ""));
}

/// Checks the caller and begins. The stream is gRPC's until OnDone.
template <class Stream>
Stream* serve_stream(
    Core& core,
    std::shared_ptr<Stream> stream,
    PeerIdentity peer,
    Method method,
    StreamBody<Stream> body
) {
    Stream* reactor = stream.get();
    reactor->keep(stream);
    auto start = [&core, method, body, stream = std::move(stream), peer = std::move(peer)] {
        Caller caller = core.roles.identify(peer);
        if (const auto refused = require(caller, method.role)) {
            audit(caller, method.name, "", *refused);
            stream->finish(to_grpc_status(*refused, ""));
        } else if (core.stopping) {
            stream->finish(to_grpc_status(shutting_down(), ""));
        } else if (core.streams >= core.config.streams_max) {
            const Error full(
                ErrorCode::resource_exhausted, "TOO_MANY_STREAMS", "too many streams are open"
            );
            stream->finish(to_grpc_status(full, ""));
        } else {
            boost::asio::co_spawn(
                core.control.get_executor(),
                run_stream(core.shared_from_this(), stream, method, std::move(caller), body),
                boost::asio::detached
            );
        }
    };
    boost::asio::post(core.control, std::move(start));
    return reactor;
}

} // namespace vbmc::control
