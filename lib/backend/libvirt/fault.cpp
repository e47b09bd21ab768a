#include "backend/libvirt/fault.h"

#include "backend/libvirt/text.h"

#include <algorithm>
#include <array>
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
    case VIR_ERR_CONFIG_UNSUPPORTED: // its definition, as it stands, is not for this host
    case VIR_ERR_DEVICE_MISSING:
        return ErrorCode::failed_precondition;
    case VIR_ERR_NO_SUPPORT:
    case VIR_ERR_OPERATION_UNSUPPORTED:
    case VIR_ERR_ARGUMENT_UNSUPPORTED:
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
    case VIR_ERR_INVALID_CONN:
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
    case VIR_ERR_NO_STORAGE_POOL: // of a medium that somebody named
    case VIR_ERR_NO_STORAGE_VOL:
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

struct Known {
    std::string_view said; // by ssh, GnuTLS or libvirt, somewhere in the message
    ErrorCode code;
    std::string_view hint;
};

/// ssh draws a box of these around its loudest warning.
constexpr std::string_view box = "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@";

std::string without_box(std::string text) {
    for (auto at = text.find(box); at != std::string::npos; at = text.find(box)) {
        text.erase(at, box.size());
    }
    return text;
}

/// What fails on the way to a host, and libvirt's code does not tell apart.
constexpr std::array known_troubles = {
    Known{
        "HOST IDENTIFICATION HAS CHANGED", // ssh, at length
        ErrorCode::unavailable,
        "known_hosts has another key of it: if the host was installed anew, compare and replace "
        "it"},
    Known{
        "ost key verification failed", // ssh
        ErrorCode::unavailable,
        "compare the host's key, then put it into .ssh/known_hosts of vbmcd's user: "
        "ssh-keyscan HOST"},
    Known{
        "HOST KEY VERIFICATION FAILED", // libssh, libssh2
        ErrorCode::unavailable,
        "known_hosts has another key of it: if the host was installed anew, compare and replace "
        "it"},
    Known{
        "Permission denied (publickey", // ssh
        ErrorCode::unauthenticated,
        "the URI's keyfile=PATH: a key without passphrase that vbmcd's user can read and that the "
        "host accepts"},
    Known{
        "nc: not found",
        ErrorCode::unavailable,
        "with socket= in the URI the host needs netcat: apt install netcat-openbsd there"},
    Known{
        "Failed to verify peer's certificate",
        ErrorCode::unavailable,
        "the host's certificate is not signed by cacert.pem, or not made out for the name in the "
        "URI"},
    Known{
        "failed validation against",
        ErrorCode::unavailable,
        "the certificates in the URI's pkipath (or /etc/pki) do not belong together"},
    Known{
        "Cannot read CA certificate",
        ErrorCode::unavailable,
        "cacert.pem, clientcert.pem and clientkey.pem belong into a folder that vbmcd's user can "
        "read, named by the URI's pkipath"},
    Known{
        "Unable to read TLS confirmation",
        ErrorCode::unauthenticated,
        "the host refuses the client certificate: it takes one of its own CA (clientcert.pem, "
        "clientkey.pem), named in tls_allowed_dn_list if there is one"},
    Known{
        "TLS handshake failed",
        ErrorCode::unavailable,
        "is that the TLS port of a libvirtd (16514)?"},
};

const Known* find_known(std::string_view message) {
    const auto at =
        std::find_if(known_troubles.begin(), known_troubles.end(), [message](const Known& known) {
            return message.find(known.said) != std::string_view::npos;
        });
    return at == known_troubles.end() ? nullptr : &*at;
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
    const std::string said = last->message != nullptr ? last->message : "";
    const std::string message = clean(without_box(said), message_bytes_max);
    return trouble(
        whom, code, "cannot " + std::string(doing) + ": " + message, hint_of(code, whom)
    );
}

Error connect_fault(const Whom& whom) {
    Error why = fault(whom, "connect");
    if (const Known* known = find_known(why.message)) {
        why.code = known->code;
        why.hint = known->hint;
    } else if (why.code == ErrorCode::internal || why.code == ErrorCode::failed_precondition) {
        why.code = ErrorCode::unavailable; // nothing was reached
        why.hint = hint_of(why.code, whom);
    }
    return why;
}

int last_code() noexcept {
    return virGetLastErrorCode();
}

} // namespace vbmc::backend::libvirt
