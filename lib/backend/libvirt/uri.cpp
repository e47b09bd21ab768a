#include "backend/libvirt/uri.h"

#include "backend/libvirt/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace vbmc::backend::libvirt {

namespace {

struct Parts {
    std::string driver;    // "qemu"
    std::string transport; // "ssh"; empty: the driver's own
    std::string_view authority;
    std::string_view path;          // "/system"
    std::vector<std::string> names; // of the parameters
};

/// As libvirt reads it: parameter names may be escaped, and case does not matter.
std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned code = 0;
        const char* first = text.data() + i + 1;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(first, first + 2, code, 16).ptr == first + 2) {
            out += static_cast<char>(code);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::vector<std::string> parameter_names(std::string_view query) {
    std::vector<std::string> names;
    while (!query.empty()) {
        const std::string_view one = query.substr(0, query.find_first_of("&;"));
        names.push_back(lower(unescaped(one.substr(0, one.find('=')))));
        query.remove_prefix(std::min(one.size() + 1, query.size()));
    }
    return names;
}

Parts split(std::string_view uri) {
    Parts parts;
    uri = uri.substr(0, uri.find('#'));
    const auto start = uri.find("://");
    const std::string scheme = lower(uri.substr(0, start));
    const auto plus = scheme.find('+');
    parts.driver = scheme.substr(0, plus);
    parts.transport = plus == std::string::npos ? "" : scheme.substr(plus + 1);
    std::string_view rest = start == std::string_view::npos ? uri : uri.substr(start + 3);
    const auto question = rest.find('?');
    if (question != std::string_view::npos) {
        parts.names = parameter_names(rest.substr(question + 1));
        rest = rest.substr(0, question);
    }
    const auto slash = rest.find('/');
    parts.authority = rest.substr(0, slash);
    parts.path = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
    return parts;
}

bool has(const Parts& parts, std::string_view name) {
    return std::find(parts.names.begin(), parts.names.end(), name) != parts.names.end();
}

Error bad_uri(std::string message, std::string hint) {
    return Error(ErrorCode::invalid_argument, "option 'uri' " + std::move(message))
        .with_field("backend.options.uri")
        .with_hint(std::move(hint));
}

} // namespace

std::string shown(std::string_view uri) {
    const auto start = uri.find("://");
    const auto at = uri.find('@');
    if (start == std::string_view::npos || at == std::string_view::npos ||
        uri.substr(start + 3, at - start - 3).find_first_of("/?") != std::string_view::npos) {
        return std::string(uri);
    }
    const auto colon = uri.find(':', start + 3);
    return colon < at ? std::string(uri.substr(0, colon)) + std::string(uri.substr(at))
                      : std::string(uri);
}

Result<void> check_uri(std::string_view uri) {
    if (shown(uri) != uri) {
        return bad_uri("must not hold a password", "use the options username and password");
    }
    const Parts parts = split(uri);
    if (parts.transport == "ext" || has(parts, "command")) {
        return bad_uri(
            "must not name a program to run", "reach the host over ssh, tls, tcp or a Unix socket"
        );
    }
    if (has(parts, "authfile")) { // libvirt's complaint about a file shows what is in it
        return bad_uri(
            "must not name a file with a log-in", "use the options username and password"
        );
    }
    if (parts.driver == "test" && unescaped(parts.path) != "/default") { // neither does it of XML
        return bad_uri("must not name a file", "test:///default is libvirt's own test host");
    }
    if (unescaped(parts.path) == "/embed") {
        return bad_uri(
            "must name a host: vbmcd is no hypervisor",
            "qemu:///system, qemu:///session or a remote host"
        );
    }
    return {};
}

std::string unattended(std::string_view uri) {
    std::string out(uri.substr(0, uri.find('#')));
    if (split(uri).transport == "ssh") { // of two, the last counts
        out += (out.find('?') == std::string::npos ? "?" : "&") + std::string("no_tty=1");
    }
    return out;
}

std::string host_of(std::string_view uri) {
    std::string_view host = split(uri).authority;
    host = host.substr(host.find('@') == std::string_view::npos ? 0 : host.find('@') + 1);
    const bool bracket = !host.empty() && host.front() == '[';
    return std::string(
        bracket ? host.substr(1, host.find(']') - 1) : host.substr(0, host.find(':'))
    );
}

} // namespace vbmc::backend::libvirt
