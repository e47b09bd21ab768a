#pragma once
// One SSH connection through libssh, never blocking: connected, its host key checked against the
// pins, logged in, with any number of channels. Shared by the driver's calls and its console; on
// the node's shard.

#include "backend/ssh/activity.h"
#include "backend/ssh/host_key.h"
#include "backend/ssh/tcp.h"
#include "base/secret.h"
#include "base/time.h"

#include <libssh/libssh.h>
#include <memory>
#include <string>
#include <utility>

namespace vbmc::backend::ssh {

struct SessionPlace { // where a session lives
    net::TimerQueue& timers;
    std::shared_ptr<net::Resolver> resolver;
    Now (*now)();
};

/// A private key, taken apart once for many log-ins; also the secret it was made of, to notice a
/// rotation.
struct PrivateKey {
    PrivateKey() = default;
    ~PrivateKey();
    PrivateKey(const PrivateKey&) = delete;
    PrivateKey& operator=(const PrivateKey&) = delete;

    /// The error never shows any of the text.
    static Result<std::shared_ptr<const PrivateKey>>
    parse(const Secret& text, const Secret& passphrase);

    ssh_key key = nullptr;
    Secret text;
    Secret passphrase;
};

struct Login {
    std::string host;
    unsigned port = 22;
    std::string user;
    Pins pins;
    std::shared_ptr<const PrivateKey> key; // null: none
    Secret password;                       // empty: none
    Duration keepalive{};                  // zero: none
};

/// The reason of an error: the machine does not take this user, key or password.
inline constexpr std::string_view login_refused = "LOGIN_REFUSED";

/// What a command left behind.
struct Output {
    std::string out;
    std::string error;
    int status = -1;        // the exit status; -1: none was told
    bool lost = false;      // the connection ended after the command had been accepted
    bool unended = false;   // the command was accepted but did not end in time
    bool truncated = false; // it wrote more than we keep
};

class Session;

/// A channel of a session, which it keeps alive. Closing it never waits.
class Channel {
  public:
    Channel(std::shared_ptr<Session> session, ssh_channel channel)
        : session_(std::move(session)), channel_(channel) {}

    ~Channel();
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    ssh_channel get() const noexcept { return channel_; }

    Session& session() const noexcept { return *session_; }

  private:
    std::shared_ptr<Session> session_;
    ssh_channel channel_;
};

using ChannelPtr = std::shared_ptr<Channel>;

class Session : public std::enable_shared_from_this<Session> {
  public:
    /// Connects and logs in.
    static net::Awaitable<Result<std::shared_ptr<Session>>>
    open(SessionPlace place, Login login, Mono deadline);

    Session(const SessionPlace& place, std::shared_ptr<Socket> socket);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    bool alive() const noexcept;

    /// Runs a command. An error: it was not accepted. Once accepted, what became of it is in the
    /// Output.
    net::Awaitable<Result<Output>> run(std::string command, Mono deadline);

    /// A channel with a terminal: a command on it, or the login shell when that is empty.
    net::Awaitable<Result<ChannelPtr>> open_terminal(std::string command, Mono deadline);

    /// Ends when something happened here: look at the channel again.
    net::Awaitable<void> wait(Mono until);

    /// Ends every wait.
    void wake() { activity_.tell(); }

    /// After writing to a channel: has what could not be sent at once sent later.
    void flush();

  private:
    net::Awaitable<Result<void>> handshake(Login login, Mono deadline);
    Result<void> set_options(const Login& login);
    Result<void> check_host_key(const Login& login);
    net::Awaitable<Result<void>> log_in(const Login& login, Mono deadline);
    net::Awaitable<int> try_password(const Login& login, Mono deadline);
    net::Awaitable<Result<ChannelPtr>> open_channel(Mono deadline);
    net::Awaitable<void> collect(ssh_channel channel, Output& output, Mono deadline);

    template <class Step>
    net::Awaitable<int> drive(Step step, int again, Mono deadline);

    void watch();
    void on_ready();
    void keep_alive();
    Error failure(const std::string& what) const;
    Error give_up();

    SessionPlace place_;
    std::shared_ptr<Socket> socket_;
    ssh_session ssh_ = nullptr;
    ssh_event event_ = nullptr; // once logged in: takes in whatever arrives
    Activity activity_;
    net::Timer keepalive_timer_;
    Duration keepalive_{};
    std::string host_;
    bool watching_read_ = false;
    bool watching_write_ = false;
};

} // namespace vbmc::backend::ssh
