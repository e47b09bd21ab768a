#include "bmc/boot.h"

#include "bmc/record.h"

namespace vbmc::bmc {

namespace {

// IPMI 2.0 §28.12, parameter 3 bit 3.
constexpr Duration valid_for = std::chrono::seconds(60);
// While a Chassis Control runs the 60 s wait for its end, but not for ever.
constexpr Duration control_max = std::chrono::minutes(6);

constexpr unsigned device_shift = 2;
constexpr u8 device_mask = 0x0f;

/// The device that the flags name; the reserved ones ask for nothing.
constexpr BootDevice device_of(u8 flags_2) noexcept {
    const u8 number = static_cast<u8>(flags_2 >> device_shift & device_mask);
    const bool reserved = number == 10 || (number >= 12 && number <= 14);
    return reserved ? BootDevice::none : static_cast<BootDevice>(number);
}

} // namespace

BootRequest Boot::request() const noexcept {
    if (!valid() || is_marked_invalid(BootParameter::flags)) {
        return {};
    }
    BootRequest asked;
    asked.device = device_of(flags_[1]);
    if (asked.device == BootDevice::none) {
        return {}; // "no override": nothing is asked for, whatever the other bits say
    }
    asked.persistent = (flags_[0] & persistent_bit) != 0;
    asked.efi = (flags_[0] & efi_bit) != 0;
    return asked;
}

void Boot::set_flags(Now now, const ByteArray<5>& flags) noexcept {
    flags_ = flags;
    note_standing();
    restart_countdown(now.mono);
}

void Boot::set_request(Now now, const BootRequest& request) noexcept {
    flags_ = {};
    if (request.device != BootDevice::none) {
        flags_[0] = static_cast<u8>(
            valid_bit | (request.persistent ? persistent_bit : 0) | (request.efi ? efi_bit : 0)
        );
        flags_[1] = static_cast<u8>(static_cast<u8>(request.device) << device_shift);
    }
    keep_valid |= keep_without_control;
    note_standing();
    restart_countdown(now.mono);
}

void Boot::note_standing() noexcept {
    if (const BootRequest asked = request(); asked.persistent) {
        standing_ = asked;
    }
}

/// Only one-time flags time out: persistent ones are a change of the machine's settings, which it
/// has taken over once they were sent.
bool Boot::times_out() const noexcept {
    return valid() && (flags_[0] & persistent_bit) == 0 && (keep_valid & keep_without_control) == 0;
}

void Boot::restart_countdown(Mono now) noexcept {
    expires_at_ = times_out() ? now + valid_for : never;
}

void Boot::set_keep_valid(Now now, u8 bits) noexcept {
    keep_valid = bits;
    restart_countdown(now.mono);
}

void Boot::control_begins(Now now) noexcept {
    expires_at_ = times_out() ? now.mono + control_max : never;
}

void Boot::control_ended(Now now) noexcept {
    restart_countdown(now.mono);
}

bool Boot::clear_for(RestartCause cause) noexcept {
    u8 keeper = 0;
    switch (cause) {
    case RestartCause::watchdog:
        keeper = keep_on_watchdog;
        break;
    case RestartCause::pef_reset:
    case RestartCause::pef_cycle:
        keeper = keep_on_pef;
        break;
    default:
        return false;
    }
    if (!valid() || (keep_valid & keeper) != 0 || (flags_[0] & persistent_bit) != 0) {
        return false;
    }
    flags_[0] = static_cast<u8>(flags_[0] & ~valid_bit);
    expires_at_ = never;
    return true;
}

bool Boot::used_up() noexcept {
    if (!valid() || (flags_[0] & persistent_bit) != 0) {
        return false;
    }
    flags_[0] = static_cast<u8>(flags_[0] & ~valid_bit);
    expires_at_ = never;
    return true;
}

bool Boot::on_deadline(Now now) noexcept {
    if (now.mono < expires_at_) {
        return false;
    }
    flags_[0] = static_cast<u8>(flags_[0] & ~valid_bit);
    expires_at_ = never;
    return true;
}

ByteArray<mailbox_block_size> Boot::mailbox(u8 block) const noexcept {
    ByteArray<mailbox_block_size> data{};
    const std::size_t at = block * mailbox_block_size;
    if (at + mailbox_block_size <= mailbox_.size()) {
        std::copy_n(mailbox_.begin() + static_cast<std::ptrdiff_t>(at), data.size(), data.begin());
    }
    return data;
}

void Boot::set_mailbox(u8 block, const ByteArray<mailbox_block_size>& data) {
    if (block >= mailbox_blocks) {
        return;
    }
    mailbox_.resize(mailbox_blocks * mailbox_block_size);
    const std::size_t at = block * mailbox_block_size;
    std::copy(data.begin(), data.end(), mailbox_.begin() + static_cast<std::ptrdiff_t>(at));
}

bool Boot::is_marked_invalid(BootParameter p) const noexcept {
    return (marked_invalid_ >> static_cast<u8>(p) & 1) != 0;
}

void Boot::mark_invalid(BootParameter p, bool invalid) noexcept {
    const u8 mask = static_cast<u8>(1U << static_cast<u8>(p));
    marked_invalid_ = static_cast<u8>(invalid ? marked_invalid_ | mask : marked_invalid_ & ~mask);
    note_standing();
}

/// Without the standing device, which version 1 did not know.
struct Boot::KeptBefore {
    static constexpr u8 version = 1;
    u8 service_partition = 0;
    u8 service_partition_scan = 0;
    u8 keep_valid = 0;
    u8 acknowledge = 0;
    ByteArray<5> flags{};
    ByteArray<9> initiator_info{};
    u8 marked_invalid = 0;
    bool has_mailbox = false;
    ByteArray<mailbox_blocks * mailbox_block_size> mailbox{};

