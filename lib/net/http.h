#pragma once
// HTTP messages and addresses as values: what drivers say to net::HttpClient and get back. Knows
// no socket and no library. Any thread.

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"

#include <compare>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vbmc::net {

enum class HttpMethod : u8 { get, head, post, put, patch, delete_ };

/// "GET", "POST" ...
std::string_view to_string(HttpMethod method) noexcept;

/// May be sent twice with the effect of once (RFC 9110 §9.2.2; PATCH and POST may not).
bool is_idempotent(HttpMethod method) noexcept;

/// An absolute http or https address, taken apart.
struct Url {
    bool tls = false;
    std::string host;   // without the brackets of an IPv6 address
    std::string target; // path and query, starts with '/'
    u16 port = 0;

    /// Refuses other schemes, user names and passwords, fragments' contents, control characters.
    static Result<Url> parse(std::string_view text);

    /// "https://api.example:443": what messages and pools know a server by.
    std::string origin() const;

    /// "api.example", "[::1]:8443": for the Host field.
    std::string authority() const;

    /// What a Location field of this page's reply points to.
    Result<Url> resolve(std::string_view reference) const;
};

/// `text` with all but RFC 3986's unreserved characters as %XX: for a path's segment or a query's
/// value.
std::string percent_encode(std::string_view text);

/// How a server proves who it is. The default: a certificate for its name, signed by a CA that the
/// system trusts.
struct TlsOptions {
    std::string ca_file;     // PEM: trusted instead of the system's CAs
    std::string fingerprint; // SHA-256 of the server's certificate in hex: this one and no other
    bool insecure = false;   // no proof at all: only when a person asked for it

    friend auto operator<=>(const TlsOptions&, const TlsOptions&) = default;
};

struct HttpField {
    HttpField() = default;

    HttpField(std::string name_, std::string value_)
        : name(std::move(name_)), value(std::move(value_)) {}

    std::string name;
    std::string value;
};

/// A field that proves who asks: never logged, never sent to another server by a redirect.
struct HttpCredential {
    HttpCredential() = default;

    HttpCredential(std::string name_, Secret value_)
        : name(std::move(name_)), value(std::move(value_)) {}

    std::string name;
    Secret value;
};

struct HttpRequest {
    HttpRequest() = default;

    HttpRequest(HttpMethod method_, std::string url_) : method(method_), url(std::move(url_)) {}

    HttpMethod method = HttpMethod::get;
    std::string url;
    std::vector<HttpField> fields;
    std::vector<HttpCredential> credentials;
    std::string body;
    TlsOptions tls;
    std::size_t body_max = std::size_t{4} * 1024 * 1024; // a longer reply is an error
    u8 redirects_max = 0; // of GET and HEAD; more than that come back as they are
};

struct HttpResponse {
    unsigned status = 0;
    std::vector<HttpField> fields;
    std::string body;

    bool is_success() const noexcept { return status >= 200 && status < 300; }

    /// The first field of that name (in any case); empty when there is none.
    std::string_view field(std::string_view name) const noexcept;
};

/// "Basic ..." for a user and a password.
Secret basic_authorization(const Secret& user, const Secret& password);

/// Whether `text` may stand as a field's value: no line end can be smuggled in.
bool is_field_value(std::string_view text) noexcept;

} // namespace vbmc::net
