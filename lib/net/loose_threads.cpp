#include "net/loose_threads.h"

#include "net/clock.h"
#include "net/thread.h"

#include <algorithm>
#include <utility>

namespace vbmc::net {

namespace {

bool has_ended(const std::future<void>& thread) {
    return thread.wait_for(Duration::zero()) == std::future_status::ready;
}

} // namespace

void LooseThreads::start(const std::string& name, std::function<void()> body) {
    std::erase_if(ended_, has_ended);
    std::promise<void> end;
    ended_.push_back(end.get_future());
    auto whole = [body = std::move(body),
                  end = std::make_shared<std::promise<void>>(std::move(end))]() mutable {
        body();
        body = nullptr; // what it owns goes before anybody is told
        end->set_value();
    };
    NamedThread thread(name, std::move(whole));
    thread.detach();
}

bool LooseThreads::wait(Duration grace) {
    const Mono until = now().mono + grace;
    for (const std::future<void>& thread : ended_) {
        const Duration left = std::max(until - now().mono, Duration::zero());
        if (thread.wait_for(left) != std::future_status::ready) {
            return false;
        }
    }
    ended_.clear();
    return true;
}

} // namespace vbmc::net