    static void fields(auto& c, auto& r) {
        c.byte(r.service_partition);
        c.byte(r.service_partition_scan);
        c.byte(r.keep_valid);
        c.byte(r.acknowledge);
        c.bytes(r.flags);
        c.bytes(r.initiator_info);
        c.byte(r.marked_invalid);
        c.byte(r.has_mailbox);
        if (r.has_mailbox) {
            c.bytes(r.mailbox);
        }
    }
};

struct Boot::Kept : KeptBefore {
    static constexpr u8 version = 2;
    BootRequest standing;

    static void fields(auto& c, auto& r) {
        KeptBefore::fields(c, r);
        c.byte(r.standing.device);
        c.bits(bit<1>(r.standing.persistent), bit<1>(r.standing.efi), gap<6>);
    }
};

void Boot::save(std::vector<u8>& out) const {
    Kept kept;
    kept.service_partition = service_partition;
    kept.service_partition_scan = service_partition_scan;
    kept.keep_valid = keep_valid;
    kept.acknowledge = acknowledge;
    kept.flags = flags_;
    kept.initiator_info = initiator_info;
    kept.marked_invalid = marked_invalid_;
    kept.has_mailbox = !mailbox_.empty();
    std::copy(mailbox_.begin(), mailbox_.end(), kept.mailbox.begin());
    kept.standing = standing_;
    append_record(out, Kept::version, kept);
}

bool Boot::load(Bytes saved, Now now) {
    auto kept = read_record<Kept>(saved, Kept::version);
    if (!kept) {
        const auto before = read_record<KeptBefore>(saved, KeptBefore::version);
        if (!before) {
            return false;
        }
        static_cast<KeptBefore&>(kept.emplace()) = *before;
    }
    service_partition = kept->service_partition;
    service_partition_scan = kept->service_partition_scan;
    keep_valid = kept->keep_valid;
    acknowledge = kept->acknowledge;
    flags_ = kept->flags;
    initiator_info = kept->initiator_info;
    marked_invalid_ = kept->marked_invalid;
    standing_ = kept->standing;
    note_standing(); // version 1 has it in the flags at most
    mailbox_.clear();
    if (kept->has_mailbox) {
        mailbox_.assign(kept->mailbox.begin(), kept->mailbox.end());
    }
    restart_countdown(now.mono);
    return true;
}

} // namespace vbmc::bmc
