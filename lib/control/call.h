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

/// Also catches what must not happen, so that one call's bug is one call's error.
template <class Request, class Response>
Awaitable<void> run_unary(
    Core& core,
    grpc::ServerUnaryReactor* reactor,
    Method method,
    Caller caller,
    const Request* request,
    Response* response,
    Handler<Request, Response> handler
) {
    const std::string subject = subject_of(*request);
    Result<void> done;
    try {
        done = co_await handler(core, caller, *request, *response);
    } catch (const std::exception& error) {
        log(Level::error, "control.exception", {{"call", method.name}, {"what", error.what()}});
        done = Error(ErrorCode::internal, "a bug in vbmcd, see its log");
    }
    if (method.changes) {
        audit(caller, method.name, subject, done);
    }
    if (done) {
        reactor->Finish(grpc::Status::OK);
    } else {
        reactor->Finish(to_grpc_status(in_terms_of(*request, done.error()), subject));
    }
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
    auto start =
        [&core, context, reactor, method, request, response, handler, peer = peer_of(*context)] {
            Caller caller = core.roles.identify(peer);
            if (const auto refused = require(caller, method.role)) {
                audit(caller, method.name, subject_of(*request), *refused);
                reactor->Finish(to_grpc_status(*refused, subject_of(*request)));
            } else if (core.stopping) {
                reactor->Finish(to_grpc_status(shutting_down(), ""));
            } else if (context->IsCancelled()) { // nobody waits: nothing is begun
                reactor->Finish(grpc::Status::CANCELLED);
            } else {
                boost::asio::co_spawn(
                    core.control.get_executor(),
                    run_unary(core, reactor, method, std::move(caller), request, response, handler),
                    boost::asio::detached
                );
            }
        };
    boost::asio::post(core.control, std::move(start));
    return reactor;
}

} // namespace vbmc::control
