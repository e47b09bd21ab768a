#include "net/clock.h"
#include "net/deadline.h"
#include "net/offload_pool.h"
#include "net/run_on.h"
#include "net/shard.h"

#include <boost/asio/steady_timer.hpp>
#include <catch2/catch.hpp>

#include <future>
#include <pthread.h>
#include <thread>

using namespace vbmc;
using namespace std::chrono_literals;
using net::Awaitable;

namespace {

template <class T>
T run(Awaitable<T> call) {
    boost::asio::io_context context;
    std::optional<T> out;
    std::exception_ptr failure;
    boost::asio::co_spawn(
        context.get_executor(),
        std::move(call),
        [&](const std::exception_ptr& error, T value) {
            failure = error;
            out.emplace(std::move(value));
        }
    );
    context.run();
    if (failure) {
        std::rethrow_exception(failure);
    }
    REQUIRE(out.has_value());
    return std::move(*out);
}

std::string thread_name() {
    char name[16] = {};
    pthread_getname_np(pthread_self(), name, sizeof(name));
    return name;
}

Awaitable<std::pair<std::string, bool>> name_on(boost::asio::io_context& target) {
    const auto home = std::this_thread::get_id();
    auto call = [] { return thread_name(); };
    std::string name = co_await net::run_on(target, call);
    co_return std::pair(name, home == std::this_thread::get_id());
}

Awaitable<Result<int>> hang(bool deaf) {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 1h);
    if (deaf) {
        co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation(
        ));
    }
    auto token = boost::asio::use_awaitable_t<net::Executor>();
    co_await timer.async_wait(token);
    co_return 1;
}

Awaitable<Result<int>> answer() {
    co_return 42;
}

Awaitable<Result<int>> explode() {
    throw std::runtime_error("boom");
    co_return 1;
}

} // namespace

TEST_CASE("run_on() calls on the shard and comes home", "[net]") {
    net::ShardPool shards(2);
    CHECK(shards.size() == 2);
    const auto [name, home] = run(name_on(shards[1].context()));
    CHECK(name == "shard-1");
    CHECK(home);
}

TEST_CASE("run_on() brings an exception home", "[net]") {
    net::ShardPool shards(1);
    auto call = [&]() -> Awaitable<int> {
        auto bad = []() -> int { throw std::runtime_error("there"); };
        co_return co_await net::run_on(shards[0].context(), bad);
    };
    CHECK_THROWS_WITH(run(call()), "there");
}

TEST_CASE("spawn_on() runs a coroutine on the shard", "[net]") {
    net::ShardPool shards(1);
    auto inner = []() -> Awaitable<std::string> { co_return thread_name(); };
    auto outer = [&]() -> Awaitable<std::string> {
        auto there = inner();
        co_return co_await net::spawn_on(shards[0].context(), std::move(there));
    };
    CHECK(run(outer()) == "shard-0");
}

TEST_CASE("the offload pool names its threads", "[net]") {
    net::OffloadPool pool("libvirt", 2);
    auto call = [&]() -> Awaitable<std::string> {
        auto work = [] { return thread_name(); };
        co_return co_await pool.submit(work);
    };
    CHECK(run(call()) == "pool-libvirt");
}

TEST_CASE("a deadline ends what hangs and lets the rest through", "[net]") {
    struct Row {
        const char* name;
        Awaitable<Result<int>> (*call)();
        int value;
        ErrorCode error;
    };

    const Row rows[] = {
        {"answers", [] { return answer(); }, 42, {}},
        {"throws", [] { return explode(); }, 0, ErrorCode::internal},
        {"hangs, can be cancelled", [] { return hang(false); }, 0, ErrorCode::deadline_exceeded},
        {"hangs, deaf", [] { return hang(true); }, 0, ErrorCode::deadline_exceeded},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        boost::asio::io_context context;
        net::TimerQueue timers;
        std::optional<Result<int>> out;
        const Mono deadline(10s);
        boost::asio::co_spawn(
            context.get_executor(),
            net::with_deadline(timers, deadline, row.call()),
            [&](const std::exception_ptr& failure, Result<int> value) {
                REQUIRE_FALSE(failure);
                out.emplace(std::move(value));
            }
        );
        context.poll();
        if (!out) {
            CHECK(timers.next() == deadline);
            timers.run(deadline);
            context.poll();
            timers.run(deadline + net::cancel_grace);
            context.poll();
        }
        REQUIRE(out.has_value());
        if (row.value != 0) {
            REQUIRE(out->has_value());
            CHECK(**out == row.value);
        } else {
            REQUIRE(out->has_error());
            CHECK(out->error().code == row.error);
        }
        CHECK(timers.next() == never);
    }
}

TEST_CASE("a call can be given up before its deadline", "[net]") {
    boost::asio::io_context context;
    net::TimerQueue timers;
    std::function<void()> cancel;
    std::optional<ErrorCode> out;
    boost::asio::co_spawn(
        context.get_executor(),
        net::with_deadline(timers, Mono(10s), hang(false), &cancel),
        [&](const std::exception_ptr&, Result<int> value) { out = value.error().code; }
    );
    context.poll();
    REQUIRE(cancel);
    cancel();
    context.poll();
    REQUIRE(out.has_value());
    CHECK(*out == ErrorCode::aborted);
    CHECK_FALSE(cancel);
}

TEST_CASE("a shard fires its timers on time, on its thread", "[net]") {
    net::ShardPool shards(1);
    net::Shard& shard = shards[0];

    struct Probe {
        explicit Probe(net::TimerQueue& queue)
            : timer(
                  queue, [](void* self) { static_cast<Probe*>(self)->fire(); }, this
              ) {}

        void fire() { fired.set_value(thread_name()); }

        net::Timer timer;
        std::promise<std::string> fired;
    };

    std::unique_ptr<Probe> probe;
    std::promise<void> armed;
    shard.post([&] {
        probe = std::make_unique<Probe>(shard.timers());
        probe->timer.arm(net::now().mono + 1h);
        probe->timer.arm(net::now().mono + 20ms);
        armed.set_value();
    });
    armed.get_future().wait();
    auto fired = probe->fired.get_future();
    REQUIRE(fired.wait_for(5s) == std::future_status::ready);
    CHECK(fired.get() == "shard-0");
    std::promise<void> gone;
    shard.post([&] {
        probe.reset();
        gone.set_value();
    });
    gone.get_future().wait();
}
