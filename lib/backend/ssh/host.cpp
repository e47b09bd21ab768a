#include "backend/ssh/host.h"

#include "backend/ssh/quote.h"

#include <algorithm>

namespace vbmc::backend::ssh {

namespace {

constexpr Duration retry_min = std::chrono::milliseconds(250);
constexpr Duration retry_max = std::chrono::seconds(5);
// Those who watch for break-ins count about five refused log-ins in ten minutes.
constexpr Duration refused_min = std::chrono::minutes(1);
constexpr Duration refused_max = std::chrono::minutes(5);
// Ours end first: they tell more than the worker's do.
constexpr Duration margin = std::chrono::milliseconds(200);

struct Place {
    std::string host;
    unsigned port = 0;
};

/// "name", "name:port", "[v6]:port", "v6"; port 0: not told, host empty: wrong.
Place parse_place(const std::string& text) {
    Place place;
    const auto colon = text.rfind(':');
    const bool bracketed = text.starts_with('[');
    const bool has_port =
        colon != std::string::npos &&
        (bracketed ? colon > 0 && text[colon - 1] == ']' : text.find(':') == colon);
    place.host = has_port ? text.substr(0, colon) : text;
    if (has_port) {
        const auto number = parse_number(text.substr(colon + 1));
        if (!number || *number < 1 || *number > 65535) {
            return Place();
        }
        place.port = static_cast<unsigned>(*number);
    }
    if (place.host.starts_with('[') && place.host.ends_with(']')) {
        place.host = place.host.substr(1, place.host.size() - 2);
    }
    return place;
}

Duration duration_of(const DriverConfig& config, std::string_view name) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(config.seconds(name))
    );
}

Error wrong(std::string_view option, std::string text) {
    return Error(
               ErrorCode::invalid_argument,
               "option '" + std::string(option) + "' " + std::move(text)
    )
        .with_field("backend.options." + std::string(option));
}

} // namespace

std::vector<Option> login_options() {
    using enum OptionType;
    return {
        {"host", text, true, "", "name or address of the machine; NAME:PORT for another port"},
        {"port", number, false, "", "its SSH port (22)"},
        {"user", text, false, "root", "the user to log in as"},
        {"host-key", text, false, "", "its host key: SHA256:... (several: commas) or a public key"},
        {"known-hosts",
         text,
         false,
         "",
         "a known_hosts file on vbmcd's machine, instead of host-key"},
        {"key", secret, false, "", "the private key to log in with (its text)"},
        {"key-passphrase", secret, false, "", "what the private key is encrypted with"},
        {"password", secret, false, "", "the password to log in with"},
        {"connect-timeout", duration, false, "5s", "how long connecting and logging in may take"},
        {"command-timeout", duration, false, "10s", "how long a command may run"},
        {"keepalive", duration, false, "30s", "how often an idle session is used; 0: never"},
        {"unreachable-is",
         text,
         false,
         "unknown",
         "what a machine is that does not take a connection",
         "unknown|off"},
    };
}

Host::Host(const DriverContext& context, const DriverConfig& config)
    : place_(SessionPlace{
          context.timers, std::make_shared<net::Resolver>(context.timers, context.now), context.now}
      ),
      config_(config), connect_limit_(duration_of(config, "connect-timeout")),
      command_limit_(duration_of(config, "command-timeout")), opened_(context.timers) {
    const Place place = parse_place(config.text("host"));
    host_ = place.host;
    const long long given = config.number("port");
    port_ = given > 0 ? static_cast<unsigned>(given) : place.port > 0 ? place.port : 22;
}

Host::~Host() = default;

