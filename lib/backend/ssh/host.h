#pragma once
// The machine behind an ssh target: its options, and one kept session that is opened when it is
// used and opened again, after a growing pause, when it was lost. Owned by one driver, on its
// shard.

#include "backend/driver.h"
#include "backend/ssh/session.h"

#include <memory>
#include <optional>
#include <string>

namespace vbmc::backend::ssh {

/// The options that say where to log in and how, for every kind that works over ssh.
std::vector<Option> login_options();

class Host {
  public:
    Host(const DriverContext& context, const DriverConfig& config);
    ~Host();
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    /// What can be checked before anybody connects.
    static Result<void> check(const DriverConfig& config);

    /// "HOST:PORT".
    std::string name() const;

    /// Connects and logs in, where that is not done yet.
    net::Awaitable<Result<void>> ready(Mono deadline);

    /// Runs a command that may run twice: it is sent again when a kept session turns out to be
    /// dead.
    net::Awaitable<Result<Output>> ask(std::string command, Mono deadline);

    /// Runs a command that may not run twice; once it was accepted it is not sent again.
    net::Awaitable<Result<Output>> tell(std::string command, Mono deadline);

    /// A terminal for a console.
    net::Awaitable<Result<ChannelPtr>> terminal(std::string command, Mono deadline);

    /// The next log-in is made at once, whatever became of the last one.
    void forget_pause() noexcept { retry_at_ = Mono::min(); }

    Now (*clock() const)() { return place_.now; }

    net::TimerQueue& timers() const { return place_.timers; }

  private:
    net::Awaitable<Result<std::shared_ptr<Session>>> session(Mono deadline);
    Result<Login> login();
    Mono bounded(Mono deadline, Duration limit) const;
    bool is_held_back(const Login& how) const;
    void note_failure(const Error& why, Login how);
    Error held_back() const;

    SessionPlace place_;
    DriverConfig config_;
    std::string host_;
    unsigned port_ = 22;
    Duration connect_limit_{};
    Duration command_limit_{};
    std::shared_ptr<Session> session_; // null or dead: to be opened
    std::shared_ptr<const PrivateKey> key_;
    Activity opened_; // for who comes while it is being opened
    bool opening_ = false;
    unsigned failures_ = 0;
    Mono retry_at_ = Mono::min();
    std::optional<Error> last_error_;
    Login tried_; // what was refused; tried again only after a long pause
};

/// The error of a command that did not do what it should: null when it ended with 0.
std::optional<Error> complaint(const Output& output, const std::string& what);

} // namespace vbmc::backend::ssh
