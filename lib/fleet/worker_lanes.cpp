// Which lane of the worker a task goes in, and which targets it may call.

#include "fleet/worker.h"

#include <algorithm>

namespace vbmc::fleet {

NodeWorker::Lane& NodeWorker::lane_of(Task task) noexcept {
    switch (task) {
    case Task::identify:
    case Task::media:
    case Task::open_console:
    case Task::sensors:
    case Task::identity:
        return lanes_[1];
    default:
        return lanes_[0];
    }
}

u32 NodeWorker::bit_of(Route route) const noexcept {
    const auto& drivers = routes_.drivers();
    const auto at = std::find(drivers.begin(), drivers.end(), routes_.to(route));
    return u32{1} << ((at - drivers.begin()) & 31);
}

u32 NodeWorker::targets_of(Task task) const {
    switch (task) {
    case Task::none:
        return 0;
    case Task::act:
        return targets_of_act();
    case Task::look:
        return bit_of(Route::power);
    case Task::tell_boot:
    case Task::restore_boot:
        return bit_of(Route::boot);
    case Task::identify:
        return bit_of(Route::identify);
    case Task::media:
        return bit_of(Route::media);
    case Task::open_console:
        return bit_of(Route::console);
    case Task::sensors:
        return bit_of(Route::sensors);
    case Task::identity:
        return bit_of(Route::identity);
    case Task::raw:
        return bit_of(Route::raw);
    }
    return 0;
}

} // namespace vbmc::fleet
