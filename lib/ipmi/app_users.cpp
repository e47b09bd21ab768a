#include "ipmi/app_users.h"

namespace vbmc::ipmi {

namespace {

using bmc::Privilege;
using bmc::User;

constexpr std::size_t short_password = 16;
constexpr std::size_t long_password = 20;
constexpr u8 fixed_names = 1; // the null user's
constexpr u8 status_enabled = 1;
constexpr u8 status_disabled = 2;

bool is_lan(u8 wanted, const Context& context) noexcept {
    return bmc::resolve_channel(wanted, context.channel) == bmc::lan_channel;
}

/// ok for an id that can be read.
CompletionCode check_id(u8 id) noexcept {
    if (id == 0) {
        return CompletionCode::invalid_data_field;
    }
    return id <= bmc::user_slots ? CompletionCode::ok : CompletionCode::parameter_out_of_range;
}

/// ok for an id that can be written: the null user stays as it is.
CompletionCode check_writable(u8 id) noexcept {
    return id == bmc::null_user ? CompletionCode::invalid_data_field : check_id(id);
}

constexpr bool is_limit(u8 level) noexcept {
    return level == no_access || (level >= static_cast<u8>(Privilege::callback) &&
                                  level <= static_cast<u8>(Privilege::oem));
}

CompletionCode test_password(const User* user, const SetUserPassword::Request& request) {
    if (user == nullptr || user->password.is_zero()) {
        return password_differs;
    }
    if (user->password_is_20 != request.is_20) {
        return password_size_differs;
    }
    return user->password == bmc::Key20(request.password) ? CompletionCode::ok : password_differs;
}

Bytes name_of(const ByteArray<16>& field) noexcept {
    const auto end = std::find(field.begin(), field.end(), u8{0});
    return Bytes(field).first(static_cast<std::size_t>(end - field.begin()));
}

} // namespace

Reply<SetUserAccess::Response>
handle(bmc::Bmc& bmc, const Context& context, const SetUserAccess::Request& request) {
    if (!is_lan(request.channel, context) || !is_limit(request.limit)) {
        return CompletionCode::invalid_data_field;
    }
    if (const auto code = check_writable(request.user_id); code != CompletionCode::ok) {
        return code;
    }
    User* user = bmc.users.edit(request.user_id);
    if (request.change_flags) {
        user->messaging = request.messaging;
        user->link_auth = request.link_auth;
        user->callback_only = request.callback_only;
    }
    user->limit =
        request.limit == no_access ? Privilege::none : static_cast<Privilege>(request.limit);
    if (request.session_limit) {
        user->session_limit = static_cast<u8>(*request.session_limit & 0x0f);
    }
    bmc.dirty.add(bmc::Section::users);
    return SetUserAccess::Response{};
}

Reply<GetUserAccess::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetUserAccess::Request& request) {
    if (!is_lan(request.channel, context)) {
        return CompletionCode::invalid_data_field;
    }
    if (const auto code = check_id(request.user_id); code != CompletionCode::ok) {
        return code;
    }
    GetUserAccess::Response response;
    response.ids_max = bmc::user_slots;
    response.enabled_count = bmc.users.count_enabled();
    response.fixed_names = fixed_names;
    response.status = status_disabled;
    response.limit = no_access;
    if (const User* user = bmc.users.find(request.user_id)) {
        response.status = user->enabled ? status_enabled : status_disabled;
        response.limit = user->limit == Privilege::none ? no_access : static_cast<u8>(user->limit);
        response.messaging = user->messaging;
        response.link_auth = user->link_auth;
        response.callback_only = user->callback_only;
    }
    return response;
}

Reply<SetUserName::Response>
handle(bmc::Bmc& bmc, const Context&, const SetUserName::Request& request) {
    if (const auto code = check_writable(request.user_id); code != CompletionCode::ok) {
        return code;
    }
    const Bytes name = name_of(request.name);
    if (name.empty()) {
        bmc.users.remove(request.user_id);
    } else if (bmc.users.name_taken(name, request.user_id)) {
        return CompletionCode::invalid_data_field; // a log-in by name has to mean one user
    } else {
        bmc.users.edit(request.user_id)->name.assign(name);
    }
    bmc.dirty.add(bmc::Section::users);
    return SetUserName::Response{};
}

Reply<GetUserName::Response>
handle(bmc::Bmc& bmc, const Context&, const GetUserName::Request& request) {
    if (const auto code = check_id(request.user_id); code != CompletionCode::ok) {
        return code;
    }
    GetUserName::Response response;
    if (const User* user = bmc.users.find(request.user_id)) {
        const Bytes name = user->name.bytes();
        std::copy(name.begin(), name.end(), response.name.begin());
    }
    return response;
}

Reply<SetUserPassword::Response>
handle(bmc::Bmc& bmc, const Context&, const SetUserPassword::Request& request) {
    if (const auto code = check_writable(request.user_id); code != CompletionCode::ok) {
        return code;
    }
    const auto operation = static_cast<PasswordOperation>(request.operation);
    const std::size_t size = request.is_20 ? long_password : short_password;
    const bool needs_password =
        operation == PasswordOperation::set || operation == PasswordOperation::test;
    if (request.password.size() != size && (needs_password || !request.password.empty())) {
        return CompletionCode::invalid_length;
    }
    if (operation == PasswordOperation::test) {
        const auto code = test_password(bmc.users.find(request.user_id), request);
        return code == CompletionCode::ok ? Reply<SetUserPassword::Response>{} : code;
    }
    User* user = bmc.users.edit(request.user_id);
    if (operation == PasswordOperation::set) {
        user->password = bmc::Key20(request.password);
        user->password_is_20 = request.is_20;
    } else {
        user->enabled = operation == PasswordOperation::enable;
    }
    bmc.dirty.add(bmc::Section::users);
    return SetUserPassword::Response{};
}

Reply<SetUserPayloadAccess::Response>
handle(bmc::Bmc& bmc, const Context& context, const SetUserPayloadAccess::Request& request) {
    enum Operation : u8 { enable = 0, disable = 1 };

    if (!is_lan(request.channel, context) || request.operation > disable) {
        return CompletionCode::invalid_data_field;
    }
    if (const auto code = check_writable(request.user_id); code != CompletionCode::ok) {
        return code;
    }
    User* user = bmc.users.edit(request.user_id);
    const auto apply = [&](u16& payloads, u16 bits) {
        payloads =
            static_cast<u16>(request.operation == enable ? payloads | bits : payloads & ~bits);
    };
    apply(user->standard_payloads, request.standard);
    apply(user->oem_payloads, request.oem);
    bmc.dirty.add(bmc::Section::users);
    return SetUserPayloadAccess::Response{};
}

Reply<GetUserPayloadAccess::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetUserPayloadAccess::Request& request) {
    if (!is_lan(request.channel, context)) {
        return CompletionCode::invalid_data_field;
    }
    if (const auto code = check_id(request.user_id); code != CompletionCode::ok) {
        return code;
    }
    const User* user = bmc.users.find(request.user_id);
    if (user == nullptr) {
        return GetUserPayloadAccess::Response{};
    }
    return GetUserPayloadAccess::Response{
        .standard = user->standard_payloads, .oem = user->oem_payloads};
}

} // namespace vbmc::ipmi
