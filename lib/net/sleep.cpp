#include "net/sleep.h"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace vbmc::net {

namespace {

struct Pause {
    Pause(TimerQueue& timers)
        : timer(
              timers, [](void* self) { static_cast<Pause*>(self)->finish({}); }, this
          ) {}

    void finish(boost::system::error_code error) {
        timer.cancel();
        if (auto call = std::exchange(resume, nullptr)) {
            call(error);
        }
    }

    Timer timer;
    std::function<void(boost::system::error_code)> resume;
};

} // namespace

Awaitable<void> sleep_until(TimerQueue& timers, Mono when) {
    namespace asio = boost::asio;
    auto pause = std::make_shared<Pause>(timers);
    auto executor = co_await asio::this_coro::executor;
    auto start = [executor, pause, when](auto handler) {
        auto slot = asio::get_associated_cancellation_slot(handler);
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        pause->resume = [executor, kept](boost::system::error_code error) {
            asio::post(executor, [kept, error] { std::move (*kept)(error); });
        };
        if (slot.is_connected()) {
            std::weak_ptr<Pause> weak = pause;
            slot.assign([weak](asio::cancellation_type) {
                if (const auto alive = weak.lock()) {
                    alive->finish(asio::error::operation_aborted);
                }
            });
        }
        pause->timer.arm(when);
    };
    auto token = use_awaitable;
    co_await asio::async_initiate<decltype(token), void(boost::system::error_code)>(start, token);
}

} // namespace vbmc::net
