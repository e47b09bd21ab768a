#pragma once
// The one way of reading Sensor Data Records, for Get SDR and Get Device SDR.

#include "bmc/reservation.h"
#include "bmc/sdr.h"
#include "ipmi/completion_code.h"

namespace vbmc::ipmi {

/// The most data bytes of one reply that reads records or FRU bytes. ipmitool takes 34 behind the
/// completion code on its narrowest way; all clients fall back to parts on CAh.
inline constexpr std::size_t part_size_max = 32;
inline constexpr u8 whole_record = 0xff;

struct SdrPart {
    u16 next = 0;
    InlineBytes<64> data;
};

/// IPMI 2.0 §33.12: part of a record, from `offset`; FFh: all that is left.
template <class Request>
CompletionCode read_sdr_part(
    const bmc::SensorSet* own,
    const bmc::Reservation& reservation,
    const Request& request,
    SdrPart& part
) {
    if ((request.offset != 0 || request.reservation != 0) &&
        !reservation.holds(request.reservation)) {
        return CompletionCode::reservation_lost;
    }
    const std::size_t count = bmc::sdr_count(own);
    const std::size_t index = request.record == 0xffff ? count - 1
                              : request.record == 0    ? 0
                                                       : request.record - std::size_t{1};
    if (index >= count) {
        return CompletionCode::not_present;
    }
    const bmc::SdrRecord record = bmc::sdr_record(own, index);
    if (request.offset >= record.size()) {
        return CompletionCode::parameter_out_of_range;
    }
    const Bytes rest = record.bytes().subspan(request.offset);
    const std::size_t wanted = request.count == whole_record
                                   ? rest.size()
                                   : std::min<std::size_t>(request.count, rest.size());
    if (wanted > part_size_max) {
        return CompletionCode::cannot_return_bytes;
    }
    part.next = index + 1 < count ? static_cast<u16>(index + 2) : u16{0xffff};
    part.data.assign(rest.first(wanted));
    return CompletionCode::ok;
}

} // namespace vbmc::ipmi
