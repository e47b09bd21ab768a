#include "backend/ssh/session.h"

#include "backend/ssh/quote.h"

#include <boost/asio/error.hpp>
#include <openssl/crypto.h>

#include <algorithm>
#include <unistd.h>
#include <utility>

namespace vbmc::backend::ssh {

namespace {

constexpr std::size_t out_bytes_max = 512 * 1024;
constexpr std::size_t error_bytes_max = 8 * 1024;
constexpr int timed_out = -1000; // no return code of libssh
constexpr Duration silence_max = std::chrono::seconds(20);

/// Moves what a channel has to say into `text`; false when nothing came.
bool take(ssh_channel channel, bool is_error, std::string& text, std::size_t max, bool& truncated) {
    char buffer[4096];
    const int count =
        ssh_channel_read_nonblocking(channel, buffer, sizeof(buffer), is_error ? 1 : 0);
    if (count <= 0) {
        return false;
    }
    const auto size = static_cast<std::size_t>(count);
    const std::size_t room = max - std::min(max, text.size());
    text.append(buffer, std::min(size, room));
    truncated = truncated || size > room;
    return true;
}

/// A C string of a secret that is wiped when it ends.
struct Revealed {
    explicit Revealed(const Secret& secret, std::string_view tail = {}) {
        text.reserve(secret.size() + tail.size() + 1); // one buffer, which is wiped
        text.append(secret.reveal()).append(tail);
    }

    ~Revealed() { OPENSSL_cleanse(text.data(), text.size()); }

