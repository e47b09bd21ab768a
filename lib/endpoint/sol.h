#pragma once
// Serial over LAN's data transfer (IPMI 2.0 §15.9, §15.11): one activated payload between one
// session and the node's console. Packets are numbered 1-15, one of ours is under way at a time and
// repeated until it is acknowledged; a number of 0 is an acknowledgement only. Made anew for each
// activation, so no number of an earlier one can swallow a byte. Pure; owned by the VirtualBmc.

#include "base/bytes.h"
#include "base/time.h"

#include <vector>

namespace vbmc::endpoint {

/// SOL configuration parameters 3 and 4 (IPMI 2.0 §26.3) in their own units.
struct SolTiming {
    Duration accumulate; // the longest a character waits for company
    u8 send_threshold;   // so many characters do not wait
    u8 retries;
    Duration retry_interval;
};

/// What a packet of the remote console asked for.
struct SolInput {
    Bytes characters; // new ones only: a repeated packet brings none
    bool send_break = false;
};

class Sol {
  public:
    static constexpr std::size_t packet_bytes_max = 255;
    static constexpr std::size_t header_bytes = 4;
    static constexpr std::size_t waiting_bytes_max = 64 * 1024;

    Sol(u32 session, SolTiming timing) : session_(session), timing_(timing) {}

    u32 session() const noexcept { return session_; }

    /// A payload from the remote console. A malformed one asks for nothing.
    SolInput receive(Bytes payload);

    /// Characters from the machine. What no client takes in time is lost, oldest first, and
    /// reported.
    void console_output(Now now, Bytes characters);

    /// The next payload to send now; 0 when there is none.
    std::size_t transmit(Now now, MutableBytes out);

    /// The last words: tells the remote console that the payload was deactivated.
    std::size_t farewell(MutableBytes out);

    void set_console_available(bool available) noexcept { console_available_ = available; }

    Mono next_deadline() const noexcept;

  private:
    bool is_late(u8 number) const noexcept;
    void acknowledge(u8 number, u8 accepted, bool nack);
    std::size_t write_packet(MutableBytes out, u8 number, Bytes characters);
    bool may_send_new(Now now) const noexcept;
    void drop_waiting(std::size_t n);

    u32 session_;
    SolTiming timing_;

    std::vector<u8> waiting_; // characters for the console, the packet under way first
    Mono waiting_since_{};

    u8 last_sent_ = 0;          // our newest packet number
    std::size_t under_way_ = 0; // characters of it that wait for an acknowledgement; 0: none
    Mono sent_at_{};
    u8 repeats_ = 0;

    u8 last_received_ = 0;
    u8 last_accepted_ = 0;
    bool owe_acknowledgement_ = false;
    bool paused_ = false; // the console deasserted CTS
    bool overrun_ = false;
    bool console_available_ = true;
};

} // namespace vbmc::endpoint
