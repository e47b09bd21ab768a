#pragma once
// System boot options (IPMI 2.0 §28.12, §28.13): parameters 0-7 as they were written, and what they
// ask the machine to do. The 60 s after which unused flags lose their validity are counted here.
// Persisted in Section::boot.

#include "base/time.h"
#include "bmc/observation.h"

#include <vector>

namespace vbmc::bmc {

/// Selectors of Set/Get System Boot Options.
enum class BootParameter : u8 {
    set_in_progress = 0,
    service_partition = 1,
    service_partition_scan = 2,
    valid_bit_clearing = 3,
    info_acknowledge = 4,
    flags = 5,
    initiator_info = 6,
    initiator_mailbox = 7,
};

inline constexpr std::size_t mailbox_block_size = 16;
inline constexpr std::size_t mailbox_blocks = 5; // 80 bytes: what §28.13 asks for at least

class Boot {
  public:
    /// Bits of parameter 3: where the controller does NOT clear the valid bit.
    enum KeepValid : u8 {
        keep_on_power_button = 0x01,
        keep_on_reset_button = 0x02,
        keep_on_watchdog = 0x04,
        keep_without_control = 0x08, // the 60 s time-out
        keep_on_pef = 0x10,
    };

    static constexpr u8 valid_bit = 0x80;
    static constexpr u8 persistent_bit = 0x40;
    static constexpr u8 efi_bit = 0x20;

    /// What the flags ask for now; device `none` when they are not valid.
    BootRequest request() const noexcept;

    /// True when the flags are valid and ask for anything at all.
    bool valid() const noexcept { return (flags_[0] & valid_bit) != 0; }

    /// The last lasting choice that was not taken back: it stands in the machine although a
    /// one-time one took its place in the flags.
    const BootRequest& standing() const noexcept { return standing_; }

    void forget_standing() noexcept { standing_ = {}; }

    // The parameters as they read. Set flags through set_flags().
    const ByteArray<5>& flags() const noexcept { return flags_; }

    void set_flags(Now now, const ByteArray<5>& flags) noexcept;

    /// As a person asks for it: valid flags that do not time out.
    void set_request(Now now, const BootRequest& request) noexcept;

    bool set_in_progress = false;
    u8 service_partition = 0;
    u8 service_partition_scan = 0;
    u8 keep_valid = 0;
    u8 acknowledge = 0;
    ByteArray<9> initiator_info{};

    ByteArray<mailbox_block_size> mailbox(u8 block) const noexcept;
    void set_mailbox(u8 block, const ByteArray<mailbox_block_size>& data);

    bool is_marked_invalid(BootParameter p) const noexcept;
    void mark_invalid(BootParameter p, bool invalid) noexcept;

    /// Parameter 3 was written: the time-out starts or stops.
    void set_keep_valid(Now now, u8 bits) noexcept;

    /// A Chassis Control was received: the time-out begins anew with its end (parameter 3 bit 3).
    void control_begins(Now now) noexcept;
    void control_ended(Now now) noexcept;

    /// The machine is about to be restarted by other means than Chassis Control: clears the flags
    /// unless parameter 3 keeps them. True when they changed.
    bool clear_for(RestartCause cause) noexcept;

    /// A start was seen: one-time flags are used up. True when they changed.
    bool used_up() noexcept;

    Mono next_deadline() const noexcept { return expires_at_; }

    /// True when the flags lost their validity.
    bool on_deadline(Now now) noexcept;

    void save(std::vector<u8>& out) const;
    bool load(Bytes saved, Now now);

  private:
    struct KeptBefore;
    struct Kept;

    bool times_out() const noexcept;
    void restart_countdown(Mono now) noexcept;
    void note_standing() noexcept;

    std::vector<u8> mailbox_; // empty until written
    Mono expires_at_ = never;
    ByteArray<5> flags_{};
    BootRequest standing_;
    u8 marked_invalid_ = 0; // a bit a parameter
};

} // namespace vbmc::bmc
