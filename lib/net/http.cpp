#include "net/http.h"

#include <algorithm>
#include <charconv>

namespace vbmc::net {

namespace {

constexpr std::size_t url_bytes_max = 4096;

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return lower(x) == lower(y);
    });
}

bool is_visible(char c) noexcept {
    return c > 0x20 && c < 0x7f;
}

Error bad_url(std::string_view why) {
    return Error(
               ErrorCode::invalid_argument, "BAD_URL", "this is no usable URL: " + std::string(why)
    )
        .with_hint("write it as https://HOST[:PORT]/PATH");
}

bool is_host_character(char c) noexcept {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
}

bool is_v6_character(char c) noexcept {
    return (lower(c) >= 'a' && lower(c) <= 'f') || (c >= '0' && c <= '9') || c == ':' || c == '.';
}

/// "host", "host:1", "[::1]:1"; empty when all is well.
std::string_view read_authority(std::string_view text, Url& url) {
    std::string_view port;
    if (!text.empty() && text.front() == '[') {
        const auto close = text.find(']');
        if (close == std::string_view::npos) {
            return "the IPv6 address has no ']'";
        }
        url.host = text.substr(1, close - 1);
        port = text.substr(close + 1);
        if (!std::all_of(url.host.begin(), url.host.end(), is_v6_character)) {
            return "the IPv6 address is wrong";
        }
    } else {
        const auto colon = text.find(':');
        url.host = text.substr(0, colon);
        port = colon == std::string_view::npos ? std::string_view{} : text.substr(colon);
        if (!std::all_of(url.host.begin(), url.host.end(), is_host_character)) {
            return "the host name has characters that no host name has";
        }
        std::transform(url.host.begin(), url.host.end(), url.host.begin(), lower);
    }
    if (url.host.empty() || url.host.size() > 253) {
        return "it has no host";
    }
    if (port.empty()) {
        return {};
    }
    unsigned number = 0;
    const char* const end = port.data() + port.size();
    const auto [at, error] = std::from_chars(port.data() + 1, end, number);
    if (port.front() != ':' || error != std::errc{} || at != end || number == 0 || number > 65535) {
        return "the port is no number from 1 to 65535";
    }
    url.port = static_cast<u16>(number);
    return {};
}

std::string base64(std::string_view text) {
    static constexpr char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((text.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < text.size(); i += 3) {
        u32 group = 0;
        for (std::size_t j = 0; j < 3; ++j) {
            group = group << 8 | (i + j < text.size() ? static_cast<u8>(text[i + j]) : 0U);
        }
        for (std::size_t j = 0; j < 4; ++j) {
            out += i + j > text.size() ? '=' : digits[group >> (18 - 6 * j) & 63];
        }
    }
    return out;
}

} // namespace

std::string_view to_string(HttpMethod method) noexcept {
    switch (method) {
    case HttpMethod::get:
        return "GET";
    case HttpMethod::head:
        return "HEAD";
    case HttpMethod::post:
        return "POST";
    case HttpMethod::put:
        return "PUT";
    case HttpMethod::patch:
        return "PATCH";
    case HttpMethod::delete_:
        return "DELETE";
    }
    return "GET";
}

bool is_idempotent(HttpMethod method) noexcept {
    return method != HttpMethod::post && method != HttpMethod::patch;
}

Result<Url> Url::parse(std::string_view text) {
    if (text.size() > url_bytes_max) {
        return bad_url("it is too long");
    }
    if (!std::all_of(text.begin(), text.end(), is_visible)) {
        return bad_url("it has spaces, control or non-ASCII characters");
    }
    const auto colon = text.find("://");
    if (colon == std::string_view::npos) {
        return bad_url("it has no scheme");
    }
    Url url;
    const std::string_view scheme = text.substr(0, colon);
    url.tls = equal_ignoring_case(scheme, "https");
    if (!url.tls && !equal_ignoring_case(scheme, "http")) {
        return bad_url("its scheme is neither http nor https");
    }
    std::string_view rest = text.substr(colon + 3);
    rest = rest.substr(0, rest.find('#'));
    const auto slash = rest.find_first_of("/?");
    const std::string_view authority = rest.substr(0, slash);
    if (authority.find('@') != std::string_view::npos) {
        return bad_url("a user name or password does not belong in it");
    }
    if (const auto why = read_authority(authority, url); !why.empty()) {
        return bad_url(why);
    }
    url.port = url.port != 0 ? url.port : (url.tls ? 443 : 80);
    const std::string_view target =
        slash == std::string_view::npos ? std::string_view{} : rest.substr(slash);
    url.target =
        target.empty() || target.front() != '/' ? "/" + std::string(target) : std::string(target);
    return url;
}

std::string Url::origin() const {
    const bool v6 = host.find(':') != std::string::npos;
    return std::string(tls ? "https://" : "http://") + (v6 ? "[" + host + "]" : host) + ":" +
           std::to_string(port);
}

std::string Url::authority() const {
    const bool v6 = host.find(':') != std::string::npos;
    const std::string name = v6 ? "[" + host + "]" : host;
    return port == (tls ? 443 : 80) ? name : name + ":" + std::to_string(port);
}

Result<Url> Url::resolve(std::string_view reference) const {
    if (reference.find("://") != std::string_view::npos) {
        return parse(reference);
    }
    if (reference.substr(0, 2) == "//") {
        return parse((tls ? "https:" : "http:") + std::string(reference));
    }
    if (!reference.empty() && reference.front() == '/') {
        return parse(origin() + std::string(reference));
    }
    const std::string path = target.substr(0, target.find('?'));
    return parse(origin() + path.substr(0, path.rfind('/') + 1) + std::string(reference));
}

std::string percent_encode(std::string_view text) {
    static constexpr char hex[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool plain = (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
                           c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            out += c;
        } else {
            const auto byte = static_cast<u8>(c);
            out += '%';
            out += hex[byte >> 4];
            out += hex[byte & 15];
        }
    }
    return out;
}

std::string_view HttpResponse::field(std::string_view name) const noexcept {
    for (const HttpField& f : fields) {
        if (equal_ignoring_case(f.name, name)) {
            return f.value;
        }
    }
    return {};
}

Secret basic_authorization(const Secret& user, const Secret& password) {
    std::string both(user.reveal());
    both += ':';
    both += password.reveal();
    std::string encoded = "Basic " + base64(both);
    Secret value{std::string_view(encoded)};
    for (std::string* text : {&both, &encoded}) {
        wipe(MutableBytes(reinterpret_cast<u8*>(text->data()), text->size()));
    }
    return value;
}

bool is_field_value(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return c == '\t' || (static_cast<u8>(c) >= 0x20 && c != 0x7f);
    });
}

} // namespace vbmc::net
