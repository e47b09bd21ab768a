#include "ipmi/app_support.h"

namespace vbmc::ipmi {

namespace {

constexpr u8 lun_follows_specification = 0x01; // of LUN 0; no commands on the others
constexpr u8 commands_low = 0;                 // operation: 00h-7Fh
constexpr u8 commands_high = 1;                // 80h-FFh
constexpr u8 first_high_command = 0x80;
constexpr u8 defining_body_function = 0x2c;
constexpr u8 oem_function = 0x2e;
constexpr std::size_t iana_size = 3;
constexpr u32 all_enabled = 0xffffffff;

/// Requests and responses of a function have neighbouring numbers; both mean the same here.
constexpr u8 even(u8 function) noexcept {
    return static_cast<u8>(function & ~1U);
}

bool is_lan(u8 wanted, const Context& context) noexcept {
    return bmc::resolve_channel(wanted, context.channel) == bmc::lan_channel;
}

/// The bytes that say whose commands of 2Ch or 2Eh are meant; ok when they are as they should be.
CompletionCode check_body(u8 function, Bytes body) noexcept {
    switch (even(function)) {
    case defining_body_function:
        return body.empty() ? CompletionCode::invalid_length : CompletionCode::ok;
    case oem_function:
        return body.size() == iana_size ? CompletionCode::ok : CompletionCode::invalid_length;
    default:
        return body.empty() ? CompletionCode::ok : CompletionCode::invalid_length;
    }
}

CompletionCode check_where(u8 channel, u8 function, Bytes body, const Context& context) noexcept {
    if (!is_lan(channel, context)) {
        return CompletionCode::invalid_data_field;
    }
    return check_body(function, body);
}

bool is_known(const Context& context, u8 function, u8 lun, Bytes body, u8 command) noexcept {
    if (lun != 0) {
        return false;
    }
    const u8 group = even(function) == defining_body_function && !body.empty() ? body[0] : u8{0};
    return std::any_of(context.known.begin(), context.known.end(), [&](const CommandFacts& fact) {
        return fact.id.netfn == even(function) && fact.id.group == group &&
               fact.id.command == command;
    });
}

/// A bit for each known command of the half that `operation` names.
template <class Request>
ByteArray<16> known_mask(const Context& context, const Request& request) noexcept {
    ByteArray<16> mask{};
    const u8 first = request.operation == commands_high ? first_high_command : u8{0};
    for (u8 i = 0; i < first_high_command; ++i) {
        const u8 command = static_cast<u8>(first + i);
        if (is_known(context, request.function, request.lun, request.body.bytes(), command)) {
            mask[i / 8U] = static_cast<u8>(mask[i / 8U] | 1U << (i % 8U));
        }
    }
    return mask;
}

template <class Request>
CompletionCode check_mask_request(const Context& context, const Request& request) noexcept {
    if (request.operation != commands_low && request.operation != commands_high) {
        return CompletionCode::invalid_data_field;
    }
    return check_where(request.channel, request.function, request.body.bytes(), context);
}

template <class Request>
CompletionCode check_one(const Context& context, const Request& request, Bytes body) noexcept {
    const auto code = check_where(request.channel, request.function, body, context);
    if (code != CompletionCode::ok) {
        return code;
    }
    return is_known(context, request.function, request.lun, body, request.command)
               ? CompletionCode::ok
               : CompletionCode::invalid_data_field;
}

} // namespace

Reply<GetNetFnSupport::Response>
handle(bmc::Bmc&, const Context& context, const GetNetFnSupport::Request& request) {
    if (!is_lan(request.channel, context)) {
        return CompletionCode::invalid_data_field;
    }
    GetNetFnSupport::Response response;
    response.luns = lun_follows_specification;
    for (const CommandFacts& fact : context.known) {
        const unsigned pair = fact.id.netfn / 2U;
        if (pair < 32) {
            response.mask[pair / 8] = static_cast<u8>(response.mask[pair / 8] | 1U << (pair % 8));
        }
    }
    return response;
}

Reply<GetCommandSupport::Response>
handle(bmc::Bmc&, const Context& context, const GetCommandSupport::Request& request) {
    if (const auto code = check_mask_request(context, request); code != CompletionCode::ok) {
        return code;
    }
    GetCommandSupport::Response response{known_mask(context, request)};
    for (u8& byte : response.mask) {
        byte = static_cast<u8>(~byte); // 0: there
    }
    return response;
}

Reply<GetCommandSubFunctionSupport::Response>
handle(bmc::Bmc&, const Context& context, const GetCommandSubFunctionSupport::Request& request) {
    if (const auto code = check_one(context, request, request.body.bytes());
        code != CompletionCode::ok) {
        return code;
    }
    return GetCommandSubFunctionSupport::Response{};
}

Reply<GetConfigurableCommands::Response>
handle(bmc::Bmc&, const Context& context, const GetConfigurableCommands::Request& request) {
    if (const auto code = check_mask_request(context, request); code != CompletionCode::ok) {
        return code;
    }
    return GetConfigurableCommands::Response{};
}

Reply<GetConfigurableSubFunctions::Response>
handle(bmc::Bmc&, const Context& context, const GetConfigurableSubFunctions::Request& request) {
    if (const auto code = check_one(context, request, request.body.bytes());
        code != CompletionCode::ok) {
        return code;
    }
    return GetConfigurableSubFunctions::Response{};
}

Reply<SetCommandEnables::Response>
handle(bmc::Bmc&, const Context& context, const SetCommandEnables::Request& request) {
    if (const auto code = check_mask_request(context, request); code != CompletionCode::ok) {
        return code;
    }
    if (request.mask != known_mask(context, request)) {
        return not_configurable;
    }
    return SetCommandEnables::Response{};
}

Reply<GetCommandEnables::Response>
handle(bmc::Bmc&, const Context& context, const GetCommandEnables::Request& request) {
    if (const auto code = check_mask_request(context, request); code != CompletionCode::ok) {
        return code;
    }
    return GetCommandEnables::Response{known_mask(context, request)};
}

Reply<SetSubFunctionEnables::Response>
handle(bmc::Bmc&, const Context& context, const SetSubFunctionEnables::Request& request) {
    std::size_t body_size = 0;
    if (even(request.function) == defining_body_function) {
        body_size = 1;
    } else if (even(request.function) == oem_function) {
        body_size = iana_size;
    }
    constexpr std::size_t mask_size = 4;
    const std::size_t size = request.rest.size();
    if (size != body_size + mask_size && size != body_size + 2 * mask_size) {
        return CompletionCode::invalid_length;
    }
    const auto code = check_one(context, request, request.rest.first(body_size));
    if (code != CompletionCode::ok) {
        return code;
    }
    const Bytes enables = request.rest.subspan(body_size);
    const bool all = std::all_of(enables.begin(), enables.end(), [](u8 b) { return b == 0xff; });
    return all ? Reply<SetSubFunctionEnables::Response>{} : not_configurable;
}

Reply<GetSubFunctionEnables::Response>
handle(bmc::Bmc&, const Context& context, const GetSubFunctionEnables::Request& request) {
    if (const auto code = check_one(context, request, request.body.bytes());
        code != CompletionCode::ok) {
        return code;
    }
    return GetSubFunctionEnables::Response{all_enabled};
}

Reply<GetOemNetFnIanaSupport::Response>
handle(bmc::Bmc&, const Context& context, const GetOemNetFnIanaSupport::Request& request) {
    return is_lan(request.channel, context) ? CompletionCode::parameter_out_of_range
                                            : CompletionCode::invalid_data_field;
}

} // namespace vbmc::ipmi