    Revealed(const Revealed&) = delete;
    Revealed& operator=(const Revealed&) = delete;
    std::string text;
};

/// "; it takes publickey, password": what a server would have liked instead.
std::string accepted_methods(int list) {
    static constexpr std::pair<unsigned, const char*> known[] = {
        {SSH_AUTH_METHOD_PUBLICKEY, "publickey"},
        {SSH_AUTH_METHOD_PASSWORD, "password"},
        {SSH_AUTH_METHOD_INTERACTIVE, "keyboard-interactive"},
        {SSH_AUTH_METHOD_HOSTBASED, "hostbased"},
        {SSH_AUTH_METHOD_GSSAPI_MIC, "gssapi-with-mic"},
    };
    std::string names;
    for (const auto& [bit, name] : known) {
        if ((static_cast<unsigned>(list) & bit) != 0) {
            names += (names.empty() ? "" : ", ") + std::string(name);
        }
    }
    return names.empty() ? names : "; it takes " + names;
}

/// Answers every question with the password, as PAM asks for it.
int answer_prompts(ssh_session session, const char* password) {
    const int prompts = ssh_userauth_kbdint_getnprompts(session);
    for (int i = 0; i < prompts; ++i) {
        if (ssh_userauth_kbdint_setanswer(session, static_cast<unsigned>(i), password) < 0) {
            return -1;
        }
    }
    return prompts;
}

} // namespace

PrivateKey::~PrivateKey() {
    if (key != nullptr) {
        ssh_key_free(key);
    }
}

Result<std::shared_ptr<const PrivateKey>>
PrivateKey::parse(const Secret& text, const Secret& passphrase) {
    auto made = std::make_shared<PrivateKey>();
    made->text = text;
    made->passphrase = passphrase;
    const Revealed key_text(text, "\n"); // whoever passed it on may have cut the last line's end
    const Revealed phrase(passphrase);
    const char* phrase_text = passphrase.empty() ? nullptr : phrase.text.c_str();
    const int rc = ssh_pki_import_privkey_base64(
        key_text.text.c_str(), phrase_text, nullptr, nullptr, &made->key
    );
    if (rc != SSH_OK) {
        return Error(
                   ErrorCode::unavailable,
                   "KEY_UNREADABLE",
                   "the option 'key' holds no private key that can be read"
        )
            .with_field("backend.options.key")
            .with_hint(
                "it is the text of an OpenSSH or PEM private key (vbmcctl reads it from a file "
                "when given @FILE); an encrypted one needs the right key-passphrase"
            );
    }
    return std::shared_ptr<const PrivateKey>(std::move(made));
}

Session::Session(const SessionPlace& place, std::shared_ptr<Socket> socket)
    : place_(place), socket_(std::move(socket)), activity_(place.timers),
      keepalive_timer_(
          place.timers, [](void* self) { static_cast<Session*>(self)->keep_alive(); }, this
      ) {}

Session::~Session() {
    if (event_ != nullptr) {
        ssh_event_remove_session(event_, ssh_);
        ssh_event_free(event_);
    }
    if (ssh_ != nullptr) {
        ssh_disconnect(ssh_);
        ssh_free(ssh_);
    }
}

bool Session::alive() const noexcept {
    return ssh_ != nullptr && ssh_is_connected(ssh_) != 0;
}

net::Awaitable<Result<std::shared_ptr<Session>>>
Session::open(SessionPlace place, Login login, Mono deadline) {
    Result<std::shared_ptr<Socket>> socket = co_await connect_tcp(
        place.timers, place.resolver, login.host, login.port, silence_max, deadline
    );
    if (socket.has_error()) {
        co_return std::move(socket).error();
    }
    auto session = std::make_shared<Session>(place, std::move(*socket));
    Result<void> ready = co_await session->handshake(std::move(login), deadline);
    if (ready.has_error()) {
        co_return std::move(ready).error();
    }
    co_return session;
}

net::Awaitable<Result<void>> Session::handshake(Login login, Mono deadline) {
    host_ = login.host + ":" + std::to_string(login.port);
    Result<void> done = set_options(login);
    if (done.has_error()) {
        co_return done;
    }
    auto connect = [this] { return ssh_connect(ssh_); };
    const int rc = co_await drive(connect, SSH_AGAIN, deadline);
    if (rc == timed_out) {
        co_return Error(
            ErrorCode::unavailable,
            "SSH_SILENT",
            host_ + " took the connection, but the SSH handshake did not end in time"
        )
            .with_hint("is it an SSH server, and does the machine still run?");
    }
    if (rc != SSH_OK) {
        co_return failure("the SSH handshake with " + host_ + " failed");
    }
    done = check_host_key(login);
    if (done.has_error()) {
        co_return done;
    }
    done = co_await log_in(login, deadline);
    if (done.has_error()) {
        co_return done;
    }
    event_ = ssh_event_new();
    if (event_ == nullptr || ssh_event_add_session(event_, ssh_) != SSH_OK) {
        co_return Error(ErrorCode::internal, "libssh cannot watch the session");
    }
    keepalive_ = login.keepalive;
    if (keepalive_ > Duration::zero()) {
        keepalive_timer_.arm(place_.now().mono + keepalive_);
    }
    watch();
    co_return Result<void>();
}

Result<void> Session::set_options(const Login& login) {
    ssh_ = ssh_new();
    const int fd = ::dup(socket_->native_handle()); // libssh closes what it is given
    if (ssh_ == nullptr || fd < 0) {
        if (fd >= 0) {
            ::close(fd);
        }
        return Error(ErrorCode::resource_exhausted, "no memory or descriptor for an SSH session");
    }
    ssh_set_blocking(ssh_, 0);
    const bool no = false;
    const unsigned port = login.port;
    const std::string algorithms = wanted_algorithms(login.pins);
    bool ok = ssh_options_set(ssh_, SSH_OPTIONS_PROCESS_CONFIG, &no) == SSH_OK;
    // Nothing of vbmcd's own user counts: no configuration, no known hosts, no keys.
    ok = ssh_options_set(ssh_, SSH_OPTIONS_SSH_DIR, "/nonexistent") == SSH_OK && ok;
    ok = ssh_options_set(ssh_, SSH_OPTIONS_KNOWNHOSTS, "/dev/null") == SSH_OK && ok;
    ok = ssh_options_set(ssh_, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null") == SSH_OK && ok;
    ok = ssh_options_set(ssh_, SSH_OPTIONS_HOST, login.host.c_str()) == SSH_OK && ok;
    ok = ssh_options_set(ssh_, SSH_OPTIONS_PORT, &port) == SSH_OK && ok;
    ok = ssh_options_set(ssh_, SSH_OPTIONS_USER, login.user.c_str()) == SSH_OK && ok;
    ok = ssh_options_set(ssh_, SSH_OPTIONS_HOSTKEYS, algorithms.c_str()) == SSH_OK && ok;
    if (!ok || ssh_options_set(ssh_, SSH_OPTIONS_FD, &fd) != SSH_OK) {
        ::close(fd);
        return Error(
                   ErrorCode::invalid_argument,
                   "libssh does not take these options: " + first_line(ssh_get_error(ssh_))
        )
            .with_hint("check the options host and user");
    }
    return {};
}

Result<void> Session::check_host_key(const Login& login) {
    ssh_key key = nullptr;
    unsigned char* hash = nullptr;
    std::size_t size = 0;
    Fingerprint shown{};
    std::string type;
    if (ssh_get_server_publickey(ssh_, &key) == SSH_OK) {
        type = ssh_key_type(key) == SSH_KEYTYPE_ECDSA_P256 ||
                       ssh_key_type(key) == SSH_KEYTYPE_ECDSA_P384 ||
                       ssh_key_type(key) == SSH_KEYTYPE_ECDSA_P521
                   ? ssh_pki_key_ecdsa_name(key)
                   : ssh_key_type_to_char(ssh_key_type(key));
        if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &size) == SSH_OK &&
            size == shown.size()) {
            std::copy(hash, hash + size, shown.begin());
        } else {
            size = 0;
        }
        ssh_clean_pubkey_hash(&hash);
        ssh_key_free(key);
    }
    if (size != shown.size()) {
        return failure(host_ + " showed no host key that can be read");
    }
    const std::string told = type + " " + to_text(shown);
    switch (judge(login.pins, shown)) {
    case KeyVerdict::pinned:
        return {};
    case KeyVerdict::unknown:
        return Error(
                   ErrorCode::unavailable,
                   "HOST_KEY_UNKNOWN",
                   "no host key is pinned for " + host_ + "; it showed " + told
        )
            .with_field("backend.options.host-key")
            .with_hint(
                "compare it on the machine itself (ssh-keygen -lf "
                "/etc/ssh/ssh_host_*_key.pub), then give --option host-key=" +
                to_text(shown) +
                ", or `vbmcctl set NODE option.host-key=...` (of one of several targets: "
                "option.TARGET.host-key)"
            );
    case KeyVerdict::revoked:
        return Error(
                   ErrorCode::unavailable,
                   "HOST_KEY_REVOKED",
                   "the host key that " + host_ + " showed is revoked: " + told
        )
            .with_hint("do not log in there; renew the machine's host keys");
    case KeyVerdict::changed:
        break;
    }
    std::string pinned;
    for (const Pin& pin : login.pins.trusted) {
        pinned += (pinned.empty() ? "" : ", ") + to_text(pin.print);
    }
    return Error(
               ErrorCode::unavailable,
               "HOST_KEY_CHANGED",
               "the host key of " + host_ + " is not the pinned one: it showed " + told +
                   ", pinned is " + pinned
    )
        .with_field("backend.options.host-key")
        .with_hint("either somebody is in between, or the machine was installed anew, or this is "
                   "another one of its keys: check it on the machine before you pin it");
}

