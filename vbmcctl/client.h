#pragma once
// The connection to vbmcd and its calls. Every failure comes back as an Error in words for people:
// what gRPC itself says never reaches the terminal. One object; made on first use; the main thread
// and, for streams, the thread that writes.

#include "base/result.h"
#include "base/time.h"
#include "vbmc/v1/backends.grpc.pb.h"
#include "vbmc/v1/console.grpc.pb.h"
#include "vbmc/v1/discovery.grpc.pb.h"
#include "vbmc/v1/events.grpc.pb.h"
#include "vbmc/v1/nodes.grpc.pb.h"
#include "vbmc/v1/power.grpc.pb.h"
#include "vbmc/v1/sel.grpc.pb.h"
#include "vbmc/v1/sensors.grpc.pb.h"
#include "vbmc/v1/server.grpc.pb.h"
#include "vbmc/v1/sessions.grpc.pb.h"
#include "vbmc/v1/users.grpc.pb.h"
#include "vbmcctl/connection.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <memory>
#include <tuple>
#include <vector>

namespace vbmc::ctl {

namespace api = vbmc::v1;

class Client {
  public:
    /// Does not connect yet; fails when the options or the certificate files cannot be right.
    static Result<std::unique_ptr<Client>> make(ConnectionOptions options);

    template <class Stub>
    Stub& stub() {
        auto& slot = std::get<std::unique_ptr<Stub>>(stubs_);
        if (!slot) {
            slot = std::make_unique<Stub>(channel_);
        }
        return *slot;
    }

    /// One unary call, with the deadline of the options.
    template <class Stub, class Request, class Response>
    Result<Response> call(
        grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
        const Request& request
    ) {
        grpc::ClientContext context;
        set_deadline(context);
        Response response;
        const grpc::Status status = (stub<Stub>().*method)(&context, request, &response);
        if (!status.ok()) {
            return to_error(status);
        }
        return response;
    }

    template <class Stub, class Request, class Response>
    using AsyncMethod = std::unique_ptr<grpc::ClientAsyncResponseReader<
        Response>> (Stub::*)(grpc::ClientContext*, const Request&, grpc::CompletionQueue*);

    /// The same call for each request, `jobs` of them under way at a time; `done(i, result)` on
    /// this thread, in the order in which they end.
    template <class Stub, class Request, class Response, class Done>
    void call_each(
        AsyncMethod<Stub, Request, Response> method,
        const std::vector<Request>& requests,
        std::size_t jobs,
        Done done
    ) {
        struct Flight {
            grpc::ClientContext context;
            grpc::Status status;
            Response response;
            std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader;
        };

        std::vector<std::unique_ptr<Flight>> flights(requests.size());
        grpc::CompletionQueue queue;
        std::size_t next = 0;
        const auto launch = [&] {
            auto flight = std::make_unique<Flight>();
            set_deadline(flight->context);
            flight->reader = (stub<Stub>().*method)(&flight->context, requests[next], &queue);
            flight->reader->Finish(&flight->response, &flight->status, &flights[next]);
            flights[next++] = std::move(flight);
        };
        while (next < std::min(jobs, requests.size())) {
            launch();
        }
        void* tag = nullptr;
        bool ok = false;
        for (std::size_t ended = 0; ended < requests.size() && queue.Next(&tag, &ok); ++ended) {
            auto* slot = static_cast<std::unique_ptr<Flight>*>(tag);
            const std::unique_ptr<Flight> flight = std::move(*slot);
            if (next < requests.size()) {
                launch();
            }
            const auto index = static_cast<std::size_t>(slot - flights.data());
            if (flight->status.ok()) {
                done(index, Result<Response>(std::move(flight->response)));
            } else {
                done(index, Result<Response>(to_error(flight->status)));
            }
        }
        queue.Shutdown();
        while (queue.Next(&tag, &ok)) {
        }
    }

    void set_deadline(grpc::ClientContext& context) const;

    Error to_error(const grpc::Status& status) const;

    const ConnectionOptions& options() const { return options_; }

  private:
    Client(ConnectionOptions options, std::shared_ptr<grpc::Channel> channel)
        : options_(std::move(options)), channel_(std::move(channel)) {}

    ConnectionOptions options_;
    std::shared_ptr<grpc::Channel> channel_;
    std::tuple<
        std::unique_ptr<api::NodeService::Stub>,
        std::unique_ptr<api::PowerService::Stub>,
        std::unique_ptr<api::SelService::Stub>,
        std::unique_ptr<api::SensorService::Stub>,
        std::unique_ptr<api::SessionService::Stub>,
        std::unique_ptr<api::UserService::Stub>,
        std::unique_ptr<api::BackendService::Stub>,
        std::unique_ptr<api::ConsoleService::Stub>,
        std::unique_ptr<api::DiscoveryService::Stub>,
        std::unique_ptr<api::EventService::Stub>,
        std::unique_ptr<api::ServerService::Stub>>
        stubs_;
};

} // namespace vbmc::ctl
