#include "endpoint/sol.h"

#include <algorithm>

namespace vbmc::endpoint {

namespace {

// Byte 4 from the remote console (IPMI 2.0 table 15-2).
constexpr u8 operation_nack = 0x40;
constexpr u8 operation_break = 0x10;
constexpr u8 operation_pause = 0x08;
constexpr u8 operation_flush_inbound = 0x02;
constexpr u8 operation_flush_outbound = 0x01;

// Byte 4 to the remote console.
constexpr u8 status_transfer_unavailable = 0x20;
constexpr u8 status_deactivated = 0x10;
constexpr u8 status_overrun = 0x08;

constexpr u8 next_number(u8 number) noexcept {
    return number >= 15 ? 1 : static_cast<u8>(number + 1); // 0 means "acknowledgement only"
}

} // namespace

SolInput Sol::receive(Now now, Bytes payload) {
    ByteReader in(payload);
    const u8 number = in.read_u8() & 0x0f;
    const u8 acknowledged = in.read_u8() & 0x0f;
    const u8 accepted = in.read_u8();
    const u8 operation = in.read_u8();
    if (!in.ok()) {
        return {};
    }
    acknowledge(acknowledged, accepted, (operation & operation_nack) != 0);
    paused_ = (operation & operation_pause) != 0;
    if ((operation & operation_flush_outbound) != 0) {
        waiting_.clear();
        under_way_ = 0;
    }
    if (number == 0) {
        return {};
    }
    owe_acknowledgement_ = true;
    if (number == last_received_) {
        return {}; // our acknowledgement was lost: say it again, deliver nothing
    }
    SolInput input;
    input.characters = in.take_rest();
    input.send_break = (operation & operation_break) != 0;
    input.flush_inbound = (operation & operation_flush_inbound) != 0;
    last_received_ = number;
    last_accepted_ = static_cast<u8>(std::min<std::size_t>(input.characters.size(), 255));
    static_cast<void>(now);
    return input;
}

void Sol::acknowledge(u8 number, u8 accepted, bool nack) {
    if (number == 0 || number != last_sent_ || under_way_ == 0) {
        return;
    }
    if (nack && accepted == 0) {
        return; // it is there but not taken: repeated after the retry interval
    }
    drop_waiting(std::min<std::size_t>(accepted, under_way_)
    ); // the rest goes out under a new number
    under_way_ = 0;
}

void Sol::drop_waiting(std::size_t n) {
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(n));
}

void Sol::console_output(Now now, Bytes characters) {
    if (waiting_.size() == under_way_) {
        waiting_since_ = now.mono;
    }
    waiting_.insert(waiting_.end(), characters.begin(), characters.end());
    if (waiting_.size() > waiting_bytes_max) {
        // The oldest go first, but never from under a packet that may yet be acknowledged.
        const std::size_t excess = waiting_.size() - waiting_bytes_max;
        const auto first = waiting_.begin() + static_cast<std::ptrdiff_t>(under_way_);
        const auto last =
            first + static_cast<std::ptrdiff_t>(std::min(excess, waiting_.size() - under_way_));
        waiting_.erase(first, last);
        overrun_ = true;
    }
}

bool Sol::may_send_new(Now now) const noexcept {
    if (under_way_ != 0 || waiting_.empty() || paused_) {
        return false;
    }
    return owe_acknowledgement_ || waiting_.size() >= timing_.send_threshold ||
           now.mono >= waiting_since_ + timing_.accumulate;
}

std::size_t Sol::transmit(Now now, MutableBytes out) {
    if (under_way_ != 0 && now.mono >= sent_at_ + timing_.retry_interval) {
        if (repeats_ < timing_.retries) {
            ++repeats_;
            sent_at_ = now.mono;
            return write_packet(out, last_sent_, Bytes(waiting_).first(under_way_));
        }
        drop_waiting(under_way_); // §26.3 parameter 4: dropped when the retries are used up
        under_way_ = 0;
        overrun_ = true;
    }
    if (may_send_new(now)) {
        under_way_ = std::min(waiting_.size(), packet_bytes_max - header_bytes);
        last_sent_ = next_number(last_sent_);
        sent_at_ = now.mono;
        waiting_since_ = now.mono;
        repeats_ = 0;
        return write_packet(out, last_sent_, Bytes(waiting_).first(under_way_));
    }
    if (owe_acknowledgement_) {
        return write_packet(out, 0, {});
    }
    return 0;
}

std::size_t Sol::write_packet(MutableBytes out, u8 number, Bytes characters) {
    ByteWriter writer(out);
    writer.write_u8(number);
    writer.write_u8(owe_acknowledgement_ ? last_received_ : 0);
    writer.write_u8(owe_acknowledgement_ ? last_accepted_ : 0);
    u8 status = 0;
    if (overrun_) {
        status |= status_overrun;
    }
    if (!console_available_) {
        status |= status_transfer_unavailable;
    }
    writer.write_u8(status);
    writer.write(characters);
    owe_acknowledgement_ = false;
    overrun_ = false;
    return writer.ok() ? writer.size() : 0;
}

std::size_t Sol::deactivated(MutableBytes out) {
    ByteWriter writer(out);
    writer.write_u8(0);
    writer.write_u8(0);
    writer.write_u8(0);
    writer.write_u8(status_deactivated);
    return writer.ok() ? writer.size() : 0;
}

Mono Sol::next_deadline() const noexcept {
    if (owe_acknowledgement_) {
        return Mono::min();
    }
    if (under_way_ != 0) {
        return sent_at_ + timing_.retry_interval;
    }
    if (!waiting_.empty() && !paused_) {
        return waiting_.size() >= timing_.send_threshold ? Mono::min()
                                                         : waiting_since_ + timing_.accumulate;
    }
    return never;
}

} // namespace vbmc::endpoint
