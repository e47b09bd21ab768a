#include "endpoint/sol.h"

#include "wire/sol.h"

#include <algorithm>

namespace vbmc::endpoint {

SolInput Sol::receive(Bytes payload) {
    const auto packet = wire::parse_sol(payload);
    if (!packet) {
        return {};
    }
    const u8 control = packet->control;
    acknowledge(packet->ack_sequence, packet->accepted, (control & wire::sol_operation::nack) != 0);
    paused_ = (control & wire::sol_operation::cts_pause) != 0;
    if ((control & wire::sol_operation::flush_outbound) != 0) {
        waiting_.clear();
        under_way_ = 0;
    }
    if (packet->sequence == 0) { // control only
        SolInput input;
        input.send_break = (control & wire::sol_operation::send_break) != 0;
        return input;
    }
    if (is_late(packet->sequence)) {
        return {}; // a repetition that was overtaken by what the console sent next
    }
    owe_acknowledgement_ = true;
    if (packet->sequence == last_received_) {
        return {}; // our acknowledgement was lost: say it again, deliver nothing
    }
    SolInput input;
    input.characters = packet->characters;
    input.send_break = (control & wire::sol_operation::send_break) != 0;
    last_received_ = packet->sequence;
    last_accepted_ = static_cast<u8>(std::min<std::size_t>(input.characters.size(), 255));
    return input;
}

/// One packet is under way at a time, so a number shortly before the last one is an old packet.
bool Sol::is_late(u8 number) const noexcept {
    constexpr int half = wire::sol_sequence_max / 2;
    const int behind = (last_received_ - number + wire::sol_sequence_max) % wire::sol_sequence_max;
    return last_received_ != 0 && behind != 0 && behind <= half;
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
        last_sent_ = wire::next_sol_sequence(last_sent_);
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
    wire::SolPacket packet;
    packet.sequence = number;
    packet.ack_sequence = owe_acknowledgement_ ? last_received_ : u8{0};
    packet.accepted = owe_acknowledgement_ ? last_accepted_ : u8{0};
    packet.control = static_cast<u8>(
        (overrun_ ? wire::sol_status::transmit_overrun : 0) |
        (console_available_ ? 0 : wire::sol_status::transfer_unavailable)
    );
    packet.characters = characters;
    owe_acknowledgement_ = false;
    overrun_ = false;
    ByteWriter writer(out);
    wire::write(writer, packet);
    return writer.ok() ? writer.size() : 0;
}

std::size_t Sol::farewell(MutableBytes out) {
    wire::SolPacket packet;
    packet.control = wire::sol_status::sol_deactivating;
    ByteWriter writer(out);
    wire::write(writer, packet);
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
