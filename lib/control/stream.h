#pragma once
// Streams as a coroutine sees them: co_await write(), co_await read(). gRPC's callbacks only post
// to the control thread, where all state is. A stream deletes itself after gRPC's OnDone; by then
// the coroutine has called finish() and must not touch it again.

#include "control/call.h"

#include <optional>
#include <string>

namespace vbmc::control {

/// What both kinds of stream share: one write and one read in flight, cancellation, the end.
template <class Reactor, class Request, class Response>
class StreamBase : public Reactor {
  public:
    StreamBase(Core& core, grpc::CallbackServerContext* context)
        : core_(core), context_(context), changed_(core.control) {}

    /// False when nobody reads any more. Waits while the reader is slow.
    Awaitable<bool> write(Response message) {
        out_ = std::move(message);
        writing_ = true;
        this->StartWrite(&out_);
        while (writing_) {
            co_await changed_.wait();
        }
        co_return write_ok_ && !cancelled_;
    }

    void finish(const grpc::Status& status) { this->Finish(status); }

    bool cancelled() const noexcept { return cancelled_; }

    Signal& changed() noexcept { return changed_; }

    void OnWriteDone(bool ok) override {
        post([this, ok] {
            writing_ = false;
            write_ok_ = ok;
        });
    }

    void OnCancel() override {
        post([this] { cancelled_ = true; });
    }

    void OnDone() override {
        boost::asio::post(core_.control, [this] { delete this; });
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

    Core& core_;
    grpc::CallbackServerContext* context_;
    Signal changed_;

  private:
    Response out_;
    bool writing_ = false;
    bool write_ok_ = false;
    bool cancelled_ = false;
};

template <class Request, class Response>
class WriteStream final : public StreamBase<grpc::ServerWriteReactor<Response>, Request, Response> {
  public:
    using StreamBase<grpc::ServerWriteReactor<Response>, Request, Response>::StreamBase;
};

template <class Request, class Response>
class BidiStream final
    : public StreamBase<grpc::ServerBidiReactor<Request, Response>, Request, Response> {
  public:
    using Base = StreamBase<grpc::ServerBidiReactor<Request, Response>, Request, Response>;
    using Base::Base;

    /// The next message; nothing after the last, or when the client is gone.
    Awaitable<std::optional<Request>> read() {
        reading_ = true;
        this->StartRead(&in_);
        while (reading_) {
            co_await this->changed_.wait();
        }
        if (!read_ok_) {
            co_return std::nullopt;
        }
        co_return std::move(in_);
    }

    void OnReadDone(bool ok) override {
        this->post([this, ok] {
            reading_ = false;
            read_ok_ = ok;
        });
    }

  private:
    Request in_;
    bool reading_ = false;
    bool read_ok_ = false;
};

/// Checks the caller and runs `body` on the control thread. The stream is finished with its result.
template <class Stream>
using StreamBody = Awaitable<Result<void>> (*)(Core& core, Caller caller, Stream& stream);

template <class Stream>
Awaitable<void>
run_stream(Core& core, Stream* stream, Method method, Caller caller, StreamBody<Stream> body) {
    Result<void> done;
    try {
        StreamSeat seat(core, stream->changed());
        done = co_await body(core, caller, *stream);
    } catch (const std::exception& error) {
        log(Level::error, "control.exception", {{"call", method.name}, {"what", error.what()}});
        done = Error(ErrorCode::internal, "a bug in vbmcd, see its log");
    }
    stream->finish(done ? grpc::Status::OK : to_grpc_status(done.error(), ""));
}

template <class Stream>
Stream* serve_stream(
    Core& core, Stream* stream, PeerIdentity peer, Method method, StreamBody<Stream> body
) {
    boost::asio::post(core.control, [&core, stream, method, body, peer = std::move(peer)] {
        Caller caller = core.roles.identify(peer);
        if (const auto refused = require(caller, method.role)) {
            audit(caller, method.name, "", *refused);
            stream->finish(to_grpc_status(*refused, ""));
        } else if (core.stopping) {
            stream->finish(to_grpc_status(shutting_down(), ""));
        } else if (core.streams.size() >= core.config.streams_max) {
            const Error full(
                ErrorCode::resource_exhausted, "TOO_MANY_STREAMS", "too many streams are open"
            );
            stream->finish(to_grpc_status(full, ""));
        } else {
            boost::asio::co_spawn(
                core.control.get_executor(),
                run_stream(core, stream, method, std::move(caller), body),
                boost::asio::detached
            );
        }
    });
    return stream;
}

} // namespace vbmc::control
