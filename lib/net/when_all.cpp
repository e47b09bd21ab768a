#include "net/when_all.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <utility>

namespace vbmc::net {

namespace {

struct Gathering {
    std::size_t left = 0;
    std::exception_ptr failure;
    std::function<void()> resume;
};

} // namespace

Awaitable<void> when_all(std::vector<Awaitable<void>> work) {
    namespace asio = boost::asio;
    if (work.empty()) {
        co_return;
    }
    auto executor = co_await asio::this_coro::executor;
    auto gathering = std::make_shared<Gathering>();
    gathering->left = work.size();
    auto start = [executor, gathering](auto handler, std::vector<Awaitable<void>> all) {
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        gathering->resume = [executor, kept] {
            asio::post(executor, [kept] { std::move (*kept)(); });
        };
        for (Awaitable<void>& one : all) {
            asio::co_spawn(
                executor,
                std::move(one),
                [gathering](const std::exception_ptr& failure) {
                    if (failure && !gathering->failure) {
                        gathering->failure = failure;
                    }
                    if (--gathering->left == 0) {
                        std::exchange(gathering->resume, nullptr)();
                    }
                }
            );
        }
    };
    auto token = use_awaitable;
    co_await asio::async_initiate<decltype(token), void()>(start, token, std::move(work));
    if (gathering->failure) {
        std::rethrow_exception(gathering->failure);
    }
}

} // namespace vbmc::net
