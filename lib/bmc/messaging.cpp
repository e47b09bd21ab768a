#include "bmc/messaging.h"

#include "bmc/record.h"

namespace vbmc::bmc {

namespace {

constexpr u8 record_version = 1;

} // namespace

void Messaging::clear_flags(u8 bits) noexcept {
    flags_ = static_cast<u8>(flags_ & ~bits);
}

void Messaging::store_event(const ByteArray<16>& record) noexcept {
    if ((enables & event_buffer) == 0 || (flags_ & flag_event_buffer) != 0) {
        return;
    }
    event_ = record;
    flags_ |= flag_event_buffer;
}

std::optional<ByteArray<16>> Messaging::take_event() noexcept {
    if ((flags_ & flag_event_buffer) == 0) {
        return std::nullopt;
    }
    clear_flags(flag_event_buffer);
    return event_;
}

void Messaging::save(std::vector<u8>& out) const {
    append_record(out, record_version, *this);
}

bool Messaging::load(Bytes saved) {
    const auto read = read_record<Messaging>(saved, record_version);
    if (!read) {
        return false;
    }
    enables = static_cast<u8>(read->enables & enables_known);
    return true;
}

} // namespace vbmc::bmc