net::Awaitable<Result<void>> Session::log_in(const Login& login, Mono deadline) {
    int rc = SSH_AUTH_DENIED;
    std::string tried;
    if (login.key != nullptr) {
        tried = "its key";
        const ssh_key key = login.key->key;
        auto step = [this, key] { return ssh_userauth_publickey(ssh_, nullptr, key); };
        rc = co_await drive(step, SSH_AUTH_AGAIN, deadline);
    }
    if ((rc == SSH_AUTH_DENIED || rc == SSH_AUTH_PARTIAL) && !login.password.empty()) {
        tried += tried.empty() ? "its password" : " and its password";
        rc = co_await try_password(login, deadline);
    }
    if (rc == SSH_AUTH_SUCCESS) {
        co_return Result<void>();
    }
    if (rc == timed_out) {
        co_return Error(
            ErrorCode::unavailable, "SSH_SILENT", "the log-in at " + host_ + " did not end in time"
        );
    }
    if (rc != SSH_AUTH_DENIED && rc != SSH_AUTH_PARTIAL) {
        co_return failure("the log-in at " + host_ + " failed");
    }
    if (tried.empty()) {
        co_return Error(
            ErrorCode::unauthenticated,
            "NO_CREDENTIALS",
            "there is nothing to log in with at " + host_ + ": neither a key nor a password"
        )
            .with_hint("set the option key (a private key's text) or password");
    }
    co_return Error(
        ErrorCode::unauthenticated, // no silence: other nodes of this host go on
        std::string(login_refused),
        host_ + " refused user '" + login.user + "' with " + tried +
            accepted_methods(ssh_userauth_list(ssh_, nullptr))
    )
        .with_hint("check the user's authorized_keys there, and the options user, key and password"
        );
}

