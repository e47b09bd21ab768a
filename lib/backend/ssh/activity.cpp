#include "backend/ssh/activity.h"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <functional>
#include <utility>

namespace vbmc::backend::ssh {

struct Activity::Pause {
    explicit Pause(net::TimerQueue& timers)
        : timer(
              timers, [](void* self) { static_cast<Pause*>(self)->finish({}); }, this
          ) {}

    void finish(boost::system::error_code error) {
        timer.cancel();
        if (auto call = std::exchange(resume, nullptr)) {
            call(error);
        }
    }

    net::Timer timer;
    std::function<void(boost::system::error_code)> resume;
};

net::Awaitable<void> Activity::wait(Mono until) {
    namespace asio = boost::asio;
    auto pause = std::make_shared<Pause>(timers_);
    waiting_.push_back(pause);
    auto executor = co_await asio::this_coro::executor;
    auto start = [executor, pause, until](auto handler) {
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
        pause->timer.arm(until);
    };
    auto token = net::use_awaitable;
    co_await asio::async_initiate<decltype(token), void(boost::system::error_code)>(start, token);
}

void Activity::tell() {
    for (const auto& weak : std::exchange(waiting_, {})) {
        if (const auto pause = weak.lock()) {
            pause->finish({});
        }
    }
}

} // namespace vbmc::backend::ssh