Result<void> Host::check(const DriverConfig& config) {
    if (parse_place(config.text("host")).host.empty()) {
        return wrong("host", "must be a name or an address, with a port or without");
    }
    if (config.has("port") && (config.number("port") < 1 || config.number("port") > 65535)) {
        return wrong("port", "must be from 1 to 65535");
    }
    if (config.text("user").empty()) {
        return wrong("user", "must not be empty");
    }
    for (const char* name : {"connect-timeout", "command-timeout"}) {
        if (config.seconds(name) < 0.1 || config.seconds(name) > 60) {
            return wrong(name, "must be from 100ms to 60s");
        }
    }
    if (config.has("host-key")) {
        const Result<Pins> pins = parse_host_key(config.text("host-key"));
        if (pins.has_error()) {
            return pins.error();
        }
    }
    return {};
}

std::string Host::name() const {
    return host_ + ":" + std::to_string(port_);
}

Mono Host::bounded(Mono deadline, Duration limit) const {
    const Mono now = place_.now().mono;
    const Mono own = now + limit;
    return std::max(now, std::min(own, deadline - margin));
}

Result<Login> Host::login() {
    Login login;
    login.host = host_;
    login.port = port_;
    login.user = config_.text("user");
    login.keepalive = duration_of(config_, "keepalive");
    if (config_.has("host-key")) {
        Result<Pins> pins = parse_host_key(config_.text("host-key"));
        if (pins.has_error()) {
            return std::move(pins).error();
        }
        login.pins = std::move(*pins);
    }
    if (config_.has("known-hosts")) {
        Result<Pins> pins = load_known_hosts(config_.text("known-hosts"), host_, port_);
        if (pins.has_error()) {
            return std::move(pins).error();
        }
        auto& trusted = login.pins.trusted;
        trusted.insert(trusted.end(), pins->trusted.begin(), pins->trusted.end());
        login.pins.revoked = std::move(pins->revoked);
    }
    if (config_.has("password")) {
        Result<Secret> password = config_.secret("password");
        if (password.has_error()) {
            return std::move(password).error();
        }
        login.password = std::move(*password);
    }
    if (!config_.has("key")) {
        return login;
    }
    Result<Secret> text = config_.secret("key");
    Result<Secret> phrase =
        config_.has("key-passphrase") ? config_.secret("key-passphrase") : Result<Secret>(Secret());
    if (text.has_error() || phrase.has_error()) {
        return text.has_error() ? text.error() : phrase.error();
    }
    if (!key_ || !(key_->text == *text) || !(key_->passphrase == *phrase)) {
        Result<std::shared_ptr<const PrivateKey>> key = PrivateKey::parse(*text, *phrase);
        if (key.has_error()) {
            return std::move(key).error();
        }
        key_ = std::move(*key);
    }
    login.key = key_;
    return login;
}

net::Awaitable<Result<std::shared_ptr<Session>>> Host::session(Mono deadline) {
    while (opening_ && place_.now().mono < deadline) {
        co_await opened_.wait(deadline);
    }
    if (session_ && session_->alive()) {
        co_return session_;
    }
    session_.reset();
    Result<Login> how = login();
    if (how.has_error()) {
        co_return std::move(how).error();
    }
    if (is_held_back(*how)) {
        co_return held_back();
    }

    struct Opening { // also when the call is cancelled

        explicit Opening(Host& h) : host(h) { host.opening_ = true; }

        ~Opening() {
            host.opening_ = false;
            host.opened_.tell();
        }

        Opening(const Opening&) = delete;
        Opening& operator=(const Opening&) = delete;
        Host& host;
    };

    const Opening opening(*this);
    const Mono until = bounded(deadline, connect_limit_);
    Result<std::shared_ptr<Session>> opened = co_await Session::open(place_, *how, until);
    if (opened.has_value()) {
        session_ = *opened;
        failures_ = 0;
        last_error_.reset();
        co_return session_;
    }
    note_failure(opened.error(), std::move(*how));
    co_return held_back();
}

/// The last failure; after a refused log-in, when the next is made.
Error Host::held_back() const {
    Error why = *last_error_;
    if (why.reason == login_refused) {
        const Duration left = std::max<Duration>(retry_at_ - place_.now().mono, Duration::zero());
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(left).count();
        why.hint += (why.hint.empty() ? "" : "; ") + std::string("tried again in ") +
                    std::to_string(seconds) +
                    " s, at once with another key or password, and by `vbmcctl restart`";
    }
    return why;
}

