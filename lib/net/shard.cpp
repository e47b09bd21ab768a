#include "net/shard.h"

#include "net/clock.h"

#include <algorithm>
#include <fcntl.h>
#include <string>
#include <thread>

namespace vbmc::net {

Shard::Shard(unsigned index)
    : index_(index), poller_(timers_), batch_(std::make_unique<DatagramBatch>()),
      guard_(context_.get_executor()), alarm_(context_.get_executor()),
      sockets_(context_.get_executor(), ::fcntl(poller_.descriptor(), F_DUPFD_CLOEXEC, 0)),
      thread_("shard-" + std::to_string(index), [this] { run(); }) {}

Shard::~Shard() {
    stop();
}

void Shard::stop() {
    context_.stop();
    thread_.join();
}

void Shard::run() {
    timers_.on_earlier(
        [](void* self) { static_cast<Shard*>(self)->set_alarm(); }, static_cast<void*>(this)
    );
    wait_for_sockets();
    context_.run();
}

void Shard::wait_for_sockets() {
    sockets_.async_wait(Descriptor::wait_read, [this](const boost::system::error_code& error) {
        if (!error) {
            poller_.turn();
            wait_for_sockets();
        }
    });
}

void Shard::set_alarm() {
    const Mono next = timers_.next();
    if (next == never || next >= alarm_at_) {
        return; // an alarm that rings too early finds nothing due and is set again
    }
    alarm_at_ = next;
    alarm_.expires_at(to_steady(next));
    alarm_.async_wait([this](const boost::system::error_code& error) {
        if (error) {
            return; // moved to an earlier moment, or the end
        }
        alarm_at_ = never;
        timers_.run(now().mono);
        set_alarm();
    });
}

ShardPool::ShardPool(unsigned count) {
    if (count == 0) {
        count = std::clamp(std::thread::hardware_concurrency(), 1U, 4U);
    }
    for (unsigned i = 0; i < count; ++i) {
        shards_.push_back(std::make_unique<Shard>(i));
    }
}

ShardPool::~ShardPool() {
    stop();
}

void ShardPool::stop() {
    for (const auto& shard : shards_) {
        shard->stop();
    }
}

} // namespace vbmc::net
