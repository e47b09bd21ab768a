#pragma once
// The remote console's side of Serial over LAN (IPMI 2.0 §15.9, §15.11): numbers and acknowledges
// packets, repeats what is not acknowledged, drops what comes twice. One activation, one object.
// Pure; owned by a Session.

#include "base/bytes.h"
#include "base/time.h"

#include <vector>

namespace vbmc::client {

struct SolSettings {
    std::size_t packet_bytes = 255; // the most the BMC takes in one payload, header included
    Duration retry = std::chrono::milliseconds(300);
    u8 tries = 12;                                   // transmissions of one packet
    Duration pause = std::chrono::milliseconds(100); // after a NACK
    u8 number_before = 0; // of the last packet of the activation before: there are BMCs (ipmi_sim)
                          // that take the same number for a repetition, whoever activated since
};

class Sol {
  public:
    static constexpr std::size_t header_bytes = 4;
    static constexpr std::size_t payload_max = 255;
    static constexpr std::size_t waiting_max = 64 * 1024;

    explicit Sol(const SolSettings& settings) noexcept;

    /// Keys for the machine. False, and nothing taken, when too many wait already.
    bool write(Bytes keys);

    void send_break() noexcept { break_wanted_ = true; }

    struct Input {
        Bytes characters;    // new ones only; a view into the payload
        bool closed = false; // the BMC has deactivated the payload
    };

    Input receive(Mono now, Bytes payload);

    /// The next payload to send now, into `out` of payload_max bytes; 0: none.
    std::size_t transmit(Mono now, MutableBytes out);

    Mono next_deadline() const noexcept;

    /// The number of the packet sent last.
    u8 last_sent() const noexcept { return last_sent_; }

    /// The BMC does not acknowledge any more.
    bool lost() const noexcept { return lost_; }

  private:
    void acknowledged(Mono now, u8 accepted, bool nack);
    std::size_t write_packet(MutableBytes out, u8 number, Bytes characters, u8 control) noexcept;

    SolSettings settings_;
    std::vector<u8> waiting_;   // keys, those under way first
    std::size_t under_way_ = 0; // of the packet that waits for its acknowledgement
    bool in_flight_ = false;
    bool break_wanted_ = false;
    bool break_in_flight_ = false;
    u8 last_sent_ = 0;
    u8 sent_times_ = 0;
    Mono resend_at_ = never;
    Mono not_before_ = Mono::min();
    u8 last_received_ = 0;
    std::size_t last_size_ = 0; // characters of the packet last received
    bool owe_ = false;
    bool lost_ = false;
};

} // namespace vbmc::client
