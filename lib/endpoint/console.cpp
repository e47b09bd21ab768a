// A VirtualBmc's serial console: between the SOL payload of one session and the machine's own
// stream.

#include "endpoint/virtual_bmc.h"

#include <algorithm>

namespace vbmc::endpoint {

using namespace std::chrono_literals;

void VirtualBmc::activate_sol(u32 session) {
    const bmc::SolConfig& config = model_.sol;
    const SolTiming timing{
        config.accumulate_5ms * Duration(5ms),
        config.send_threshold,
        config.retry_count,
        // 0 asks for repetitions without a pause: they would be used up before an answer can come.
        std::max<Duration>(config.retry_interval_10ms * Duration(10ms), 10ms),
    };
    sol_ = std::make_unique<Sol>(session, timing);
    model_.outbox.emplace_back(bmc::ConsoleOpen{});
}

void VirtualBmc::deactivate_sol() {
    if (!sol_) {
        return;
    }
    ByteArray<Sol::header_bytes> farewell{};
    sol_->farewell(farewell);
    send_sol(farewell);
    end_sol();
}

void VirtualBmc::end_sol() {
    sol_.reset();
    model_.outbox.emplace_back(bmc::ConsoleClose{});
}

void VirtualBmc::send_sol(Bytes payload) {
    ByteArray<512> out;
    const auto peer = engine_.peer_of(sol_->session());
    const std::size_t n = engine_.send_sol(sol_->session(), payload, out);
    if (n > 0 && peer) {
        send(*peer, Bytes(out).first(n));
    }
}

std::size_t VirtualBmc::on_sol(Now now, const rmcp::Sol& sol, MutableBytes out) {
    if (!sol_ || sol_->session() != sol.session_id) {
        ++dropped_; // a payload that is not activated (any more)
        return 0;
    }
    const SolInput input = sol_->receive(sol.payload);
    if (input.send_break) {
        model_.outbox.emplace_back(bmc::ConsoleBreak{});
    }
    if (!input.characters.empty()) {
        model_.outbox.emplace_back(bmc::ConsoleInput{
            {input.characters.begin(), input.characters.end()}});
    }
    ByteArray<Sol::packet_bytes_max> payload;
    const std::size_t size = sol_->transmit(now, payload);
    return size == 0 ? 0 : engine_.send_sol(sol.session_id, Bytes(payload).first(size), out);
}

void VirtualBmc::pump_sol(Now now) {
    ByteArray<Sol::packet_bytes_max> payload;
    while (sol_) {
        const std::size_t size = sol_->transmit(now, payload);
        if (size == 0) {
            return;
        }
        send_sol(Bytes(payload).first(size));
    }
}

void VirtualBmc::observe_console(Now now, const bmc::Observation& observation) {
    if (!sol_) {
        return;
    }
    if (const auto* output = std::get_if<bmc::ConsoleBytes>(&observation)) {
        sol_->console_output(now, output->bytes);
    } else if (std::holds_alternative<bmc::ConsoleOpened>(observation)) {
        sol_->set_console_available(true);
    } else if (std::holds_alternative<bmc::ConsoleClosed>(observation)) {
        sol_->set_console_available(false);
    } else {
        return;
    }
    pump_sol(now);
}

} // namespace vbmc::endpoint
