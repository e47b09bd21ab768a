#include "control/status.h"

#include "control/text.h"
#include "google/rpc/error_details.pb.h"

#include <grpcpp/support/status.h>

namespace vbmc::control {

namespace {

constexpr std::size_t text_max = 1024; // trailers have to stay below the 8 KiB that clients accept
constexpr int retry_delay_s = 1;

grpc::StatusCode code_of(ErrorCode code) noexcept {
    switch (code) {
    case ErrorCode::invalid_argument:
        return grpc::INVALID_ARGUMENT;
    case ErrorCode::not_found:
        return grpc::NOT_FOUND;
    case ErrorCode::already_exists:
        return grpc::ALREADY_EXISTS;
    case ErrorCode::failed_precondition:
    case ErrorCode::unsupported: // UNIMPLEMENTED would say that the API itself lacks the call
        return grpc::FAILED_PRECONDITION;
    case ErrorCode::permission_denied:
        return grpc::PERMISSION_DENIED;
    case ErrorCode::unauthenticated:
        return grpc::UNAUTHENTICATED;
    case ErrorCode::unavailable:
        return grpc::UNAVAILABLE;
    case ErrorCode::deadline_exceeded:
        return grpc::DEADLINE_EXCEEDED;
    case ErrorCode::aborted:
        return grpc::ABORTED;
    case ErrorCode::resource_exhausted:
        return grpc::RESOURCE_EXHAUSTED;
    case ErrorCode::corrupt:
        return grpc::DATA_LOSS;
    case ErrorCode::internal:
        return grpc::INTERNAL;
    }
    return grpc::INTERNAL;
}

std::string bounded(const std::string& text) {
    return to_utf8(std::string_view(text).substr(0, text_max));
}

} // namespace

google::rpc::Status to_rpc_status(const Error& error, const std::string& subject) {
    google::rpc::Status status;
    status.set_code(code_of(error.code));
    status.set_message(bounded(error.message));

    google::rpc::ErrorInfo info;
    info.set_reason(error.reason.empty() ? std::string(to_string(error.code)) : error.reason);
    info.set_domain("vbmcd");
    if (!subject.empty()) {
        (*info.mutable_metadata())["node"] = bounded(subject);
    }
    if (!error.hint.empty()) {
        (*info.mutable_metadata())["hint"] = bounded(error.hint);
    }
    status.add_details()->PackFrom(info);

    if (!error.field.empty()) {
        google::rpc::BadRequest bad;
        auto* violation = bad.add_field_violations();
        violation->set_field(bounded(error.field));
        violation->set_description(bounded(error.message));
        status.add_details()->PackFrom(bad);
    }
    if (error.code == ErrorCode::not_found || error.code == ErrorCode::already_exists) {
        google::rpc::ResourceInfo resource;
        resource.set_resource_type("vbmc.v1.Node");
        resource.set_resource_name(bounded(subject));
        resource.set_description(bounded(error.message));
        status.add_details()->PackFrom(resource);
    }
    if (error.code == ErrorCode::unavailable) {
        google::rpc::RetryInfo retry;
        retry.mutable_retry_delay()->set_seconds(retry_delay_s);
        status.add_details()->PackFrom(retry);
    }
    return status;
}

grpc::Status to_grpc_status(const Error& error, const std::string& subject) {
    const google::rpc::Status status = to_rpc_status(error, subject);
    return grpc::Status(
        static_cast<grpc::StatusCode>(status.code()), status.message(), status.SerializeAsString()
    );
}

} // namespace vbmc::control
