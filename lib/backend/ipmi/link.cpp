#include "backend/ipmi/link.h"

#include "backend/ipmi/trouble.h"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace vbmc::backend::ipmi {

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// Lives as long as the shard's io_context; crypto contexts belong to one thread.
struct ShardTools final : asio::execution_context::service {
    using key_type = ShardTools;
    static asio::execution_context::id id;

    explicit ShardTools(asio::execution_context& owner) : asio::execution_context::service(owner) {}

    void shutdown() noexcept override {}

    crypto::Toolbox tools;
    SystemEntropy entropy;
    ByteArray<2048> buffer{};
};

asio::execution_context::id ShardTools::id;

namespace {

constexpr int burst = 32;               // datagrams a turn, then others get theirs
constexpr Duration resolve_limit = 10s; // of the BMC's name
constexpr Duration hold_first = 10s;
constexpr Duration hold_max = 300s;

std::string name_of(const Upstream& upstream) {
    const bool v6 = upstream.host.find(':') != std::string::npos;
    return (v6 ? "[" + upstream.host + "]" : upstream.host) + ":" + std::to_string(upstream.port);
}

} // namespace

Link::Link(const DriverContext& context, Upstream upstream)
    : context_(context.shard), timers_(context.timers), now_(context.now),
      upstream_(std::move(upstream)), name_(name_of(upstream_)),
      tools_(asio::use_service<ShardTools>(context.shard)), socket_(context.shard),
      resolver_(std::make_shared<net::Resolver>(timers_, now_)),
      session_(tools_.tools, tools_.entropy, upstream_.settings),
      timer_(
          context.timers,
          [](void* self) {
              auto& link = *static_cast<Link*>(self);
              link.session_.on_deadline(link.now_().mono);
              link.settle();
          },
          this
      ) {}

Link::~Link() = default;

void Link::shut_down() {
    if (down_) {
        return;
    }
    down_ = true;
    session_.close(now_().mono);
    settle();
    timer_.cancel();
    boost::system::error_code ignored;
    socket_.close(ignored);
}

Awaitable<Result<client::Answer>> Link::call(client::Request request, Mono deadline) {
    if (down_) {
        co_return Error(ErrorCode::aborted, "the connection to the BMC was closed");
    }
    auto self = shared_from_this();
    auto executor = co_await asio::this_coro::executor;
    auto result = std::make_shared<std::optional<Result<client::Answer>>>();
    request.deadline = std::min(request.deadline, deadline);
    auto start = [self, executor, result](auto handler, client::Request wanted) {
        auto slot = asio::get_associated_cancellation_slot(handler);
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        const client::RequestId id = self->session_.submit(self->now_().mono, std::move(wanted));
        self->waiting_[id] = [executor, kept, result](Result<client::Answer> outcome) {
            result->emplace(std::move(outcome));
            asio::post(executor, [kept] { std::move (*kept)(); });
        };
        if (slot.is_connected()) {
            slot.assign([weak = std::weak_ptr<Link>(self), id](asio::cancellation_type) {
                if (const auto alive = weak.lock()) {
                    alive->session_.cancel(id);
                    alive->finish(id, Error(ErrorCode::aborted, "the call was given up"));
                }
            });
        }
        self->connect();
        self->settle();
    };
    auto token = net::use_awaitable;
    co_await asio::async_initiate<decltype(token), void()>(start, token, std::move(request));
    co_return std::move(**result);
}

Awaitable<Result<std::vector<u8>>>
Link::ask(client::Request request, std::string_view what, Mono deadline) {
    Result<client::Answer> answer = co_await call(std::move(request), deadline);
    if (answer.has_error()) {
        co_return std::move(answer).error();
    }
    if (answer->completion != 0) {
        co_return completion_error(answer->completion, what, name_);
    }
    co_return std::move(answer->data);
}

/// Towards a session, when somebody waits for one.
void Link::connect() {
    if (down_ || connecting_ || session_.state() != client::Session::State::closed ||
        !session_.has_requests()) {
        return;
    }
    if (socket_.is_open()) {
        log_in();
        return;
    }
    resolve();
}

void Link::resolve() {
    boost::system::error_code error;
    const auto address = asio::ip::make_address(upstream_.host, error);
    if (!error) {
        open({address, upstream_.port});
        return;
    }
    connecting_ = true;
    const Mono deadline = now_().mono + resolve_limit;
    auto work = look_up(weak_from_this(), resolver_, deadline);
    asio::co_spawn(context_, std::move(work), asio::detached);
}

/// Does not keep the link: a name server that is silent must not.
Awaitable<void>
Link::look_up(std::weak_ptr<Link> weak, std::shared_ptr<net::Resolver> resolver, Mono deadline) {
    std::string host;
    u16 port = 0;
    if (const auto self = weak.lock()) {
        host = self->upstream_.host;
        port = self->upstream_.port;
    }
    const auto found = co_await resolver->resolve(host, port, deadline);
    const auto self = weak.lock();
    if (!self || self->down_) {
        co_return;
    }
    self->connecting_ = false;
    if (found.has_error()) {
        self->refuse(found.error());
    } else {
        self->open({found->front().address(), port});
    }
    self->settle();
}

