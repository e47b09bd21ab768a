#include "client/sol.h"

#include "wire/sol.h"

#include <algorithm>

namespace vbmc::client {

Sol::Sol(const SolSettings& settings) noexcept
    : settings_(settings), last_sent_(settings.number_before) {
    settings_.packet_bytes = std::clamp(settings_.packet_bytes, header_bytes + 1, payload_max);
}

bool Sol::write(Bytes keys) {
    if (waiting_.size() + keys.size() > waiting_max) {
        return false;
    }
    waiting_.insert(waiting_.end(), keys.begin(), keys.end());
    return true;
}

Sol::Input Sol::receive(Mono now, Bytes payload) {
    const auto packet = wire::parse_sol(payload);
    if (!packet) {
        return {};
    }
    const u8 status = packet->control;
    Input input;
    input.closed = (status & wire::sol_status::sol_deactivating) != 0;
    if (in_flight_ && packet->ack_sequence != 0 && packet->ack_sequence == last_sent_) {
        acknowledged(now, packet->accepted, (status & wire::sol_status::nack) != 0);
    }
    if (packet->sequence == 0) {
        return input;
    }
    std::size_t known = 0; // characters that came in an earlier transmission of this packet
    if (packet->sequence == last_received_) {
        known = std::min(last_size_, packet->characters.size());
    }
    input.characters = packet->characters.subspan(known);
    last_received_ = packet->sequence;
    last_size_ = packet->characters.size();
    owe_ = true;
    return input;
}

void Sol::acknowledged(Mono now, u8 accepted, bool nack) {
    in_flight_ = false;
    resend_at_ = never;
    if (break_in_flight_) {
        break_in_flight_ = false;
        break_wanted_ = break_wanted_ || nack;
    }
    const std::size_t taken = std::min<std::size_t>(accepted, under_way_);
    const bool all = taken == under_way_;
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(taken));
    under_way_ = 0;
    if (nack || !all) {
        not_before_ = now + settings_.pause; // its buffer is full: the rest goes out again then
    }
}

std::size_t Sol::write_packet(MutableBytes out, u8 number, Bytes characters, u8 control) noexcept {
    wire::SolPacket packet;
    packet.sequence = number;
    packet.ack_sequence = owe_ ? last_received_ : u8{0};
    packet.accepted = owe_ ? static_cast<u8>(std::min<std::size_t>(last_size_, 255)) : u8{0};
    packet.control = control;
    packet.characters = characters;
    owe_ = false;
    ByteWriter writer(out);
    wire::write(writer, packet);
    return writer.ok() ? writer.size() : 0;
}

std::size_t Sol::transmit(Mono now, MutableBytes out) {
    const u8 again = break_in_flight_ ? wire::sol_operation::send_break : u8{0};
    if (in_flight_ && now >= resend_at_) {
        if (sent_times_ >= settings_.tries) {
            lost_ = true;
            in_flight_ = false;
            resend_at_ = never;
            return 0;
        }
        ++sent_times_;
        resend_at_ = now + settings_.retry;
        return write_packet(out, last_sent_, Bytes(waiting_).first(under_way_), again);
    }
    if (!in_flight_ && !lost_ && now >= not_before_ && (break_wanted_ || !waiting_.empty())) {
        break_in_flight_ = break_wanted_;
        break_wanted_ = false;
        under_way_ =
            break_in_flight_ ? 0 : std::min(waiting_.size(), settings_.packet_bytes - header_bytes);
        in_flight_ = true;
        sent_times_ = 1;
        resend_at_ = now + settings_.retry;
        last_sent_ = wire::next_sol_sequence(last_sent_);
        const u8 control = break_in_flight_ ? wire::sol_operation::send_break : u8{0};
        return write_packet(out, last_sent_, Bytes(waiting_).first(under_way_), control);
    }
    return owe_ ? write_packet(out, 0, {}, 0) : 0;
}

Mono Sol::next_deadline() const noexcept {
    if (owe_) {
        return Mono::min();
    }
    if (in_flight_) {
        return resend_at_;
    }
    return !lost_ && (break_wanted_ || !waiting_.empty()) ? not_before_ : never;
}

} // namespace vbmc::client
