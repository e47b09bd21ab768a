#include "ipmi/storage_sdr.h"

#include "ipmi/sdr_part.h"

namespace vbmc::ipmi {

using bmc::Bmc;

namespace {

const bmc::SensorSet* own_sensors(const Bmc& bmc) noexcept {
    return bmc.config.sensors.get();
}

} // namespace

Reply<GetSdrRepositoryInfo::Response>
handle(Bmc& bmc, const Context& context, const GetSdrRepositoryInfo::Request&) {
    refresh_sensors(bmc, context.now); // who looks at the repository wants the readings next
    return GetSdrRepositoryInfo::Response{
        .records = static_cast<u16>(bmc::sdr_count(own_sensors(bmc))),
        .added_at = bmc::sdr_timestamp(own_sensors(bmc)),
    };
}

Reply<GetSdrRepositoryAllocationInfo::Response>
handle(Bmc& bmc, const Context&, const GetSdrRepositoryAllocationInfo::Request&) {
    return GetSdrRepositoryAllocationInfo::Response{
        .units = static_cast<u16>(bmc::sdr_count(own_sensors(bmc))),
        .unit_size = static_cast<u16>(bmc::SdrRecord::capacity),
    };
}

Reply<ReserveSdrRepository::Response>
handle(Bmc& bmc, const Context& context, const ReserveSdrRepository::Request&) {
    refresh_sensors(bmc, context.now);
    return ReserveSdrRepository::Response{.reservation = bmc.sensors.repository.renew()};
}

Reply<GetSdr::Response> handle(Bmc& bmc, const Context&, const GetSdr::Request& request) {
    SdrPart part;
    const auto code = read_sdr_part(own_sensors(bmc), bmc.sensors.repository, request, part);
    if (code != CompletionCode::ok) {
        return code;
    }
    return GetSdr::Response{.next = part.next, .data = part.data};
}

Reply<AddSdr::Response> handle(Bmc&, const Context&, const AddSdr::Request&) {
    return CompletionCode::not_supported_in_state;
}

Reply<PartialAddSdr::Response>
handle(Bmc& bmc, const Context&, const PartialAddSdr::Request& request) {
    if (!bmc.sensors.repository.holds(request.reservation)) {
        return CompletionCode::reservation_lost;
    }
    return CompletionCode::not_supported_in_state;
}

Reply<DeleteSdr::Response> handle(Bmc& bmc, const Context&, const DeleteSdr::Request& request) {
    if (!bmc.sensors.repository.holds(request.reservation)) {
        return CompletionCode::reservation_lost;
    }
    return CompletionCode::not_supported_in_state;
}

Reply<ClearSdrRepository::Response>
handle(Bmc& bmc, const Context&, const ClearSdrRepository::Request& request) {
    if (request.clr != ByteArray<3>{'C', 'L', 'R'}) {
        return CompletionCode::invalid_data_field;
    }
    if (!bmc.sensors.repository.holds(request.reservation)) {
        return CompletionCode::reservation_lost;
    }
    return CompletionCode::not_supported_in_state;
}

Reply<GetSdrRepositoryTime::Response>
handle(Bmc& bmc, const Context& context, const GetSdrRepositoryTime::Request&) {
    return GetSdrRepositoryTime::Response{.seconds = bmc.sel.clock(context.now)};
}

Reply<Nothing>
handle(Bmc& bmc, const Context& context, const SetSdrRepositoryTime::Request& request) {
    bmc.sel.set_clock(context.now, request.seconds); // §31.10: one clock for both
    bmc.dirty.add(bmc::Section::sel);
    return Nothing{};
}

Reply<Nothing> handle(Bmc&, const Context&, const EnterSdrUpdateMode::Request&) {
    return CompletionCode::not_supported_in_state;
}

Reply<Nothing> handle(Bmc&, const Context&, const ExitSdrUpdateMode::Request&) {
    return CompletionCode::not_supported_in_state;
}

Reply<RunInitializationAgent::Response>
handle(Bmc&, const Context&, const RunInitializationAgent::Request&) {
    return RunInitializationAgent::Response{}; // nothing needs it
}

} // namespace vbmc::ipmi
