#pragma once
// What one source may cost us: answers to strangers a second, and log-ins after wrong passwords.
// Tables of a fixed size, keyed by a keyed hash: nobody can choose to collide with somebody else.

#include "base/entropy.h"
#include "base/peer.h"
#include "rmcp/shared.h"

#include <vector>

namespace vbmc::rmcp {

/// SipHash-2-4 of a few bytes.
u64 keyed_hash(const ByteArray<16>& key, Bytes data) noexcept;

class Throttle {
  public:
    Throttle(Entropy& entropy, const Limits& limits);

    /// Whether a stranger's question may be answered; an answer is counted.
    bool may_answer(Mono now, u32 engine, const Peer& peer) noexcept;

    /// The same for who goes on with a handshake: he has proved that our answers reach him, so only
    /// his own port's budget counts, not what others at his address use up.
    bool may_go_on(Mono now, u32 engine, const Peer& peer) noexcept;

    /// Whether log-ins of this source at this engine have to wait.
    bool delays(Mono now, u32 engine, const IpAddress& source) const noexcept;

    void guessed_wrong(Mono now, u32 engine, const IpAddress& source) noexcept;

    /// A log-in that succeeded: forgets wrong guesses, and gives back more answers than it cost, so
    /// that these bounds are for strangers and not for a monitor that polls a thousand times a
    /// second.
    void logged_in(Mono now, u32 engine, const Peer& peer) noexcept;

  private:
    static constexpr std::size_t ways = 4;

    struct Budget { // a virtual clock: when the answers so far would have been due
        u64 tag = 0;
        Mono due{};
    };

    struct Guesses {
        u64 tag = 0;
        Mono last{};
        Mono until{};
        u32 count = 0;
    };

    u64 tag_of(u32 engine, const IpAddress& source, u32 port) const noexcept;
    bool spend(std::vector<Budget>& table, u64 tag, Mono now, u32 per_second) noexcept;
    static void give_back(std::vector<Budget>& table, u64 tag, Mono now, u32 per_second) noexcept;
    std::size_t guesses_of(u64 tag) const noexcept; // an index; past the end when there are none

    const Limits& limits_;
    ByteArray<16> key_{};
    std::vector<Budget> ports_;
    std::vector<Budget> sources_;
    std::vector<Guesses> guesses_;
};

} // namespace vbmc::rmcp
