// How a VirtualBmc answers the session engine (rmcp::Directory), and what it writes to the audit
// trail.

#include "bmc/boot_text.h"
#include "crypto/suite.h"
#include "endpoint/virtual_bmc.h"

#include <algorithm>

namespace vbmc::endpoint {

namespace {

constexpr u8 set_user_name = 0x45;
constexpr u8 set_user_password = 0x47;
constexpr std::string_view boot_word = "boot "; // the kind says that already

rmcp::Privilege to_rmcp(bmc::Privilege level) noexcept {
    return static_cast<rmcp::Privilege>(level);
}

std::string text_of(Bytes bytes) {
    return {bytes.begin(), bytes.end()};
}

/// What a command of the application netFn changes of users or access (Appendix G).
std::string users_detail(u8 command, Bytes data) {
    constexpr u8 user_mask = 0x3f;
    const auto of_user = [&](std::string_view what, std::size_t at) {
        const unsigned id = data.size() > at ? data[at] & user_mask : 0U;
        return std::string(what) + " of user " + std::to_string(id);
    };
    switch (command) {
    case 0x40:
        return "channel access";
    case 0x43:
        return of_user("access", 1);
    case 0x45:
        return of_user("name", 0);
    case 0x47: {
        static constexpr std::array<std::string_view, 4> operations = {
            "disabling", "enabling", "password", "password test"};
        return of_user(operations[data.size() > 1 ? data[1] & 3U : 3U], 0);
    }
    case 0x56:
        return "keys";
    default:
        return "";
    }
}

std::string_view power_word(u8 action) noexcept {
    static constexpr std::array<std::string_view, 6> words = {
        "off", "on", "cycle", "reset", "diag", "soft"};
    return action < words.size() ? words[action] : "unknown";
}

} // namespace

void VirtualBmc::set_access(const Access& access) {
    access_ = access;
    InlineBytes<bmc::CipherPolicy::capacity> ids;
    for (const u8 id : access_.cipher_suites.bytes()) {
        if (crypto::find_suite(id) != nullptr) { // suite 0 and RC4 are in no table
            ids.push_back(id);
        }
    }
    model_.lan.cipher_suites.set(ids.bytes());
    obey_settings();
}

void VirtualBmc::obey_settings() {
    const bmc::ChannelAccess& channel = model_.channel.active;
    const bool open = channel.mode != bmc::AccessMode::disabled;
    policy_.privilege_max = to_rmcp(std::min(access_.privilege_max, channel.limit));
    policy_.ipmi15_md5 = access_.ipmi15 && open;
    policy_.ipmi15_password = access_.ipmi15 && open;
    policy_.ipmi15_enables = model_.lan.settings().authentication;
    constexpr u8 md5_and_password = 0x14; // IPMI 2.0 §23.1 parameter 1
    model_.lan.authentication_types = policy_.ipmi15() ? md5_and_password : u8{0};
    policy_.hide_users = access_.hide_users;
    policy_.sessions_max = access_.sessions_max;
    policy_.suite_count = 0;
    for (const u8 id : model_.lan.cipher_suites.ids()) {
        const bmc::Privilege most = model_.lan.cipher_suites.max_privilege(id);
        if (open && most != bmc::Privilege::none && policy_.suite_count < policy_.suites.size()) {
            policy_.suites[policy_.suite_count++] = {id, to_rmcp(most)};
        }
    }
    const Bytes kg = model_.users.kg().reveal();
    std::copy(kg.begin(), kg.end(), bmc_key_.begin());
}

std::optional<rmcp::Credentials>
VirtualBmc::find_user(Bytes name, std::optional<rmcp::Privilege> exact) const noexcept {
    const bmc::User* user =
        exact ? model_.users.find_by_name_and_privilege(name, static_cast<bmc::Privilege>(*exact))
              : model_.users.find_by_name(name);
    if (user == nullptr) {
        return std::nullopt;
    }
    rmcp::Credentials credentials;
    credentials.user_id = user->id;
    credentials.privilege_max = to_rmcp(user->lan_limit());
    credentials.sessions_max = user->session_limit;
    credentials.key_is_20 = user->password_is_20;
    const Bytes password = user->password.reveal();
    std::copy(password.begin(), password.end(), credentials.key.begin());
    return credentials;
}

bool VirtualBmc::allowed(const IpAddress& address) const noexcept {
    if (!access_.allow || access_.allow->empty()) {
        return true;
    }
    return std::any_of(access_.allow->begin(), access_.allow->end(), [&](const IpNetwork& network) {
        return network.contains(address);
    });
}

void VirtualBmc::users_changed() {
    obey_settings();
    std::vector<u8> gone;
    engine_.for_each_session([&](const rmcp::SessionInfo& session) {
        const bmc::User* user = model_.users.find(session.user_id);
        const bool may_stay =
            user != nullptr && user->can_log_in() &&
            to_rmcp(user->lan_limit()) >= session.privilege_max; // it may rise to that
        if (!may_stay) {
            gone.push_back(session.user_id);
        }
    });
    for (const u8 user_id : gone) {
        engine_.close_user(user_id);
    }
}

/// Whoever knew the old name or password is out; who changes it goes on.
void VirtualBmc::end_other_sessions(const rmcp::Request& request) {
    const bool renamed = request.command == set_user_name || request.command == set_user_password;
    if (!renamed || request.data.empty()) {
        return;
    }
    const u8 user_id = request.data[0] & 0x3f;
    std::vector<u32> gone;
    engine_.for_each_session([&](const rmcp::SessionInfo& session) {
        if (session.user_id == user_id && session.id != request.session_id) {
            gone.push_back(session.id);
        }
    });
    for (const u32 id : gone) {
        engine_.close(id, rmcp::SessionEvent::Reason::user_changed);
    }
}

bool VirtualBmc::changes_users(u8 app_command) noexcept {
    constexpr u8 set_channel_access = 0x40;
    constexpr u8 set_user_access = 0x43;
    constexpr u8 set_channel_security_keys = 0x56;
    return app_command == set_channel_access || app_command == set_user_access ||
           app_command == set_user_name || app_command == set_user_password ||
           app_command == set_channel_security_keys;
}

void VirtualBmc::record_action(const rmcp::Request& request) {
    const u8 first = request.data.empty() ? u8{0} : request.data[0];
    switch (ipmi::CommandId{request.net_fn, request.command}.key()) {
    case ipmi::CommandId{ipmi::netfn::chassis, 0x02}.key():
        record(Audit::Kind::power, request, std::string(power_word(first & 0x0f)));
        break;
    case ipmi::CommandId{ipmi::netfn::chassis, 0x08}.key():
        if ((first & 0x7f) == static_cast<u8>(bmc::BootParameter::flags)) {
            record(
                Audit::Kind::boot,
                request,
                bmc::boot_text(model_.boot.request()).substr(boot_word.size())
            );
        }
        break;
    case ipmi::CommandId{ipmi::netfn::storage, 0x47}.key():
        record(Audit::Kind::sel_cleared, request, "");
        break;
    case ipmi::CommandId{ipmi::netfn::app, 0x02}.key():
        record(Audit::Kind::controller_reset, request, "cold");
        break;
    case ipmi::CommandId{ipmi::netfn::app, 0x03}.key():
        record(Audit::Kind::controller_reset, request, "warm");
        break;
    default:
        if (request.net_fn == ipmi::netfn::app && changes_users(request.command)) {
            record(
                Audit::Kind::users_changed, request, users_detail(request.command, request.data)
            );
        }
        break;
    }
}

void VirtualBmc::record_raw(const rmcp::Request& request) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string detail = "0x00 0x00";
    detail[2] = digits[request.net_fn >> 4 & 15];
    detail[3] = digits[request.net_fn & 15];
    detail[7] = digits[request.command >> 4];
    detail[8] = digits[request.command & 15];
    record(Audit::Kind::raw, request, std::move(detail));
}