net::Awaitable<int> Session::try_password(const Login& login, Mono deadline) {
    const Revealed password(login.password);
    const char* text = password.text.c_str();
    if (ssh_userauth_list(ssh_, nullptr) == 0) { // nothing was tried yet: ask what it takes
        auto nothing = [this] { return ssh_userauth_none(ssh_, nullptr); };
        const int rc = co_await drive(nothing, SSH_AUTH_AGAIN, deadline);
        if (rc != SSH_AUTH_DENIED && rc != SSH_AUTH_PARTIAL) {
            co_return rc;
        }
    }
    const auto methods = static_cast<unsigned>(ssh_userauth_list(ssh_, nullptr));
    if ((methods & SSH_AUTH_METHOD_PASSWORD) != 0) {
        auto plain = [this, text] { return ssh_userauth_password(ssh_, nullptr, text); };
        const int rc = co_await drive(plain, SSH_AUTH_AGAIN, deadline);
        co_return rc; // the same password once more would only count against us
    }
    if ((methods & SSH_AUTH_METHOD_INTERACTIVE) == 0) {
        co_return SSH_AUTH_DENIED;
    }
    auto ask = [this] { return ssh_userauth_kbdint(ssh_, nullptr, nullptr); };
    int rc = co_await drive(ask, SSH_AUTH_AGAIN, deadline);
    for (int round = 0; round < 3 && rc == SSH_AUTH_INFO; ++round) {
        if (answer_prompts(ssh_, text) < 0) {
            break;
        }
        rc = co_await drive(ask, SSH_AUTH_AGAIN, deadline);
    }
    co_return rc == SSH_AUTH_INFO ? SSH_AUTH_DENIED : rc;
}

/// Repeats a step of libssh until it has come to an end.
template <class Step>
net::Awaitable<int> Session::drive(Step step, int again, Mono deadline) {
    for (;;) {
        const int rc = step();
        if (rc != again) {
            flush();
            co_return rc;
        }
        if (place_.now().mono >= deadline) {
            co_return timed_out;
        }
        watch();
        co_await activity_.wait(deadline);
    }
}

net::Awaitable<void> Session::wait(Mono until) {
    watch();
    co_await activity_.wait(until);
}

void Session::flush() {
    if (alive() && (ssh_get_poll_flags(ssh_) & SSH_WRITE_PENDING) != 0) {
        watch();
    }
}

/// Has the socket watched for what libssh waits for.
void Session::watch() {
    const std::weak_ptr<Session> weak = weak_from_this();
    if (!watching_read_) {
        watching_read_ = true;
        socket_->async_wait(Socket::wait_read, [weak](boost::system::error_code error) {
            const auto self = weak.lock();
            if (self && error != boost::asio::error::operation_aborted) {
                self->watching_read_ = false;
                self->on_ready();
            }
        });
    }
    if (!watching_write_ && (ssh_get_poll_flags(ssh_) & SSH_WRITE_PENDING) != 0) {
        watching_write_ = true;
        socket_->async_wait(Socket::wait_write, [weak](boost::system::error_code error) {
            const auto self = weak.lock();
            if (self && error != boost::asio::error::operation_aborted) {
                self->watching_write_ = false;
                self->on_ready();
            }
        });
    }
}

void Session::on_ready() {
    if (event_ != nullptr) {
        ssh_event_dopoll(event_, 0);
        if (alive()) {
            watch();
        }
    }
    activity_.tell();
}

