#include "fleet/shard_state.h"

#include "fleet/node.h"
#include "net/clock.h"

#include <algorithm>
#include <utility>

namespace vbmc::fleet {

ShardState::ShardState(
    net::Shard& shard,
    boost::asio::io_context& control,
    NodeNotes& notes,
    store::Store& store,
    Commons& commons,
    Duration poll_interval,
    Duration sensor_poll
)
    : shard_(shard), control_(control), notes_(&notes), store_(store), commons_(commons),
      sessions_(shard.entropy()),
      place_(std::make_shared<const NodeWorker::Place>(NodeWorker::Place{
          shard.context().get_executor(),
          shard.timers(),
          gates_,
          net::now,
          &numbers_.backends,
      })),
      save_(
          shard.timers(), [](void* self) { static_cast<ShardState*>(self)->flush(); }, this
      ),
      poll_interval_(poll_interval), sensor_poll_(sensor_poll) {}

ShardState::~ShardState() = default;

FleetNumbers ShardState::counted() const {
    FleetNumbers all = numbers_;
    all.ipmi = sessions_.counters;
    all.udp = shard_.udp();
    all.shards = 1;
    return all;
}

bool ShardState::may_tell_log_in() {
    constexpr unsigned told_max = 100; // a second
    const Mono now = net::now().mono;
    if (now - log_ins_since_ > std::chrono::seconds(1)) {
        log_ins_since_ = now;
        log_ins_ = 0;
    }
    if (++log_ins_ > told_max) {
        ++numbers_.log_ins_not_told;
        return false;
    }
    return true;
}

backend::DriverContext ShardState::driver_context(std::string node) {
    return {shard_.context(), shard_.timers(), std::move(node), net::now, &commons_};
}

std::shared_ptr<const WorkerLimits> ShardState::limits(double confirm_window_s) {
    auto& limits = limits_[confirm_window_s];
    if (!limits) {
        auto made = std::make_shared<WorkerLimits>();
        made->confirm_window =
            std::chrono::duration_cast<Duration>(std::chrono::duration<double>(confirm_window_s));
        made->poll_interval = poll_interval_;
        made->sensor_poll = sensor_poll_;
        limits = std::move(made);
    }
    return limits;
}

Mono ShardState::first_look() {
    constexpr Duration gap = std::chrono::microseconds(100);
    next_look_ = std::max(next_look_ + gap, net::now().mono);
    return next_look_;
}

void ShardState::tell(NodeNote note) {
    if (notes_ == nullptr) {
        return;
    }
    boost::asio::post(control_, [notes = notes_, note = std::move(note)] { notes->on_note(note); });
}

void ShardState::queue_save(std::weak_ptr<Node> node, Duration within) {
    unsaved_.push_back(std::move(node));
    save_.arm(std::min(save_.deadline(), net::now().mono + within));
}

void ShardState::flush() {
    for (const auto& weak : std::exchange(unsaved_, {})) {
        if (const auto node = weak.lock()) {
            node->flush();
        }
    }
}

} // namespace vbmc::fleet
