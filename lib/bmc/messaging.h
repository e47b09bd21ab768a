#pragma once
// What a host would use to talk to the controller: global enables, message flags, the event message
// buffer (IPMI 2.0 §22.1-§22.8). Enables persist in Section::system.

#include "base/fields.h"

#include <optional>
#include <vector>

namespace vbmc::bmc {

class Messaging {
  public:
    // Bits of BMC Global Enables.
    static constexpr u8 receive_queue_interrupt = 0x01;
    static constexpr u8 event_buffer_interrupt = 0x02;
    static constexpr u8 event_buffer = 0x04;
    static constexpr u8 event_log = 0x08;
    static constexpr u8 enables_known = 0x0f;

    // Bits of the message flags.
    static constexpr u8 flag_receive_queue = 0x01;
    static constexpr u8 flag_event_buffer = 0x02;
    static constexpr u8 flag_watchdog_interrupt = 0x08;

    u8 enables = event_log;

    bool event_logging() const noexcept { return (enables & event_log) != 0; }

    u8 flags() const noexcept { return flags_; }

    void clear_flags(u8 bits) noexcept;

    void raise_watchdog_interrupt() noexcept { flags_ |= flag_watchdog_interrupt; }

    /// Keeps an event (a SEL record's 16 bytes) when the buffer is enabled and free.
    void store_event(const ByteArray<16>& record) noexcept;

    /// Takes the event out; nullopt when there is none.
    std::optional<ByteArray<16>> take_event() noexcept;

    void save(std::vector<u8>& out) const;
    bool load(Bytes saved);

    static void fields(auto& c, auto& r) { c.byte(r.enables); }

  private:
    ByteArray<16> event_{};
    u8 flags_ = 0;
};

} // namespace vbmc::bmc