/// Keeps the connection open in the firewalls between; whether the machine still answers is what
/// the kernel's limit for unacknowledged bytes finds out.
void Session::keep_alive() {
    if (!alive()) {
        return;
    }
    static_cast<void>(ssh_send_ignore(ssh_, ""));
    flush();
    keepalive_timer_.arm(place_.now().mono + keepalive_);
}

Error Session::failure(const std::string& what) const {
    const std::string why = first_line(ssh_get_error(ssh_));
    return Error(ErrorCode::unavailable, "SSH_FAILED", what + (why.empty() ? "" : ": " + why));
}

Channel::~Channel() {
    ssh_channel_free(channel_);
    session_->flush();
}

/// A server that does not answer even that is gone.
Error Session::give_up() {
    ssh_silent_disconnect(ssh_);
    activity_.tell();
    return Error(ErrorCode::unavailable, "SSH_SILENT", host_ + " does not answer any more");
}

net::Awaitable<Result<ChannelPtr>> Session::open_channel(Mono deadline) {
    const ssh_channel raw = alive() ? ssh_channel_new(ssh_) : nullptr;
    if (raw == nullptr) {
        co_return Error(
            ErrorCode::unavailable, "SSH_LOST", "the SSH session with " + host_ + " ended"
        );
    }
    auto channel = std::make_shared<Channel>(shared_from_this(), raw);
    auto open = [raw] { return ssh_channel_open_session(raw); };
    const int rc = co_await drive(open, SSH_AGAIN, deadline);
    if (rc == timed_out) {
        co_return give_up();
    }
    if (rc != SSH_OK) {
        co_return failure(host_ + " opens no channel");
    }
    co_return channel;
}

net::Awaitable<Result<Output>> Session::run(std::string command, Mono deadline) {
    Result<ChannelPtr> opened = co_await open_channel(deadline);
    if (opened.has_error()) {
        co_return std::move(opened).error();
    }
    const ssh_channel channel = (*opened)->get();
    auto exec = [channel, &command] { return ssh_channel_request_exec(channel, command.c_str()); };
    const int rc = co_await drive(exec, SSH_AGAIN, deadline);
    if (rc == timed_out) {
        co_return give_up();
    }
    if (rc != SSH_OK) {
        co_return failure(host_ + " does not run commands");
    }
    Output output;
    co_await collect(channel, output, deadline);
    co_return output;
}

net::Awaitable<void> Session::collect(ssh_channel channel, Output& output, Mono deadline) {
    for (;;) {
        bool more = true;
        for (int burst = 0; more && burst < 64; ++burst) {
            const bool out = take(channel, false, output.out, out_bytes_max, output.truncated);
            const bool error = take(channel, true, output.error, error_bytes_max, output.truncated);
            more = out || error;
        }
        if (!alive()) {
            output.lost = true;
            co_return;
        }
        if (!more && ssh_channel_is_eof(channel) != 0 &&
            ssh_channel_get_exit_status(channel) >= 0) {
            break;
        }
        if (!more && ssh_channel_is_closed(channel) != 0) {
            break;
        }
        if (output.truncated) {
            co_return; // nothing of ours writes that much
        }
        const Mono now = place_.now().mono;
        if (now >= deadline) {
            output.unended = true;
            co_return;
        }
        co_await wait(more ? now : deadline);
    }
    output.status = ssh_channel_get_exit_status(channel);
}

net::Awaitable<Result<ChannelPtr>> Session::open_terminal(std::string command, Mono deadline) {
    Result<ChannelPtr> opened = co_await open_channel(deadline);
    if (opened.has_error()) {
        co_return opened;
    }
    const ssh_channel channel = (*opened)->get();
    auto terminal = [channel] { return ssh_channel_request_pty_size(channel, "vt100", 80, 25); };
    int rc = co_await drive(terminal, SSH_AGAIN, deadline);
    if (rc == SSH_OK) {
        auto start = [channel, &command] {
            return command.empty() ? ssh_channel_request_shell(channel)
                                   : ssh_channel_request_exec(channel, command.c_str());
        };
        rc = co_await drive(start, SSH_AGAIN, deadline);
    }
    if (rc == timed_out) {
        co_return give_up();
    }
    if (rc != SSH_OK) {
        co_return failure(host_ + " gives no terminal");
    }
    co_return opened;
}

} // namespace vbmc::backend::ssh
