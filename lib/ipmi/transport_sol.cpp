#include "ipmi/transport_sol.h"

#include "ipmi/parameter.h"

namespace vbmc::ipmi {

using bmc::Bmc;
using bmc::SolConfig;

namespace {

/// IPMI 2.0 §26.3, table 26-5.
enum class SolParameter : u8 {
    set_in_progress = 0,
    enable = 1,
    authentication = 2,
    accumulate_and_threshold = 3,
    retry = 4,
    bit_rate_stored = 5,
    bit_rate_active = 6,
    payload_channel = 7,
    payload_port = 8,
};

/// Parameter 2.
struct Authentication {
    bmc::Privilege privilege{};
    bool force_authentication = false;
    bool force_encryption = false;

    static void fields(auto& c, auto& r) {
        c.bits(
            bit<4>(r.privilege), gap<2>, bit<1>(r.force_authentication), bit<1>(r.force_encryption)
        );
    }
};

constexpr bool is_bit_rate(u8 rate) noexcept {
    return rate == 0 || (rate >= 6 && rate <= 10); // as the serial port, 9600 .. 115200
}

CompletionCode set_authentication(SolConfig& sol, Bytes data) {
    const auto wanted = decode<Authentication>(data);
    if (!wanted) {
        return CompletionCode::invalid_length;
    }
    if (wanted->privilege < bmc::Privilege::user || wanted->privilege > bmc::Privilege::oem) {
        return CompletionCode::invalid_data_field;
    }
    sol.privilege = wanted->privilege;
    sol.force_authentication = wanted->force_authentication;
    sol.force_encryption = wanted->force_encryption;
    return CompletionCode::ok;
}

CompletionCode set_accumulate(SolConfig& sol, Bytes data) {
    if (data.size() != 2) {
        return CompletionCode::invalid_length;
    }
    if (data[0] == 0 || data[1] == 0) {
        return CompletionCode::invalid_data_field; // reserved
    }
    sol.accumulate_5ms = data[0];
    sol.send_threshold = data[1];
    return CompletionCode::ok;
}

CompletionCode set_retry(SolConfig& sol, Bytes data) {
    if (data.size() != 2) {
        return CompletionCode::invalid_length;
    }
    sol.retry_count = data[0] & 0x07;
    sol.retry_interval_10ms = data[1];
    return CompletionCode::ok;
}

CompletionCode set_bit_rate(u8& rate, Bytes data) {
    if (data.size() != 1) {
        return CompletionCode::invalid_length;
    }
    if (!is_bit_rate(data[0] & 0x0f)) {
        return CompletionCode::invalid_data_field;
    }
    rate = data[0] & 0x0f;
    return CompletionCode::ok;
}

CompletionCode set_parameter(SolConfig& sol, SolParameter which, Bytes data) {
    switch (which) {
    case SolParameter::set_in_progress:
        return set_in_progress(sol.set_in_progress, data);
    case SolParameter::enable:
        if (data.size() != 1) {
            return CompletionCode::invalid_length;
        }
        sol.enabled = (data[0] & 0x01) != 0;
        return CompletionCode::ok;
    case SolParameter::authentication:
        return set_authentication(sol, data);
    case SolParameter::accumulate_and_threshold:
        return set_accumulate(sol, data);
    case SolParameter::retry:
        return set_retry(sol, data);
    case SolParameter::bit_rate_stored:
        return set_bit_rate(sol.bit_rate_stored, data);
    case SolParameter::bit_rate_active:
        return set_bit_rate(sol.bit_rate_active, data);
    case SolParameter::payload_channel:
    case SolParameter::payload_port:
        return parameter::read_only;
    }
    return parameter::unsupported;
}

CompletionCode get_parameter(const Bmc& bmc, SolParameter which, ByteWriter& out) {
    const SolConfig& sol = bmc.sol;
    switch (which) {
    case SolParameter::set_in_progress:
        out.write_u8(sol.set_in_progress ? 1 : 0);
        return CompletionCode::ok;
    case SolParameter::enable:
        out.write_u8(sol.enabled ? 1 : 0);
        return CompletionCode::ok;
    case SolParameter::authentication:
        encode(out, Authentication{sol.privilege, sol.force_authentication, sol.force_encryption});
        return CompletionCode::ok;
    case SolParameter::accumulate_and_threshold:
        out.write_u8(sol.accumulate_5ms);
        out.write_u8(sol.send_threshold);
        return CompletionCode::ok;
    case SolParameter::retry:
        out.write_u8(sol.retry_count);
        out.write_u8(sol.retry_interval_10ms);
        return CompletionCode::ok;
    case SolParameter::bit_rate_stored:
        out.write_u8(sol.bit_rate_stored);
        return CompletionCode::ok;
    case SolParameter::bit_rate_active:
        out.write_u8(sol.bit_rate_active);
        return CompletionCode::ok;
    case SolParameter::payload_channel:
        out.write_u8(bmc::lan_channel);
        return CompletionCode::ok;
    case SolParameter::payload_port:
        out.write_u16(bmc.config.address.port);
        return CompletionCode::ok;
    }
    return parameter::unsupported;
}

bool is_lan_channel(u8 channel, const Context& context) noexcept {
    return bmc::resolve_channel(channel, context.channel) == bmc::lan_channel;
}

} // namespace

Reply<Nothing> handle(Bmc& bmc, const Context& context, const SetSolParameters::Request& request) {
    if (!is_lan_channel(request.channel, context)) {
        return CompletionCode::invalid_data_field;
    }
    const auto which = static_cast<SolParameter>(request.parameter);
    const auto code = set_parameter(bmc.sol, which, request.data);
    if (code != CompletionCode::ok) {
        return code;
    }
    if (which != SolParameter::set_in_progress && which != SolParameter::bit_rate_active) {
        bmc.dirty.add(bmc::Section::channel);
    }
    return Nothing{};
}

Reply<GetSolParameters::Response>
handle(Bmc& bmc, const Context& context, const GetSolParameters::Request& request) {
    if (!is_lan_channel(request.channel, context)) {
        return CompletionCode::invalid_data_field;
    }
    GetSolParameters::Response response;
    ByteWriter out(response.data.room());
    const auto code = get_parameter(bmc, static_cast<SolParameter>(request.parameter), out);
    if (code != CompletionCode::ok) {
        return code;
    }
    response.data.resize(request.revision_only ? 0 : out.size());
    return response;
}

} // namespace vbmc::ipmi
