#pragma once
// One UDP socket to one upstream BMC and the remote console's session behind it: the Asio side of
// client::Session. Calls are coroutines on the node's shard; the session is opened by the first
// one, kept, and opened again when it was lost. Shared by the driver, its mirror and its console.

#include "backend/driver.h"
#include "client/session.h"
#include "net/resolver.h"

#include <boost/asio/ip/udp.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace vbmc::backend::ipmi {

struct ShardTools; // crypto contexts, randomness and a receive buffer: one a shard

struct Upstream {
    std::string host;
    u16 port = 623;
    client::Settings settings;
    std::function<Result<client::Credentials>()> credentials; // asked for at each log-in
};

class Link : public std::enable_shared_from_this<Link> {
  public:
    Link(const DriverContext& context, Upstream upstream);
    ~Link();
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    /// The answer with whatever completion code; an error when there was none by `deadline`.
    Awaitable<Result<client::Answer>> call(client::Request request, Mono deadline);

    /// As call(), and anything but completion code 00h is an error that names `what`.
    Awaitable<Result<std::vector<u8>>>
    ask(client::Request request, std::string_view what, Mono deadline);

    /// Says good-bye and ends; calls in flight fail.
    void shut_down();

    bool is_down() const noexcept { return down_; }

    /// Counts log-ins: what was learned of the BMC before another one may be out of date.
    u32 logins() const noexcept { return logins_; }

    const std::string& name() const noexcept { return name_; }

    u16 port() const noexcept { return upstream_.port; }

    Now now() const { return now_(); }

    net::TimerQueue& timers() noexcept { return timers_; }

    bool encrypts() const noexcept { return session_.encrypts(); }

    // Serial over LAN, once its payload is active; one stream at a time.

    void start_sol(
        const client::SolSettings& settings,
        std::function<void(Bytes)> bytes,
        std::function<void()> ended
    );
    void stop_sol();

    bool has_sol() const noexcept { return session_.has_sol(); }

    /// Counts streams: an old console's end is not the next one's.
    u32 sol_serial() const noexcept { return sol_serial_; }

    /// The BMC's id of the session that last had a stream; 0: none had. A session that was lost may
    /// live on there, and keep the console from its successor.
    u32 sol_owner() const noexcept { return sol_owner_; }

    bool write_sol(Bytes keys);
    void break_sol();

  private:
    using Socket = boost::asio::
        basic_datagram_socket<boost::asio::ip::udp, boost::asio::io_context::executor_type>;
    using Ended = std::function<void(Result<client::Answer>)>;

    void connect();
    void resolve();
    static Awaitable<void>
    look_up(std::weak_ptr<Link> weak, std::shared_ptr<net::Resolver> resolver, Mono deadline);
    void open(const boost::asio::ip::udp::endpoint& to);
    void log_in();
    void refuse(const Error& why);
    void wait();
    void on_readable();
    void settle();
    void handle(client::Output output);
    void on_logged_out(const client::Trouble& why);
    void finish(client::RequestId id, Result<client::Answer> result);
    void end_sol();

    boost::asio::io_context& context_;
    net::TimerQueue& timers_;
    Now (*now_)();
    Upstream upstream_;
    std::string name_;
    ShardTools& tools_;
    Socket socket_;
    std::shared_ptr<net::Resolver> resolver_;
    client::Session session_;
    net::Timer timer_;
    std::map<client::RequestId, Ended> waiting_;
    std::function<void(Bytes)> sol_bytes_;
    std::function<void()> sol_ended_;
    std::optional<Error> refused_; // why there is no log-in before `hold_until_`
    Secret tried_;                 // the password that was refused
    Mono hold_until_{};
    u8 refusals_ = 0;
    u32 logins_ = 0;
    u32 sol_serial_ = 0;
    u32 sol_owner_ = 0;
    u32 socket_serial_ = 0; // of the socket: an old one's wait is not ours
    bool connecting_ = false;
    bool settling_ = false;
    bool down_ = false;
};

} // namespace vbmc::backend::ipmi
