#pragma once
// How a unary call runs: gRPC's thread notes who calls and posts; on the control thread the role is
// checked, the handler runs as a coroutine, and the call is finished from there. The messages
// belong to gRPC and stay valid until then. Only .cpp files of services include this: gRPC's
// headers are slow.

#include "base/log.h"
#include "control/core.h"
#include "control/peer.h"
#include "control/status.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <utility>

namespace vbmc::control {

/// A method: its role, whether it changes something (then it is audited), and its name.
struct Method {
    const char* name;
    Role role;
    bool changes;
};

template <class Request, class Response>
using Handler = Awaitable<Result<void>> (*)(
    Core& core, Caller caller, const Request& request, Response& response
);

/// The node that a request is about, "" when it is about none.
template <class Request>
std::string subject_of(const Request& request) {
    if constexpr (requires { std::string(request.node()); }) {
        return request.node();
    } else if constexpr (requires { std::string(request.name()); }) {
        return request.name();
    } else if constexpr (requires { std::string(request.node().name()); }) {
        return request.node().name();
    } else {
        return "";
    }
}

/// The fleet calls a node's name "name"; requests about what belongs to a node call it "node".
template <class Request>
Error in_terms_of(const Request& request, Error error) {
    if constexpr (requires { std::string(request.node()); }) {
        if (error.field == "name") {
            error.field = "node";
        }
    }
    return error;
}

inline Error shutting_down() {
    return Error(ErrorCode::unavailable, "SHUTTING_DOWN", "the daemon is shutting down");
}

/// One call's messages and its way to gRPC, which keeps its own only until Finish.
template <class Request, class Response>
class UnaryCall final : public InFlight {
  public:
    UnaryCall(grpc::ServerUnaryReactor* reactor, Request request_, Response* out)
        : request(std::move(request_)), reactor_(reactor), out_(out) {}

    const Request request;
    Response response;

    void finish(const Result<void>& done) {
        if (reactor_ == nullptr) {
            return;
        }
        if (done) {
            *out_ = std::move(response);
            std::exchange(reactor_, nullptr)->Finish(grpc::Status::OK);
        } else {
            const Error error = in_terms_of(request, done.error());
            std::exchange(reactor_, nullptr)->Finish(to_grpc_status(error, subject_of(request)));
        }
    }

    void hurry() override {}

    void abandon() override { finish(shutting_down()); }

  private:
    grpc::ServerUnaryReactor* reactor_; // null: finished
    Response* out_;
};

/// Also catches what must not happen, so that one call's bug is one call's error.
template <class Request, class Response>
Awaitable<void> run_unary(
    std::shared_ptr<Core> core,
    std::shared_ptr<UnaryCall<Request, Response>> call,
    Method method,
    Caller caller,
    Handler<Request, Response> handler
) {
    Seat seat(*core, *call, false);
    Result<void> done;
    try {
        done = co_await handler(*core, caller, call->request, call->response);
    } catch (const std::exception& error) {
        log(Level::error, "control.exception", {{"call", method.name}, {"what", error.what()}});
        done = Error(ErrorCode::internal, "a bug in vbmcd, see its log");
    }
    if (method.changes) {
        audit(caller, method.name, subject_of(call->request), done);
    }
    call->finish(done);
}

template <class Request, class Response>
grpc::ServerUnaryReactor* serve(
    Core& core,
    grpc::CallbackServerContext* context,
    Method method,
    const Request* request,
    Response* response,
    Handler<Request, Response> handler
) {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    auto call = std::make_shared<UnaryCall<Request, Response>>(reactor, *request, response);
    auto start =
        [&core, context, method, handler, call = std::move(call), peer = peer_of(*context)] {
            Caller caller = core.roles.identify(peer);
            if (const auto refused = require(caller, method.role)) {
                audit(caller, method.name, subject_of(call->request), *refused);
                call->finish(*refused);
            } else if (core.stopping) {
                call->abandon();
            } else if (context->IsCancelled()) { // nobody waits: nothing is begun
                call->finish(Error(ErrorCode::aborted, "the client is gone"));
            } else {
                boost::asio::co_spawn(
                    core.control.get_executor(),
                    run_unary(core.shared_from_this(), call, method, std::move(caller), handler),
                    boost::asio::detached
                );
            }
        };
    boost::asio::post(core.control, std::move(start));
    return reactor;
}

} // namespace vbmc::control
