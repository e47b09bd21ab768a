#include "endpoint/virtual_bmc.h"

#include "endpoint/commands.h"
#include "endpoint/session_commands.h"
#include "ipmi/app_device.h"
#include "ipmi/table.h"
#include "wire/lan_message.h"
#include "wire/rmcp.h"

#include <algorithm>

namespace vbmc::endpoint {

using ipmi::CompletionCode;

namespace {

constexpr CompletionCode target_absent = ipmi::command_specific(0x83); // §6.13.3: NAK on write

/// Reads whose freshest answer is the right one, also for a repeated request.
constexpr bool is_plain_read(u8 netfn, u8 command) noexcept {
    switch (netfn) {
    case ipmi::netfn::chassis:
        return command == 0x01; // Get Chassis Status
    case ipmi::netfn::sensor:
        return command == 0x2d; // Get Sensor Reading
    case ipmi::netfn::app:
        return command == 0x01; // Get Device ID
    default:
        return false;
    }
}

constexpr rmcp::Repeat repeat_of(u8 netfn, u8 command) noexcept {
    return is_plain_read(netfn, command) ? rmcp::Repeat::rerun : rmcp::Repeat::cached;
}

bmc::Privilege to_bmc(rmcp::Privilege level) noexcept {
    return static_cast<bmc::Privilege>(level);
}

} // namespace

VirtualBmc::VirtualBmc(
    const bmc::Config& config, const Access& access, rmcp::Shared& shared, Now now
)
    : model_(config, now), engine_(shared, *this) {
    set_access(access);
}

std::size_t VirtualBmc::receive(Now now, const Peer& peer, MutableBytes in, MutableBytes out) {
    ++datagrams_;
    ++engine_.counters().datagrams;
    bmc::LanStatistics& statistics = model_.lan.statistics;
    bmc::LanStatistics::count(statistics.ip_received);
    bmc::LanStatistics::count(statistics.udp_received);
    const auto acknowledgement = wire::rmcp_acknowledgement(in);
    const rmcp::Incoming incoming = engine_.open(now, peer, in, out);
    if (std::holds_alternative<rmcp::Dropped>(incoming)) {
        ++dropped_;
        return 0;
    }
    if (acknowledgement) { // ASF 2.0 §3.2.3.1; no client in use asks for it
        send(peer, *acknowledgement);
    }
    std::size_t size = 0;
    if (const auto* request = std::get_if<rmcp::Request>(&incoming)) {
        size = answer(now, *request, out);
    } else if (const auto* sol = std::get_if<rmcp::Sol>(&incoming)) {
        size = on_sol(now, *sol, out);
    } else {
        size = std::get<rmcp::Answered>(incoming).size;
    }
    if (size > 0) {
        ++engine_.counters().answers;
        bmc::LanStatistics::count(statistics.ip_sent);
    }
    return size;
}

std::size_t VirtualBmc::answer(Now now, const rmcp::Request& request, MutableBytes out) {
    bmc::LanStatistics::count(model_.lan.statistics.rmcp_received);
    model_.channel.active_sessions = static_cast<u8>(engine_.session_count());
    ipmi::Context context;
    context.now = now;
    context.privilege = to_bmc(request.privilege);
    context.user_id = request.user_id;
    context.session = request.session_id;
    context.channel = bmc::lan_channel;
    context.known = known_commands();

    ByteArray<reply_bytes_max> body; // not cleared: only what is written is sent
    ByteWriter reply(body);
    reply.write_u8(0);
    ipmi::Ran ran;
    if (request.rs_address != wire::bmc_address) {
        ran.code = target_absent;
    } else if (request.lun != 0) {
        ran.code = CompletionCode::invalid_for_lun;
    } else {
        ran = dispatch(context, {request.net_fn, request.command}, request.data, reply);
    }
    const bool raw = ran.code == CompletionCode::invalid_command;
    if (raw) {
        ran = pass_on(context, request);
    }
    if (ran.deferred != 0) {
        return park(now, request, context, ran.deferred, raw, out);
    }
    body[0] = static_cast<u8>(ran.code);
    const Bytes sent =
        ran.code == CompletionCode::ok ? Bytes(reply.written()) : Bytes(body).first(1);
    const auto repeat = repeat_of(request.net_fn, request.command);
    const std::size_t n = engine_.reply(now, request.ret, sent, out, repeat);
    after_command(now, request, ran.code);
    return n;
}

ipmi::Ran VirtualBmc::dispatch(
    const ipmi::Context& context, ipmi::CommandId id, Bytes data, ByteWriter& reply
) {
    if (id.netfn == ipmi::netfn::group) {
        if (data.empty()) {
            return {CompletionCode::invalid_length};
        }
        id.group = data[0]; // the defining body's code leads requests and replies (§5.1)
        data = data.subspan(1);
        reply.write_u8(id.group);
    }
    if (const auto* entry = ipmi::find(ipmi::table(), id)) {
        return context.privilege < entry->privilege
                   ? ipmi::Ran{CompletionCode::insufficient_privilege}
                   : entry->run(model_, context, data, reply);
    }
    if (const auto* entry = ipmi::find(session_table(), id)) {
        return context.privilege < entry->privilege
                   ? ipmi::Ran{CompletionCode::insufficient_privilege}
                   : entry->run(*this, context, data, reply);
    }
    return {CompletionCode::invalid_command};
}

std::size_t VirtualBmc::park(
    Now now,
    const rmcp::Request& request,
    const ipmi::Context& context,
    bmc::Ticket ticket,
    bool raw,
    MutableBytes out
) {
    const Mono until = now.mono + model_.config.confirm_window;
    Parked parked{request.ret, ticket, until, context, {}, raw};
    if (parked_.size() >= parked_max || !(raw || parked.data.assign(request.data))) {
        const auto busy = static_cast<u8>(CompletionCode::node_busy);
        return engine_.reply(now, request.ret, Bytes(&busy, 1), out);
    }
    parked_.push_back(parked);
    if (raw) {
        record_raw(request);
    } else {
        record_action(request);
    }
    return 0;
}

void VirtualBmc::finish_parked(Now now, std::size_t index, const ipmi::Completion& completion) {
    Parked parked = parked_[index];
    const Mono begun = parked.deadline - model_.config.confirm_window;
    engine_.counters().count_wait(now.mono - begun);
    parked_.erase(parked_.begin() + static_cast<std::ptrdiff_t>(index));
    if (parked.raw) { // it may yet be carried out: nobody can tell
        const auto code = static_cast<u8>(CompletionCode::timeout);
        send_late(now, parked, Bytes(&code, 1));
        return;
    }
    parked.context.now = now;
    parked.context.completion = &completion;

    ByteArray<reply_bytes_max> body;
    ByteWriter reply(body);
    reply.write_u8(0);
    ipmi::Ran ran =
        dispatch(parked.context, {parked.to.net_fn, parked.to.command}, parked.data.bytes(), reply);
    if (ran.deferred != 0) {
        ran.code = CompletionCode::node_busy; // a second wait would outlast the client's patience
    }
    body[0] = static_cast<u8>(ran.code);
    const Bytes sent =
        ran.code == CompletionCode::ok ? Bytes(reply.written()) : Bytes(body).first(1);
    send_late(now, parked, sent);
}

/// The answer of a request that was parked.
void VirtualBmc::send_late(Now now, const Parked& parked, Bytes completion_code_and_data) {
    const auto peer = engine_.peer_of(parked.to.session_id);
    ByteArray<512> out;
    const auto repeat = repeat_of(parked.to.net_fn, parked.to.command);
    const std::size_t n = engine_.reply(now, parked.to, completion_code_and_data, out, repeat);
    if (n > 0 && peer) {
        send(*peer, Bytes(out).first(n));
    }
}

/// A datagram that is no call's answer.
void VirtualBmc::send(const Peer& to, Bytes datagram) {
    bmc::LanStatistics::count(model_.lan.statistics.ip_sent);
    outputs_.emplace_back(Transmit{to, {datagram.begin(), datagram.end()}});
}

void VirtualBmc::finish_ticket(Now now, const bmc::Done& done) {
    const ipmi::Completion completion{done.outcome, false};
    for (std::size_t i = 0; i < parked_.size();) {
        if (parked_[i].ticket == done.ticket) {
            finish_parked(now, i, completion);
        } else {
            ++i;
        }
    }
}

void VirtualBmc::observe(Now now, const bmc::Observation& observation) {
    model_.observe(now, observation);
    if (const auto* done = std::get_if<bmc::Done>(&observation)) {
        finish_ticket(now, *done);
    } else if (std::holds_alternative<bmc::SensorsSeen>(observation)) {
        finish_ticket(now, {model_.sensors.take_refresh(), bmc::Outcome::ok});
    } else if (const auto* raw = std::get_if<bmc::RawDone>(&observation)) {
        finish_raw(now, *raw);
    }
    observe_console(now, observation);
}

std::optional<Output> VirtualBmc::poll() {
    if (outputs_taken_ == outputs_.size()) {
        if (outputs_taken_ > 0) {
            outputs_ = std::vector<Output>(); // an idle node keeps no room
            outputs_taken_ = 0;
        }
        if (!model_.outbox.empty()) {
            for (bmc::Intent& intent : model_.outbox) {
                outputs_.emplace_back(std::move(intent));
            }
            model_.outbox = std::vector<bmc::Intent>();
        }
        if (!model_.dirty.empty()) {
            outputs_.emplace_back(Persist{model_.dirty});
            model_.dirty.clear();
        }
    }
    if (outputs_.empty()) {
        return std::nullopt;
    }
    return std::move(outputs_[outputs_taken_++]);
}

Mono VirtualBmc::next_deadline() const noexcept {
    Mono earliest = std::min(engine_.next_deadline(), model_.next_deadline());
    if (sol_) {
        earliest = std::min(earliest, sol_->next_deadline());
    }
    for (const Parked& parked : parked_) {
        earliest = std::min(earliest, parked.deadline);
    }
    return earliest;
}

void VirtualBmc::on_deadline(Now now) {
    engine_.on_deadline(now);
    model_.on_deadline(now);
    const ipmi::Completion timed_out{bmc::Outcome::ok, true};
    for (std::size_t i = 0; i < parked_.size();) {
        if (parked_[i].deadline <= now.mono) {
            finish_parked(now, i, timed_out);
        } else {
            ++i;
        }
    }
    pump_sol(now);
}

bool VirtualBmc::load(bmc::Section section, Bytes saved, Now now) {
    const bool loaded = model_.load(section, saved, now);
    obey_settings();
    return loaded;
}

void VirtualBmc::close_all(u32 kept) {
    deactivate_sol();
    for (const Parked& parked : parked_) {
        engine_.forget(parked.to); // who asks again is not told to wait for an answer that is gone
    }
    parked_.clear();
    engine_.close_all(kept);
}

/// What has to happen after the reply was sealed: a closed session seals nothing any more.
void VirtualBmc::after_command(Now now, const rmcp::Request& request, CompletionCode code) {
    if (code != CompletionCode::ok) {
        return;
    }
    record_action(request);
    switch (request.net_fn) {
    case ipmi::netfn::app:
        if (request.command == CloseSession::id.command) {
            close_asked(request);
        } else if (changes_users(request.command)) {
            end_other_sessions(request);
            users_changed();
        }
        break;
    case ipmi::netfn::transport:
        obey_settings();
        break;
    default:
        break;
    }
    if (model_.reset_requested) {
        model_.reset_requested = false;
        // After a warm reset ipmitool closes its session, and waits for the answer.
        const bool warm = request.command == ipmi::WarmReset::id.command;
        close_all(warm ? request.session_id : 0);
        model_.restart_controller(now);
        obey_settings();
    }
}

void VirtualBmc::close_asked(const rmcp::Request& request) {
    ByteReader in(request.data);
    const u32 id = in.read_u32();
    const auto own = engine_.session(request.session_id);
    if (id == request.session_id || (id == 0 && own && in.read_u8() == own->handle)) {
        engine_.close(request.session_id, rmcp::SessionEvent::Reason::by_console);
    }
}

} // namespace vbmc::endpoint
