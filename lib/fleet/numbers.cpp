#include "fleet/numbers.h"

namespace vbmc::fleet {

namespace {

template <class Array>
void add_up(Array& sum, const Array& more) noexcept {
    for (std::size_t i = 0; i < sum.size(); ++i) {
        sum[i] += more[i];
    }
}

} // namespace

void CallNumbers::add(const CallNumbers& other) noexcept {
    silent += other.silent;
    refused += other.refused;
    seconds += other.seconds;
    add_up(took, other.took);
}

CallNumbers& BackendNumbers::find(std::string_view kind, std::string_view operation) {
    for (CallNumbers& call : calls_) {
        if (call.kind == kind && call.operation == operation) {
            return call;
        }
    }
    CallNumbers fresh;
    fresh.kind = kind;
    fresh.operation = operation;
    calls_.push_back(fresh);
    return calls_.back();
}

void BackendNumbers::count(
    std::string_view kind, std::string_view operation, Duration took, End end
) {
    CallNumbers& call = find(kind, operation);
    const double seconds = std::chrono::duration<double>(took).count();
    std::size_t at = 0;
    while (at < CallNumbers::bounds_s.size() && seconds > CallNumbers::bounds_s[at]) {
        ++at;
    }
    ++call.took[at];
    call.seconds += seconds;
    call.silent += end == End::silent ? 1 : 0;
    call.refused += end == End::refused ? 1 : 0;
}

void BackendNumbers::add(const BackendNumbers& other) {
    for (const CallNumbers& call : other.calls_) {
        find(call.kind, call.operation).add(call);
    }
}

void FleetNumbers::add(const FleetNumbers& other) {
    ipmi.add(other.ipmi);
    udp.received += other.udp.received;
    udp.sent += other.udp.sent;
    udp.send_failures += other.udp.send_failures;
    udp.receive_errors += other.udp.receive_errors;
    udp.queue_full += other.udp.queue_full;
    backends.add(other.backends);
    add_up(power_done, other.power_done);
    add_up(power_failed, other.power_failed);
    log_ins_not_told += other.log_ins_not_told;
    faults += other.faults;
    add_up(states, other.states);
    add_up(power, other.power);
    add_up(sessions, other.sessions);
    consoles += other.consoles;
    parked += other.parked;
    unreachable += other.unreachable;
    shards += other.shards;
}

} // namespace vbmc::fleet
