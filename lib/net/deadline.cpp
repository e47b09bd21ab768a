#include "net/deadline.h"

#include "net/exception_reason.h"

namespace vbmc::net::detail {

Error error_from(const std::exception_ptr& failure) {
    if (!failure) {
        return Error(ErrorCode::internal, "the call ended without a result");
    }
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        return Error(ErrorCode::internal, std::string(exception_reason), error.what());
    } catch (...) {
        return Error(
            ErrorCode::internal, std::string(exception_reason), "an exception of unknown type"
        );
    }
}

Error deadline_error() {
    return Error(ErrorCode::deadline_exceeded, "the backend did not answer in time");
}

Error abandoned_error() {
    return Error(ErrorCode::aborted, "the call was given up");
}

} // namespace vbmc::net::detail
