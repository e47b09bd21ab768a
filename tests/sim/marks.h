#pragma once
// Rare paths that a run should have reached: each is counted, and a long enough run in which one
// stays at zero fails. Without them a simulation can go blind and stay green.

#include "base/bytes.h"

#include <array>
#include <string_view>

namespace vbmc::sim {

enum class Mark : u8 {
    logged_in,
    logged_in_with_two_keys,
    logged_in_ipmi15,
    login_refused,
    login_retransmitted,
    doubled_proof_dropped,
    wrong_password_refused,
    repeated_from_cache,
    repeated_while_parked,
    retried_with_new_number,
    arrived_out_of_order,
    replay_dropped,
    replay_from_elsewhere_dropped,
    corrupt_dropped,
    deferred_confirmed,
    deferred_timed_out,
    deferred_failed,
    status_refused_as_stale,
    status_told_off,
    privilege_refused,
    raise_refused,
    session_idled_out,
    session_evicted,
    session_ended_by_user_change,
    session_closed_by_other,
    controller_reset,
    daemon_restarted,
    watchdog_acted,
    policy_restored,
    boot_taken,
    raw_answered,
    sol_typed,
    sol_printed,
    sol_repeated,
    sol_lost_with_session,
    flood_bounded,
    acknowledged,
    wall_went_back,
    time_leapt,
    count_,
};

inline constexpr std::size_t mark_count = static_cast<std::size_t>(Mark::count_);

std::string_view name_of(Mark mark) noexcept;

class Marks {
  public:
    void reach(Mark mark) noexcept { ++counts_[static_cast<std::size_t>(mark)]; }

    u64 count(Mark mark) const noexcept { return counts_[static_cast<std::size_t>(mark)]; }

    void add(const Marks& other) noexcept {
        for (std::size_t i = 0; i < mark_count; ++i) {
            counts_[i] += other.counts_[i];
        }
    }

  private:
    std::array<u64, mark_count> counts_{};
};

} // namespace vbmc::sim