/// The same log-in again at once would not help, and may get us banned there.
bool Host::is_held_back(const Login& how) const {
    if (!last_error_ || place_.now().mono >= retry_at_) {
        return false;
    }
    const bool was_refused = last_error_->reason == login_refused;
    return !was_refused || (how.key == tried_.key && how.password == tried_.password);
}

void Host::note_failure(const Error& why, Login how) {
    const bool refused = why.reason == login_refused;
    const Duration first = refused ? refused_min : retry_min;
    const Duration most = refused ? refused_max : retry_max;
    if (refused != (last_error_ && last_error_->reason == login_refused)) {
        failures_ = 0;
    }
    last_error_ = why;
    tried_ = std::move(how);
    retry_at_ = place_.now().mono + std::min(first * (1U << std::min(failures_, 5U)), most);
    ++failures_;
}

net::Awaitable<Result<void>> Host::ready(Mono deadline) {
    Result<std::shared_ptr<Session>> there = co_await session(deadline);
    if (there.has_error()) {
        co_return std::move(there).error();
    }
    co_return Result<void>();
}

net::Awaitable<Result<Output>> Host::tell(std::string command, Mono deadline) {
    for (int attempt = 0;; ++attempt) {
        const bool kept = session_ && session_->alive();
        Result<std::shared_ptr<Session>> there = co_await session(deadline);
        if (there.has_error()) {
            co_return std::move(there).error();
        }
        const std::shared_ptr<Session> session = std::move(*there);
        const Mono until = bounded(deadline, command_limit_);
        Result<Output> done = co_await session->run(command, until);
        if (done.has_value() || session->alive() || !kept || attempt > 0) {
            co_return done;
        }
    }
}

net::Awaitable<Result<Output>> Host::ask(std::string command, Mono deadline) {
    const bool kept = session_ && session_->alive();
    Result<Output> done = co_await tell(command, deadline);
    if (kept && done.has_value() && done->lost) {
        done = co_await tell(command, deadline);
    }
    co_return done;
}

net::Awaitable<Result<ChannelPtr>> Host::terminal(std::string command, Mono deadline) {
    Result<std::shared_ptr<Session>> there = co_await session(deadline);
    if (there.has_error()) {
        co_return std::move(there).error();
    }
    const std::shared_ptr<Session> session = std::move(*there);
    const Mono until = bounded(deadline, command_limit_);
    co_return co_await session->open_terminal(command, until);
}

std::optional<Error> complaint(const Output& output, const std::string& what) {
    if (output.lost) {
        return Error(
            ErrorCode::unavailable, "SSH_LOST", "the connection ended during '" + what + "'"
        );
    }
    if (output.unended) {
        return Error(
                   ErrorCode::deadline_exceeded,
                   "COMMAND_HANGS",
                   "the command for '" + what + "' did not end in time"
        )
            .with_hint("see what it waits for, or give it more with command-timeout");
    }
    if (output.truncated) {
        return Error(
            ErrorCode::internal,
            "COMMAND_FAILED",
            "the command for '" + what + "' wrote more than can be right"
        );
    }
    if (output.status == 0) {
        return std::nullopt;
    }
    std::string why = first_line(output.error.empty() ? output.out : output.error);
    why = why.empty() ? "" : ": " + why;
    if (output.status == 127) {
        return Error(
                   ErrorCode::unsupported,
                   "COMMAND_MISSING",
                   "the machine has no command for '" + what + "'" + why
        )
            .with_hint("install it there, or set the option command-" + what);
    }
    const std::string status =
        output.status < 0 ? "was killed" : "ended with " + std::to_string(output.status);
    return Error(
               ErrorCode::internal,
               "COMMAND_FAILED",
               "the command for '" + what + "' " + status + why
    )
        .with_hint(
            "run it there by hand as the same user; the option sudo helps a user that is not "
            "root"
        );
}

} // namespace vbmc::backend::ssh
