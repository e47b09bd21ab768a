#include "backend/libvirt/fault.h"

#include <cerrno>
#include <libvirt/virterror.h>

namespace vbmc::backend::libvirt {

namespace {

constexpr std::size_t message_bytes_max = 512;

/// Errors of the way to libvirtd, not of the domain.
bool is_transport(const virError& error) noexcept {
    return error.domain == VIR_FROM_RPC || error.domain == VIR_FROM_REMOTE ||
           error.domain == VIR_FROM_STREAMS;
}

ErrorCode code_of(const virError& error) noexcept {
    switch (error.code) {
    case VIR_ERR_NO_DOMAIN:
        return ErrorCode::not_found;
    case VIR_ERR_OPERATION_INVALID:
        return ErrorCode::failed_precondition;
    case VIR_ERR_NO_SUPPORT:
    case VIR_ERR_OPERATION_UNSUPPORTED:
    case VIR_ERR_ARGUMENT_UNSUPPORTED:
    case VIR_ERR_CONFIG_UNSUPPORTED:
        return ErrorCode::unsupported;
    case VIR_ERR_AUTH_FAILED:
    case VIR_ERR_AUTH_CANCELLED:
    case VIR_ERR_AUTH_UNAVAILABLE:
        return ErrorCode::unauthenticated;
    case VIR_ERR_OPERATION_DENIED:
    case VIR_ERR_ACCESS_DENIED:
        return ErrorCode::permission_denied;
    case VIR_ERR_OPERATION_TIMEOUT:
    case VIR_ERR_RESOURCE_BUSY:
        return ErrorCode::resource_exhausted; // somebody else's job runs on the domain
    case VIR_ERR_NO_CONNECT:
    case VIR_ERR_UNKNOWN_HOST:
    case VIR_ERR_GNUTLS_ERROR:
    case VIR_ERR_RPC:
        return ErrorCode::unavailable;
    case VIR_ERR_XML_ERROR:
    case VIR_ERR_XML_DETAIL:
    case VIR_ERR_XML_INVALID_SCHEMA:
    case VIR_ERR_INVALID_ARG:
    case VIR_ERR_CONF_SYNTAX:
        return is_transport(error) ? ErrorCode::unavailable : ErrorCode::invalid_argument;
    case VIR_ERR_SYSTEM_ERROR:
        if (error.int1 == EACCES || error.int1 == EPERM) {
            return ErrorCode::permission_denied;
        }
        return is_transport(error) ? ErrorCode::unavailable : ErrorCode::internal;
    default:
        return is_transport(error) ? ErrorCode::unavailable : ErrorCode::internal;
    }
}

std::string hint_of(ErrorCode code, const Whom& whom) {
    switch (code) {
    case ErrorCode::not_found:
        return "virsh -c " + whom.uri + " list --all shows what there is";
    case ErrorCode::unauthenticated:
        return "set the options username and password, or look at the host's auth settings";
    case ErrorCode::permission_denied:
        return "let vbmcd's user manage domains there: the group libvirt, or a polkit rule";
    case ErrorCode::unavailable:
        return "is libvirtd (or virtqemud) running there? try: virsh -c " + whom.uri + " list";
    case ErrorCode::resource_exhausted:
        return "try again when the host is done with its other work on the domain";
    default:
        return {};
    }
}

} // namespace

std::string shown(std::string_view uri) {
    const auto start = uri.find("://");
    const auto at = uri.find('@');
    if (start == std::string_view::npos || at == std::string_view::npos ||
        uri.substr(start + 3, at - start - 3).find('/') != std::string_view::npos) {
        return std::string(uri);
    }
    const auto colon = uri.find(':', start + 3);
    return colon < at ? std::string(uri.substr(0, colon)) + std::string(uri.substr(at))
                      : std::string(uri);
}

std::string to_string(const Whom& whom) {
    return whom.domain.empty() ? whom.uri : "domain '" + whom.domain + "' at " + whom.uri;
}

Error trouble(const Whom& whom, ErrorCode code, std::string_view what, std::string hint) {
    Error error(code, to_string(whom) + ": " + std::string(what));
    error.hint = std::move(hint);
    return error;
}

Error fault(const Whom& whom, std::string_view doing) {
    virErrorPtr last = virGetLastError();
    if (last == nullptr || last->code == VIR_ERR_OK) {
        return trouble(
            whom, ErrorCode::internal, "cannot " + std::string(doing) + ": libvirt does not say why"
        );
    }
    const ErrorCode code = code_of(*last);
    std::string message = last->message != nullptr ? last->message : "";
    message.resize(std::min(message.size(), message_bytes_max));
    return trouble(
        whom, code, "cannot " + std::string(doing) + ": " + message, hint_of(code, whom)
    );
}

int last_code() noexcept {
    return virGetLastErrorCode();
}

} // namespace vbmc::backend::libvirt
