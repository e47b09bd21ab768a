#include "backend/metal/options.h"

#include <algorithm>
#include <cstdlib>

namespace vbmc::backend::metal {

namespace {

constexpr std::string_view provider_names =
    "equinix|latitude|cherry|scaleway|phoenixnap|vultr|hetzner-cloud";

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string{} : std::string(value);
}

std::vector<Option> account_options() {
    return {
        {"provider", OptionType::text, false, "equinix", "the cloud's API", provider_names},
        {"token",
         OptionType::secret,
         false,
         "",
         "API token, or client secret (else METAL_AUTH_TOKEN of the daemon)"},
        {"url", OptionType::url, false, "", "the API's base URL, when it is not the cloud's own"},
        {"project", OptionType::text, false, "", "project id: machines of one share a listing"},
        {"zone", OptionType::text, false, "", "zone, where the API has them (scaleway: fr-par-1)"},
        {"client-id", OptionType::text, false, "", "OAuth2 client id (phoenixnap)"},
        {"token-url", OptionType::url, false, "", "where tokens are fetched (phoenixnap)"},
        {"ca-file", OptionType::text, false, "", "PEM file of the CAs to trust instead"},
        {"fingerprint", OptionType::text, false, "", "SHA-256 of the one certificate to trust"},
        {"insecure", OptionType::boolean, false, "false", "do not check the certificate at all"},
    };
}

ConfigSchema make_node_schema() {
    ConfigSchema schema;
    schema.options = account_options();
    const std::vector<Option> own = {
        {"uuid",
         OptionType::text,
         false,
         "",
         "the machine's id in that cloud (else METAL_INSTANCE_UUID of the daemon)"},
        {"ipxe-url", OptionType::url, false, "", "iPXE script that a network boot runs"},
        {"state-as-told",
         OptionType::boolean,
         false,
         "false",
         "take what the machine was told last for its state, where the API tells none (vultr)"},
        {"boot-settle",
         OptionType::duration,
         false,
         "5m",
         "a one-time network boot is put back this long after the start"},
        {"event-interval",
         OptionType::duration,
         false,
         "60s",
         "how often a project's events are read for the event log; 0s: never (equinix)"},
    };
    schema.options.insert(schema.options.begin() + 1, own.begin(), own.end());
    return schema;
}

Error bad_option(std::string_view name, std::string message, std::string hint) {
    return Error(ErrorCode::invalid_argument, std::move(message))
        .with_field("backend.options." + std::string(name))
        .with_hint(std::move(hint));
}

bool is_id(const std::string& text) {
    return text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '.';
           });
}

std::string base_url(const DriverConfig& config) {
    std::string url = config.has("url") ? config.text("url") : std::string(provider_of(config).url);
    while (!url.empty() && url.back() == '/') {
        url.pop_back();
    }
    return url;
}

std::string token_url(const DriverConfig& config) {
    return config.has("token-url") ? config.text("token-url")
                                   : std::string(provider_of(config).token_url);
}

Result<void> check_url(std::string_view name, const std::string& text) {
    const auto url = net::Url::parse(text);
    if (url.has_error()) {
        return bad_option(name, url.error().message, url.error().hint);
    }
    return {};
}

} // namespace

const ConfigSchema& node_schema() {
    static const ConfigSchema schema = make_node_schema();
    return schema;
}

const ConfigSchema& discover_schema() {
    static const ConfigSchema schema{account_options()};
    return schema;
}

const Provider& provider_of(const DriverConfig& config) {
    const Provider* provider = find_provider(config.text("provider"));
    return provider != nullptr ? *provider : providers().front();
}

Result<Secret> token_of(const DriverConfig& config) {
    Result<Secret> given = config.secret("token");
    if (given.has_error() || !given->empty()) {
        return given;
    }
    Secret token(environment("METAL_AUTH_TOKEN"));
    if (token.empty()) {
        return Error(ErrorCode::invalid_argument, "option 'token' is required")
            .with_field("backend.options.token")
            .with_hint(
                "make one in " + std::string(provider_of(config).portal) +
                ", or start vbmcd with METAL_AUTH_TOKEN set"
            );
    }
    return token;
}

std::string machine_of(const DriverConfig& config) {
    return config.has("uuid") ? config.text("uuid") : environment("METAL_INSTANCE_UUID");
}

Result<void> check_options(const DriverConfig& config) {
    const Provider& provider = provider_of(config);
    if (Result<void> url = check_url("url", base_url(config)); url.has_error()) {
        return url;
    }
    for (const char* name : {"uuid", "project", "zone"}) {
        const std::string value =
            name == std::string_view("uuid") ? machine_of(config) : config.text(name);
        if (!is_id(value)) {
            return bad_option(
                name,
                "option '" + std::string(name) + "' is no id of " + std::string(provider.title),
                "ids have letters, digits, '-', '_' and '.'"
            );
        }
    }
    if (provider.needs_zone && config.text("zone").empty()) {
        return bad_option("zone", "option 'zone' is required", "for example fr-par-1");
    }
    if (provider.auth == Auth::oauth2) {
        if (config.text("client-id").empty()) {
            return bad_option(
                "client-id",
                "option 'client-id' is required",
                "it was shown with the client secret, which is the token"
            );
        }
        if (Result<void> url = check_url("token-url", token_url(config)); url.has_error()) {
            return url;
        }
    }
    if (!config.text("token").empty()) {
        return {}; // may be a reference: what it leads to counts when it is used
    }
    const Result<Secret> token = token_of(config);
    return token.has_error() ? Result<void>(token.error()) : Result<void>();
}

Result<std::shared_ptr<Account>>
account_of(const DriverContext& context, const DriverConfig& config) {
    Result<Secret> token = token_of(config);
    if (token.has_error()) {
        return std::move(token).error();
    }
    AccountKey key;
    key.provider = &provider_of(config);
    key.url = base_url(config);
    key.token_url = token_url(config);
    key.client_id = config.text("client-id");
    key.zone = config.text("zone");
    key.tls.ca_file = config.text("ca-file");
    key.tls.fingerprint = config.text("fingerprint");
    key.tls.insecure = config.boolean("insecure");
    key.token_digest = digest_of(*token);
    return shared_account(context, key, *token);
}

} // namespace vbmc::backend::metal
