#pragma once
// One client of the load generator: a session with one BMC, packet by packet, every answer
// verified. Knows no socket and no clock. The generator owns thousands of them; one thread.

#include "crypto/keys.h"
#include "crypto/toolbox.h"

#include <string>

namespace vbmc::bench {

enum class Mode : u8 {
    status,   // Chassis Status in an open session
    sessions, // open a session, close it
    poll,     // open, Chassis Status, close
    echo,     // Chassis Status to the crypto echo: fixed keys, no log-in
};

struct Plan {
    Mode mode = Mode::status;
    const crypto::Suite* suite = nullptr;
    std::string user = "admin";
    ByteArray<20> password{};
    crypto::Toolbox* tools = nullptr;
};

/// Keys that the echo program and its clients know.
crypto::SessionKeys echo_keys(const crypto::Suite& suite);

class Slot {
  public:
    enum class Taken : u8 {
        ignored, // not an answer to what was asked last: a late duplicate
        wrong,   // a refusal, a bad code, a wrong answer
        next,    // go on with the next packet of this unit of work
        done,    // a unit of work is complete
        ready,   // logged in: the first unit of work may start
    };

    /// `id` finds the slot when an answer comes.
    void start(const Plan& plan, u32 id);

    /// The next packet; its size.
    std::size_t write(const Plan& plan, MutableBytes out);

    Taken take(const Plan& plan, MutableBytes datagram);

    /// Begins anew, under another console id: what is on its way is no longer ours.
    void restart(const Plan& plan);

    /// The next packet closes the session.
    void leave() { step_ = Step::close; }

    bool is_logging_in() const noexcept { return step_ < Step::status; }

    u32 console_id() const noexcept { return console_id_; }

  private:
    enum class Step : u8 { open, rakp1, rakp3, status, close };

    std::size_t write_handshake(const Plan& plan, MutableBytes out);
    std::size_t write_request(const Plan& plan, MutableBytes out);
    Taken take_open(Bytes payload);
    Taken take_rakp2(const Plan& plan, Bytes payload);
    Taken take_rakp4(const Plan& plan, Bytes payload);
    Taken take_reply(const Plan& plan, MutableBytes datagram);
    Taken after_reply(const Plan& plan);
    crypto::Exchange exchange(const Plan& plan) const;

    Step step_ = Step::open;
    u8 tag_ = 0;
    u8 rq_sequence_ = 0;
    u32 console_id_ = 0;
    u32 bmc_id_ = 0;
    u32 sequence_ = 0;
    ByteArray<16> console_random_{};
    ByteArray<16> bmc_random_{};
    ByteArray<16> guid_{};
    crypto::SessionKeys keys_;
    crypto::Code check_value_;
};

/// The low bits of a console id are the slot's number; the rest tells its lives apart.
inline constexpr u32 slot_bits = 20;

/// The slot that a datagram is for, from the console session id in it; ~0 when it has none.
u32 slot_of(Bytes datagram) noexcept;

} // namespace vbmc::bench
