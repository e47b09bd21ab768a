#include "fleet/turn.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <memory>

namespace vbmc::fleet {

net::Awaitable<Turn::Held> Turn::take() {
    if (taken_) {
        auto executor = co_await boost::asio::this_coro::executor;
        auto start = [this, executor](auto handler) {
            auto kept = std::make_shared<decltype(handler)>(std::move(handler));
            waiting_.emplace_back([executor, kept] {
                boost::asio::post(executor, [kept] { std::move (*kept)(); });
            });
        };
        auto token = net::use_awaitable;
        co_await boost::asio::async_initiate<decltype(token), void()>(start, token);
    }
    taken_ = true; // pass() left it so for whoever waited
    co_return Held(this);
}

void Turn::pass() {
    if (waiting_.empty()) {
        taken_ = false;
        return;
    }
    auto next = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    next();
}

} // namespace vbmc::fleet
