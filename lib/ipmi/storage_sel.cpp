#include "ipmi/storage_sel.h"

namespace vbmc::ipmi {

using bmc::Bmc;
using bmc::Sel;

namespace {

constexpr std::size_t record_size = 16;
constexpr u8 whole_record = 0xff;
constexpr u8 machine_check_log = 0x00;
constexpr ByteArray<3> clear_password = {'C', 'L', 'R'};
constexpr i16 minutes_a_day = 1440;

u16 free_units(const Sel& sel) noexcept {
    return static_cast<u16>(Sel::capacity - sel.size());
}

} // namespace

Reply<GetSelInfo::Response> handle(Bmc& bmc, const Context&, const GetSelInfo::Request&) {
    return GetSelInfo::Response{
        .entries = static_cast<u16>(bmc.sel.size()),
        .free_bytes = static_cast<u16>(free_units(bmc.sel) * record_size),
        .added_at = bmc.sel.added_at(),
        .erased_at = bmc.sel.erased_at(),
        .overflow = bmc.sel.overflowed(),
    };
}

Reply<GetSelAllocationInfo::Response>
handle(Bmc& bmc, const Context&, const GetSelAllocationInfo::Request&) {
    return GetSelAllocationInfo::Response{
        .units = static_cast<u16>(Sel::capacity),
        .unit_size = static_cast<u16>(record_size),
        .free_units = free_units(bmc.sel),
        .largest_free_block = free_units(bmc.sel),
    };
}

Reply<ReserveSel::Response> handle(Bmc& bmc, const Context&, const ReserveSel::Request&) {
    bmc.sel.partial = {};
    return ReserveSel::Response{.reservation = bmc.sel.reservation.renew()};
}

Reply<GetSelEntry::Response> handle(Bmc& bmc, const Context&, const GetSelEntry::Request& request) {
    // §31.5: a reservation is needed for the rest of an entry only
    if (request.offset != 0 && !bmc.sel.reservation.holds(request.reservation)) {
        return CompletionCode::reservation_lost;
    }
    const auto found = bmc.sel.find(request.record);
    if (!found) {
        return CompletionCode::not_present;
    }
    if (request.offset >= record_size) {
        return CompletionCode::parameter_out_of_range;
    }
    const Bytes rest = Bytes(*found->record).subspan(request.offset);
    const std::size_t wanted = request.count == whole_record
                                   ? rest.size()
                                   : std::min<std::size_t>(request.count, rest.size());
    GetSelEntry::Response response;
    response.next = found->next;
    response.data.assign(rest.first(wanted));
    return response;
}

Reply<AddSelEntry::Response>
handle(Bmc& bmc, const Context& context, const AddSelEntry::Request& request) {
    return AddSelEntry::Response{.record = log_record(bmc, context.now, request.record)};
}

Reply<PartialAddSelEntry::Response>
handle(Bmc& bmc, const Context& context, const PartialAddSelEntry::Request& request) {
    if (!bmc.sel.reservation.holds(request.reservation)) {
        return CompletionCode::reservation_lost;
    }
    Sel::Partial& partial = bmc.sel.partial;
    const bool first = request.record == 0 && request.offset == 0;
    if (first) {
        partial = {};
    }
    // While the reservation holds nobody else adds an entry: the next id is the one that this gets.
    const u16 id = bmc.sel.next_id();
    if ((!first && request.record != id) || request.offset != partial.size) {
        return CompletionCode::invalid_data_field;
    }
    if (request.offset + request.data.size() > record_size) {
        return PartialAddSelEntry::length_mismatch;
    }
    std::copy(request.data.begin(), request.data.end(), partial.record.begin() + request.offset);
    partial.size = static_cast<u8>(request.offset + request.data.size());
    if (!request.last) {
        return PartialAddSelEntry::Response{.record = id};
    }
    const Sel::Partial whole = std::exchange(partial, {});
    if (whole.size != record_size) {
        return PartialAddSelEntry::length_mismatch;
    }
    return PartialAddSelEntry::Response{.record = log_record(bmc, context.now, whole.record)};
}

Reply<DeleteSelEntry::Response>
handle(Bmc& bmc, const Context& context, const DeleteSelEntry::Request& request) {
    if (!bmc.sel.reservation.holds(request.reservation)) {
        return CompletionCode::reservation_lost;
    }
    const auto erased = bmc.sel.erase(request.record, context.now);
    if (!erased) {
        return CompletionCode::not_present;
    }
    bmc.dirty.add(bmc::Section::sel);
    return DeleteSelEntry::Response{.record = *erased};
}

Reply<ClearSel::Response>
handle(Bmc& bmc, const Context& context, const ClearSel::Request& request) {
    if (request.clr != clear_password) {
        return CompletionCode::invalid_data_field;
    }
    if (request.operation == ClearSel::get_status) {
        return ClearSel::Response{}; // clearing takes no time; its reservation is used up
    }
    if (request.operation != ClearSel::initiate) {
        return CompletionCode::invalid_data_field;
    }
    if (!bmc.sel.reservation.holds(request.reservation)) {
        return CompletionCode::reservation_lost;
    }
    bmc.sel.clear(context.now);
    bmc.dirty.add(bmc::Section::sel);
    return ClearSel::Response{};
}

Reply<GetSelTime::Response> handle(Bmc& bmc, const Context& context, const GetSelTime::Request&) {
    return GetSelTime::Response{.seconds = bmc.sel.clock(context.now)};
}

Reply<Nothing> handle(Bmc& bmc, const Context& context, const SetSelTime::Request& request) {
    bmc.sel.set_clock(context.now, request.seconds);
    bmc.dirty.add(bmc::Section::sel);
    return Nothing{};
}

Reply<GetAuxiliaryLogStatus::Response>
handle(Bmc& bmc, const Context&, const GetAuxiliaryLogStatus::Request& request) {
    if (request.type != machine_check_log) {
        return CompletionCode::invalid_data_field;
    }
    return GetAuxiliaryLogStatus::Response{
        .timestamp = bmc.sel.machine_check_log.timestamp,
        .entries = bmc.sel.machine_check_log.entries,
    };
}

Reply<Nothing> handle(Bmc& bmc, const Context&, const SetAuxiliaryLogStatus::Request& request) {
    if (request.type != machine_check_log) {
        return CompletionCode::invalid_data_field;
    }
    bmc.sel.machine_check_log = {.timestamp = request.timestamp, .entries = request.entries};
    return Nothing{};
}

Reply<GetSelTimeUtcOffset::Response>
handle(Bmc& bmc, const Context&, const GetSelTimeUtcOffset::Request&) {
    return GetSelTimeUtcOffset::Response{.minutes = bmc.sel.utc_offset()};
}

Reply<Nothing> handle(Bmc& bmc, const Context&, const SetSelTimeUtcOffset::Request& request) {
    const bool valid = request.minutes == Sel::unspecified_offset ||
                       (request.minutes >= -minutes_a_day && request.minutes <= minutes_a_day);
    if (!valid) {
        return CompletionCode::invalid_data_field;
    }
    bmc.sel.set_utc_offset(request.minutes);
    bmc.dirty.add(bmc::Section::sel);
    return Nothing{};
}

} // namespace vbmc::ipmi
