#include "backend/libvirt/hub.h"

#include "backend/libvirt/hub_core.h"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>

#include <utility>

namespace vbmc::backend::libvirt {

namespace asio = boost::asio;

void Wait::finish(bool done) {
    const auto alive = std::move(self);
    if (!done) {
        *given_up = true;
    }
    if (auto call = std::exchange(resume, nullptr)) {
        call(done);
    }
}

Hub::Hub(std::shared_ptr<Desk> desk, Access access, std::shared_ptr<Library> own)
    : own_(std::move(own)), desk_(std::move(desk)), pool_(std::make_shared<asio::io_context>()),
      core_(std::make_shared<HubCore>(desk_, pool_, std::move(access))) {
    desk_->post([core = core_] { core->begin(); });
}

Hub::~Hub() {
    desk_->post([core = std::move(core_)] { core->end(); });
}

std::shared_ptr<Hub> Hub::get(Commons* commons, Access access) {
    const auto library = Library::get(commons);
    const Result<Secret> password = access.password();
    const std::size_t mark = // nodes with different passwords do not share a log-in
        password.has_value() ? std::hash<std::string_view>()(password->reveal()) : 0;
    const std::string key =
        "libvirt " + access.username + " " + std::to_string(mark) + " " + access.uri;
    const std::function<std::shared_ptr<Hub>()> make = [&] {
        return std::make_shared<Hub>(
            library->desk(), access, commons != nullptr ? nullptr : library
        );
    };
    return commons != nullptr ? commons->share<Hub>(key, make) : make();
}

void Hub::listen(std::weak_ptr<Listener> listener) {
    desk_->post([core = core_, listener = std::move(listener)] { core->listen(listener); });
}

net::Awaitable<bool> Hub::carry_out(asio::io_context& shard, Job job) {
    auto wait = std::make_shared<Wait>();
    auto start = [core = core_, wait, &shard](auto handler, Job todo) {
        auto slot = asio::get_associated_cancellation_slot(handler);
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        wait->resume = [kept, &shard](bool done) {
            asio::post(shard, [kept, done] { std::move (*kept)(done); });
        };
        wait->self = wait;
        std::weak_ptr<Wait> weak = wait;
        if (slot.is_connected()) {
            slot.assign([weak](asio::cancellation_type) {
                if (const auto alive = weak.lock()) {
                    alive->finish(false);
                }
            });
        }
        todo.given_up = wait->given_up;
        todo.done = [weak, &shard] {
            asio::post(shard, [weak] {
                if (const auto alive = weak.lock()) {
                    alive->finish(true);
                }
            });
        };
        core->submit(std::move(todo));
    };
    auto token = net::use_awaitable;
    co_return co_await asio::async_initiate<decltype(token), void(bool)>(
        start, token, std::move(job)
    );
}

} // namespace vbmc::backend::libvirt
