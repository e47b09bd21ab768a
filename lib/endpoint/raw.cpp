// Commands that the emulated controller does not know, for nodes whose backend is a controller
// itself: passed on as an intent, answered when it comes back. Off the path of ordinary commands.

#include "endpoint/virtual_bmc.h"

namespace vbmc::endpoint {

using ipmi::CompletionCode;

namespace {

constexpr u8 first_oem_netfn = 0x30;
constexpr u8 picmg = 0x00; // body codes of the group extension
constexpr u8 vita = 0x03;

/// What concerns sessions, users, channels and payloads is this controller's own, known or not.
constexpr bool is_ours(u8 netfn, u8 command) noexcept {
    constexpr u8 first_session_command = 0x38; // Get Channel Authentication Capabilities
    constexpr u8 last_payload_command = 0x51;
    constexpr u8 get_cipher_suites = 0x54;
    constexpr u8 set_security_keys = 0x56;
    return netfn == ipmi::netfn::app &&
           ((command >= first_session_command && command <= last_payload_command) ||
            (command >= get_cipher_suites && command <= set_security_keys));
}

} // namespace

/// The ticket of what was passed on; 0 with the code that the client gets instead.
ipmi::Ran VirtualBmc::pass_on(const ipmi::Context& context, const rmcp::Request& request) {
    const bmc::Capabilities& can = model_.config.capabilities;
    const ipmi::Ran unknown{CompletionCode::invalid_command};
    if (!can.raw || context.session == 0 || is_ours(request.net_fn, request.command)) {
        return unknown;
    }
    if (request.net_fn == ipmi::netfn::group &&
        (request.data.empty() || request.data[0] == picmg || request.data[0] == vita)) {
        return unknown; // ipmitool asks for these at each log-in: they get their answer at once
    }
    const bool grouped = request.net_fn == ipmi::netfn::group;
    const u8 group = grouped ? request.data[0] : u8{0};
    const bool oem = request.net_fn >= first_oem_netfn;
    if (!oem && ipmi::is_known(context.known, {request.net_fn, request.command, group})) {
        return unknown; // known here, and refused on purpose
    }
    if (context.privilege < can.raw_privilege) {
        return {CompletionCode::insufficient_privilege};
    }
    bmc::RawCommand raw;
    raw.ticket = model_.new_ticket();
    raw.netfn = request.net_fn;
    raw.command = request.command;
    raw.data.assign(request.data.begin(), request.data.end());
    const bmc::Ticket ticket = raw.ticket;
    model_.outbox.emplace_back(std::move(raw));
    return {CompletionCode::ok, ticket};
}

void VirtualBmc::finish_raw(Now now, const bmc::RawDone& done) {
    for (std::size_t i = 0; i < parked_.size(); ++i) {
        if (parked_[i].raw && parked_[i].ticket == done.ticket) {
            const Parked parked = parked_[i];
            parked_.erase(parked_.begin() + static_cast<std::ptrdiff_t>(i));
            ByteArray<reply_bytes_max> body;
            ByteWriter reply(body);
            reply.write_u8(done.completion);
            reply.write(done.data);
            if (!reply.ok()) {
                body[0] = static_cast<u8>(CompletionCode::cannot_return_bytes);
            }
            send_late(now, parked, reply.ok() ? Bytes(reply.written()) : Bytes(body).first(1));
            return;
        }
    }
}

} // namespace vbmc::endpoint