void Link::open(const asio::ip::udp::endpoint& to) {
    boost::system::error_code error;
    socket_.open(to.protocol(), error);
    if (!error) {
        socket_.non_blocking(true, error);
    }
    if (!error) {
        socket_.connect(to, error); // the kernel drops what others send
    }
    if (error) {
        boost::system::error_code ignored;
        socket_.close(ignored);
        refuse(Error(
            ErrorCode::unavailable,
            "no socket to the BMC at " + name_ + " can be opened: " + error.message()
        ));
        return;
    }
    ++socket_serial_;
    wait();
    log_in();
}

void Link::log_in() {
    Result<client::Credentials> credentials = upstream_.credentials();
    if (credentials.has_error()) {
        refuse(credentials.error());
        return;
    }
    const bool same = refused_ && credentials->password == tried_;
    if (same && now_().mono < hold_until_) {
        refuse(Error(*refused_)); // the same log-in again could lock the account there
        return;
    }
    if (!same) {
        refusals_ = 0;
    }
    tried_ = credentials->password;
    session_.log_in(now_().mono, std::move(*credentials));
}

/// There will be no session now: everybody who waits for one is told why.
void Link::refuse(const Error& why) {
    std::map<client::RequestId, Ended> waiting = std::exchange(waiting_, {});
    for (const auto& [id, ended] : waiting) {
        session_.cancel(id);
        ended(Error(why));
    }
}

void Link::wait() {
    socket_.async_wait(
        Socket::wait_read,
        [weak = weak_from_this(), serial = socket_serial_](const boost::system::error_code& error) {
            const auto self = weak.lock();
            if (self && !self->down_ && self->socket_serial_ == serial && !error) {
                self->on_readable();
            }
        }
    );
}

void Link::on_readable() {
    for (int i = 0; i < burst && socket_.is_open(); ++i) {
        boost::system::error_code error;
        const std::size_t n = socket_.receive(asio::buffer(tools_.buffer), 0, error);
        if (error == asio::error::would_block) {
            break;
        }
        if (!error) { // else an ICMP message: time tells whether it was true
            session_.receive(now_().mono, MutableBytes(tools_.buffer).first(n));
            settle();
        }
    }
    if (socket_.is_open()) {
        wait();
    }
}

/// Carries out what the session wants, and sets the alarm for what it wants next.
void Link::settle() {
    if (settling_) {
        return; // from within a callback: the loop below goes on
    }
    settling_ = true;
    while (std::optional<client::Output> output = session_.poll()) {
        handle(std::move(*output));
    }
    settling_ = false;
    if (!down_) {
        timer_.arm(session_.next_deadline());
    }
}

void Link::handle(client::Output output) {
    if (const auto* transmit = std::get_if<client::Transmit>(&output)) {
        boost::system::error_code ignored; // lost like any datagram: it is sent again
        socket_.send(asio::buffer(transmit->bytes), 0, ignored);
    } else if (auto* answer = std::get_if<client::Answer>(&output)) {
        const client::RequestId id = answer->id;
        finish(id, std::move(*answer));
    } else if (const auto* failed = std::get_if<client::Failed>(&output)) {
        finish(failed->id, to_error(failed->why, name_));
    } else if (std::holds_alternative<client::LoggedIn>(output)) {
        ++logins_;
        refused_.reset();
        refusals_ = 0;
    } else if (const auto* out = std::get_if<client::LoggedOut>(&output)) {
        on_logged_out(out->why);
    } else if (const auto* sol = std::get_if<client::SolBytes>(&output)) {
        if (const auto sink = sol_bytes_) {
            sink(sol->bytes);
        }
    } else {
        end_sol();
    }
}

void Link::on_logged_out(const client::Trouble& why) {
    if (is_lasting(why.failure)) {
        refused_ = to_error(why, name_);
        const Duration hold = std::min<Duration>(hold_first * (1U << refusals_), hold_max);
        hold_until_ = now_().mono + hold;
        refusals_ = static_cast<u8>(std::min(refusals_ + 1, 8));
    } else if (why.failure == client::Failure::no_answer) {
        boost::system::error_code ignored; // its name may have another address by now
        socket_.close(ignored);
    }
    connect(); // what waits for another session gets one
}

void Link::finish(client::RequestId id, Result<client::Answer> result) {
    const auto at = waiting_.find(id);
    if (at != waiting_.end()) {
        const Ended ended = std::move(at->second);
        waiting_.erase(at);
        ended(std::move(result));
    }
}

void Link::start_sol(
    const client::SolSettings& settings,
    std::function<void(Bytes)> bytes,
    std::function<void()> ended
) {
    ++sol_serial_;
    sol_bytes_ = std::move(bytes);
    sol_ended_ = std::move(ended);
    sol_owner_ = session_.id();
    session_.start_sol(settings);
    settle();
}

void Link::stop_sol() {
    sol_bytes_ = {};
    sol_ended_ = {};
    session_.stop_sol();
}

void Link::end_sol() {
    sol_bytes_ = {};
    if (const auto ended = std::exchange(sol_ended_, {})) {
        ended();
    }
}

bool Link::write_sol(Bytes keys) {
    const bool taken = session_.write_sol(now_().mono, keys);
    settle();
    return taken;
}

void Link::break_sol() {
    session_.break_sol(now_().mono);
    settle();
}

} // namespace vbmc::backend::ipmi
