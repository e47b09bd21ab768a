#include "backend/ipmi/options.h"

#include "crypto/suite.h"

#include <algorithm>

namespace vbmc::backend::ipmi {

namespace {

constexpr std::size_t user_name_max = 16;
constexpr std::size_t key_max = 20;

Error wrong(std::string_view option, std::string text) {
    return Error(
               ErrorCode::invalid_argument,
               "option '" + std::string(option) + "' " + std::move(text)
    )
        .with_field("backend.options." + std::string(option));
}

/// "auto", or suite numbers in order of preference.
Result<std::vector<u8>> suites_of(const std::string& text) {
    if (text == "auto") {
        return std::vector<u8>{17, 3};
    }
    std::vector<u8> suites;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        const auto number = parse_number(text.substr(at, comma - at));
        at = comma + 1;
        const crypto::Suite* suite = number && *number >= 0 && *number <= 0xff
                                         ? crypto::find_suite(static_cast<u8>(*number))
                                         : nullptr;
        if (suite == nullptr || !suite->authenticates()) {
            return wrong("cipher", "must be 'auto' or cipher suites whose packets are signed")
                .with_hint("one or more of 17, 3, 16, 12, 8, 7, 2, separated by commas");
        }
        suites.push_back(suite->id);
    }
    return suites;
}

u8 privilege_of(const std::string& word) {
    return word == "user" ? u8{2} : word == "operator" ? u8{3} : u8{4};
}

/// "0x" and hex digits, or the text itself.
std::optional<Secret> key_bytes(const Secret& given) {
    const std::string_view text = given.reveal();
    if (!text.starts_with("0x")) {
        return given;
    }
    ByteArray<key_max> bytes{};
    const std::string_view digits = text.substr(2);
    if (digits.size() % 2 != 0 || digits.size() / 2 > bytes.size()) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const std::size_t digit = std::string_view("0123456789abcdefABCDEF").find(digits[i]);
        if (digit == std::string_view::npos) {
            return std::nullopt;
        }
        const auto value = static_cast<u8>(digit < 16 ? digit : digit - 6);
        bytes[i / 2] = static_cast<u8>(bytes[i / 2] << 4 | value);
    }
    const Secret key{Bytes(bytes).first(digits.size() / 2)};
    wipe(bytes);
    return key;
}

Result<client::Credentials> credentials_of(const DriverConfig& config) {
    client::Credentials credentials;
    const std::string user = config.text("username");
    credentials.user.assign(user.begin(), user.end());
    Result<Secret> password = config.secret("password");
    if (password.has_error()) {
        return std::move(password).error();
    }
    if (password->size() > key_max) {
        return wrong("password", "is longer than the 20 bytes that IPMI 2.0 knows");
    }
    credentials.password = std::move(*password);
    if (config.has("kg")) {
        Result<Secret> key = config.secret("kg");
        if (key.has_error()) {
            return std::move(key).error();
        }
        const auto bytes = key_bytes(*key);
        if (!bytes || bytes->size() > key_max) {
            return wrong("kg", "must be up to 20 characters, or 0x and up to 40 hex digits");
        }
        credentials.bmc_key = *bytes;
    }
    return credentials;
}

} // namespace

const ConfigSchema& schema() {
    static const ConfigSchema instance = {{
        {"host", OptionType::text, true, "", "address or name of the BMC"},
        {"port", OptionType::number, false, "623", "its UDP port"},
        {"username", OptionType::text, false, "", "user there; empty: the anonymous user"},
        {"password", OptionType::secret, true, "", "password of that user, at most 20 bytes"},
        {"kg", OptionType::secret, false, "", "K_g key of the BMC: text, or 0x and hex digits"},
        {"cipher",
         OptionType::text,
         false,
         "auto",
         "cipher suites in order of preference, as 17,3; auto: 17, then 3"},
        {"privilege",
         OptionType::text,
         false,
         "administrator",
         "privilege of the session there",
         "user|operator|administrator"},
        {"raw",
         OptionType::boolean,
         false,
         "true",
         "pass on commands that the emulated controller does not know"},
        {"raw-privilege",
         OptionType::text,
         false,
         "administrator",
         "privilege that such a command needs here",
         "operator|administrator"},
        {"sensors", OptionType::boolean, false, "true", "show the sensors of the BMC"},
        {"sel", OptionType::boolean, false, "true", "take over new entries of its event log"},
        {"fru", OptionType::boolean, false, "true", "show its FRU inventory"},
        {"sol", OptionType::boolean, false, "true", "relay its serial console"},
        {"sol-takeover",
         OptionType::boolean,
         false,
         "false",
         "end another stream of the console there instead of being refused"},
        {"mirror-interval",
         OptionType::duration,
         false,
         "30s",
         "how often its event log and sensor records are looked at, at most"},
    }};
    return instance;
}

Wishes wishes_of(const DriverConfig& config) {
    Wishes wishes;
    wishes.raw = config.boolean("raw");
    wishes.raw_privilege = static_cast<bmc::Privilege>(privilege_of(config.text("raw-privilege")));
    wishes.sensors = config.boolean("sensors");
    wishes.events = config.boolean("sel");
    wishes.fru = config.boolean("fru");
    wishes.console = config.boolean("sol");
    wishes.sol_takeover = config.boolean("sol-takeover");
    const std::chrono::duration<double> interval(config.seconds("mirror-interval"));
    wishes.interval = std::chrono::duration_cast<Duration>(interval);
    return wishes;
}

Result<Upstream> upstream_of(const DriverConfig& config) {
    Upstream upstream;
    upstream.host = config.text("host");
    const long long port = config.number("port");
    if (port < 1 || port > 0xffff) {
        return wrong("port", "must be from 1 to 65535");
    }
    upstream.port = static_cast<u16>(port);
    if (config.text("username").size() > user_name_max) {
        return wrong("username", "is longer than the 16 bytes that IPMI knows");
    }
    Result<std::vector<u8>> suites = suites_of(config.text("cipher"));
    if (suites.has_error()) {
        return std::move(suites).error();
    }
    upstream.settings.suites = std::move(*suites);
    upstream.settings.privilege = privilege_of(config.text("privilege"));
    upstream.credentials = [config] { return credentials_of(config); };
    return upstream;
}

} // namespace vbmc::backend::ipmi