void VirtualBmc::record(Audit::Kind kind, const rmcp::Request& request, std::string detail) {
    const bmc::User* user = model_.users.find(request.user_id);
    Audit audit;
    audit.kind = kind;
    audit.from = engine_.peer_of(request.session_id).value_or(Peer{});
    audit.user = user != nullptr ? text_of(user->name.bytes()) : "";
    audit.detail = std::move(detail);
    outputs_.emplace_back(std::move(audit));
}

void VirtualBmc::on_session_event(const rmcp::SessionEvent& event) noexcept {
    using Kind = rmcp::SessionEvent::Kind;
    const bmc::User* user = model_.users.find(event.user_id);
    Audit audit;
    audit.from = event.peer;
    audit.user = user != nullptr ? text_of(user->name.bytes()) : text_of(event.user_name);
    audit.detail = rmcp::to_string(event.reason);
    switch (event.kind) {
    case Kind::opened:
        audit.kind = Audit::Kind::login;
        audit.detail = event.suite_id == 0 ? "ipmi15" : "suite " + std::to_string(event.suite_id);
        break;
    case Kind::refused:
        audit.kind = Audit::Kind::login_refused;
        break;
    case Kind::closed:
        audit.kind = Audit::Kind::logout;
        if (sol_ && sol_->session() == event.session_id) {
            end_sol();
        }
        break;
    }
    // A log-in is the path that benchmarks measure and floods ride on: the trail is bounded.
    if (outputs_.size() < outputs_max) {
        outputs_.emplace_back(std::move(audit));
    }
}

} // namespace vbmc::endpoint
