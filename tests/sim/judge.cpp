#include "sim/judge.h"

#include "endpoint/commands.h"
#include "sim/sim_node.h"
#include "wire/rakp.h"
#include "wire/rmcp.h"

namespace vbmc::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t growth_max = 60; // RAKP 1 to RAKP 2 is the longest step
constexpr std::size_t outputs_of_a_call_max = 600;
// How long a node remembers that a Chassis Control was accepted (ipmi.md: freeipmi resends under a
// new rqSeq, a second apart).
constexpr Duration repeat_memory = 5s;
// How long a session's replies are kept: nobody retries a request for longer.
constexpr Duration reply_memory = 10s;

constexpr u8 chassis = 0x00;
constexpr u8 app = 0x06;

struct Header {
    bool valid = false;
    bool rmcp_plus = false;
    u32 session_id = 0;
    u32 sequence = 0;
};

Header header_of(Bytes datagram) {
    Header header;
    const auto rmcp = wire::parse_rmcp(datagram);
    if (!rmcp || rmcp->ack || rmcp->message_class != wire::MessageClass::ipmi) {
        return header;
    }
    if (wire::auth_type_of(rmcp->body) == wire::AuthType::rmcp_plus) {
        if (const auto packet = wire::parse_packet20(rmcp->body)) {
            header = {true, true, packet->session_id, packet->sequence};
        }
    } else if (const auto packet = wire::parse_packet15(rmcp->body)) {
        header = {true, false, packet->session_id, packet->sequence};
    }
    return header;
}

/// What is authenticated of a packet: neither the RMCP header nor IPMI 1.5's legacy pad is, and of
/// RAKP 3 only its code.
std::string key_of(Bytes datagram) {
    if (datagram.size() < wire::rmcp_size) {
        return {};
    }
    Bytes body = datagram.subspan(wire::rmcp_size);
    if (const auto packet = wire::parse_packet20(body);
        packet && packet->session_id == 0 && packet->payload_type == wire::PayloadType::rakp3) {
        const auto rakp3 = wire::parse_rakp3(packet->payload);
        return rakp3 ? std::string(rakp3->auth_code.begin(), rakp3->auth_code.end()) : "";
    }
    if (const auto packet = wire::parse_packet15(body)) {
        const auto used = packet->payload.data() + packet->payload.size() - body.data();
        body = body.first(static_cast<std::size_t>(used));
    }
    return {body.begin(), body.end()};
}

bmc::Privilege needed_for(u8 net_fn, u8 command, Bytes data) {
    ipmi::CommandId id{net_fn, command};
    if (net_fn == ipmi::netfn::group && !data.empty()) {
        id.group = data[0];
    }
    for (const ipmi::CommandFacts& facts : endpoint::known_commands()) {
        if (facts.id == id) {
            return facts.privilege;
        }
    }
    // Unknown: nobody's, but for the one that the machine's own controller answers.
    return net_fn == 0x30 ? bmc::Privilege::administrator : bmc::Privilege::oem;
}

/// An RMCP acknowledgement (ASF 2.0 §3.2.3.1).
bool is_acknowledgement(Bytes bytes) {
    const auto rmcp = wire::parse_rmcp(bytes);
    return bytes.size() == wire::rmcp_size && rmcp && rmcp->ack;
}

bool acts_alone(const endpoint::Output& output) {
    if (const auto* sent = std::get_if<endpoint::Transmit>(&output)) {
        return is_acknowledgement(sent->bytes);
    }
    if (std::holds_alternative<endpoint::Audit>(output)) {
        return true;
    }
    const auto* intent = std::get_if<bmc::Intent>(&output);
    return intent != nullptr && std::holds_alternative<bmc::ConsoleClose>(*intent);
}

bool for_strangers(u8 command) {
    return command == 0x37 || command == 0x38 || command == 0x39 || command == 0x3a ||
           command == 0x54;
}

} // namespace

void require(bool holds, const char* rule) {
    if (!holds) {
        throw Violation(rule);
    }
}

void Judge::made(Bytes packet, Login& login, Op* op, bool proof) {
    sealed_[key_of(packet)] = Sealed{&login, op, proof, false};
}

Judge::Sealed* Judge::find(Bytes datagram) {
    const auto at = sealed_.find(key_of(datagram));
    return at == sealed_.end() ? nullptr : &at->second;
}

std::string Judge::describe(Bytes datagram) {
    const Header header = header_of(datagram);
    if (!header.valid) {
        return "garbage";
    }
    std::string text = header.rmcp_plus ? "type " + std::to_string(datagram[5] & 0x3f) : "1.5";
    text += " session " + std::to_string(header.session_id) + " number " +
            std::to_string(header.sequence);
    const Sealed* sealed = find(datagram);
    if (sealed == nullptr) {
        return text;
    }
    text += sealed->proof ? " proof" : " genuine";
    if (const Op* op = sealed->op) {
        text += " op " + std::to_string(op->id) + " " +
                test::to_hex(ByteArray<2>{op->net_fn, op->command}) + " " + test::to_hex(op->data) +
                (op->same_number ? "" : " (new numbers)");
    }
    return text;
}

void Judge::forget_sessions(std::size_t node) {
    std::erase_if(sessions_, [&](const auto& entry) { return entry.first.first == node; });
}

void Judge::received(SimNode& node, const Datagram& datagram, const Reception& what) {
    const Header header = header_of(datagram.bytes);
    Sealed* const sealed = header.valid ? find(datagram.bytes) : nullptr;
    for (const endpoint::Output& output : what.outputs) {
        const auto* audit = std::get_if<endpoint::Audit>(&output);
        if (audit != nullptr && audit->kind == endpoint::Audit::Kind::login) {
            session_began(node, datagram, sealed);
        }
    }
    if (header.valid && header.session_id != 0) {
        in_session(node, datagram, what, sealed);
    } else {
        const bool began = sealed != nullptr && sealed->proof && sealed->login->opened;
        if (began && !what.taken && node.bmc().sessions().session(sealed->login->id())) {
            marks_.reach(Mark::doubled_proof_dropped);
        }
        from_stranger(datagram, what);
    }
}

void Judge::session_began(SimNode& node, const Datagram& datagram, Sealed* sealed) {
    require(sealed != nullptr && sealed->proof, "a session began without a proof of a password");
    require(sealed->login->peer == datagram.from, "a session began from another address");
    require(!sealed->login->opened, "a session began with a proof that was used before");
    const Login::Plan& plan = sealed->login->plan;
    const bmc::User* user = node.bmc().model().users.find_by_name(test::as_bytes(plan.name));
    require(user != nullptr, "a session began for a user who cannot log in");
    require(
        user->password == bmc::Key20(test::as_bytes(plan.password)),
        "a session began with a wrong password"
    );
    require(plan.role <= user->limit, "a session began above its user's limit");
    sealed->login->opened = true;
    sessions_[{node.number(), sealed->login->id()}] = sealed->login;
    const bool two_keys = !plan.bmc_key.empty() && !sealed->login->ipmi15();
    marks_.reach(two_keys ? Mark::logged_in_with_two_keys : Mark::logged_in);
    if (sealed->login->ipmi15()) {
        marks_.reach(Mark::logged_in_ipmi15);
    }
}

void Judge::in_session(
    SimNode& node, const Datagram& datagram, const Reception& what, Sealed* sealed
) {
    if (!what.taken) {
        require(what.reply.empty(), "a dropped datagram was answered");
        for (const endpoint::Output& output : what.outputs) {
            require(acts_alone(output), "a dropped datagram had an effect");
        }
        if (sealed == nullptr) {
            marks_.reach(Mark::corrupt_dropped);
        } else if (sealed->login->peer != datagram.from) {
            marks_.reach(Mark::replay_from_elsewhere_dropped);
        } else if (sealed->taken) {
            marks_.reach(Mark::replay_dropped);
        } else if (sealed->op != nullptr && sealed->op->taken) {
            marks_.reach(Mark::repeated_while_parked);
        }
        return;
    }
    require(sealed != nullptr, "a node took a packet that its session's client never made");
    require(sealed->login->node == node.number(), "a node took another node's packet");
    require(sealed->login->peer == datagram.from, "a node took a packet from another address");
    require(!sealed->taken || sealed->proof, "a node took a packet twice");
    sealed->taken = true;
    Login& login = *sealed->login;
    const u32 sequence = header_of(datagram.bytes).sequence;
    if (sequence < login.sequence_in_max) {
        marks_.reach(Mark::arrived_out_of_order);
    }
    login.sequence_in_max = std::max(login.sequence_in_max, sequence);
    acted(node, what, *sealed);
    if (!what.reply.empty() && !sealed->proof) {
        check_reply(node, login, what.reply, &what.privileges_before);
    }
}

/// An unknown command goes to the machine's own controller only where there is one, and only for
/// somebody who may.
void Judge::check_raw(const SimNode& node, const Reception& what, const Sealed& sealed, u32 raw) {
    if (raw == 0) {
        return;
    }
    const bmc::Capabilities& can = node.bmc().model().config.capabilities;
    require(raw == 1 && can.raw, "a command was passed on to nobody, or twice");
    require(sealed.op != nullptr && sealed.op->net_fn == 0x30, "a known command was passed on");
    const auto before = what.privileges_before.find(sealed.login->id());
    require(
        before != what.privileges_before.end() && before->second >= can.raw_privilege,
        "a command was passed on without the privilege"
    );
}

/// What the request did to the machine, and whether it did it before.
void Judge::acted(SimNode& node, const Reception& what, Sealed& sealed) {
    u32 power = 0;
    u32 raw = 0;
    bmc::Ticket ticket = 0;
    for (const endpoint::Output& output : what.outputs) {
        const auto* intent = std::get_if<bmc::Intent>(&output);
        if (intent != nullptr && std::holds_alternative<bmc::SetPower>(*intent)) {
            ++power;
            ticket = std::get<bmc::SetPower>(*intent).ticket;
        }
        raw += intent != nullptr && std::holds_alternative<bmc::RawCommand>(*intent) ? 1U : 0U;
    }
    check_raw(node, what, sealed, raw);
    Op* const op = sealed.op;
    if (op == nullptr) {
        require(power == 0, "a console packet acted on the power");
        return;
    }
    const Mono now = timeline_.now().mono;
    const bool controls = op->net_fn == chassis && (op->command == 0x02 || op->command == 0x03);
    require(power == 0 || controls, "a command acted on the power that has no business with it");
    if (power > 0) {
        const auto before = what.privileges_before.find(sealed.login->id());
        require(
            before != what.privileges_before.end() && before->second >= bmc::Privilege::operator_,
            "the power was acted on without the privilege"
        );
    }
    const bool may_be_forgotten =
        op->same_number ? now - op->acted_at >= reply_memory : now - op->last_taken > repeat_memory;
    const u8 action = op->command == 0x03 ? u8{3} : op->data.empty() ? u8{0} : op->data[0];
    const bool idempotent = !op->same_number && (action == 0 || action == 1); // off, on
    const bool may_be_tried_again = !op->same_number && node.failed(op->ticket);
    if ((op->taken && may_be_forgotten) || idempotent || may_be_tried_again) {
        op->power_intents = 0;
    }
    op->power_intents += power;
    if (power > 0) {
        op->ticket = ticket;
        op->acted_at = now;
    }
    require(op->power_intents <= 1, "a request acted on the power twice");
    if (op->taken) {
        marks_.reach(op->same_number ? Mark::repeated_from_cache : Mark::retried_with_new_number);
    }
    op->first_taken = op->taken ? op->first_taken : now;
    op->taken = true;
    op->last_taken = now;
    if (op->net_fn == 0x0a && op->command == 0x44) {
        const bool remembered = now - op->first_taken < reply_memory;
        require(node.count_in_sel(op->data) <= 1 || !remembered, "a request was logged twice");
    }
}

void Judge::from_stranger(const Datagram& datagram, const Reception& what) {
    for (const endpoint::Output& output : what.outputs) {
        require(acts_alone(output), "a stranger's datagram had an effect");
    }
    if (what.reply.empty()) {
        return;
    }
    require(
        what.reply.size() <= datagram.bytes.size() + growth_max,
        "the answer to a stranger is much longer than the question"
    );
    const auto rmcp = wire::parse_rmcp(what.reply);
    require(rmcp.has_value(), "an answer is no RMCP");
    if (rmcp->message_class == wire::MessageClass::asf) {
        return;
    }
    const Header header = header_of(what.reply);
    require(header.valid && header.session_id == 0, "a stranger got a session's packet");
    if (const auto reply = test::open_sessionless(what.reply)) {
        require(
            reply->net_fn == (app | 1) && for_strangers(reply->command),
            "a command was answered without a session"
        );
    }
}

void Judge::transmitted(SimNode& node, const Peer& to, Bytes bytes) {
    if (is_acknowledgement(bytes)) {
        marks_.reach(Mark::acknowledged);
        return;
    }
    for (const auto& [key, login] : sessions_) {
        if (key.first == node.number() && login->peer == to && login->open(bytes)) {
            check_reply(node, *login, bytes, nullptr);
            return;
        }
    }
    throw Violation("a node sent what no client can open: " + describe(bytes));
}

void Judge::typed(SimNode& node) {
    const endpoint::Sol* const sol = node.bmc().sol();
    if (sol == nullptr) {
        return; // it ended in the same call
    }
    const auto login = sessions_.find({node.number(), sol->session()});
    require(login != sessions_.end(), "a console belongs to no session");
    require(
        login->second->typed.starts_with(node.machine().typed()),
        "the machine got characters that its console did not type, or twice"
    );
}

void Judge::check_reply(
    SimNode& node, Login& login, Bytes bytes, const std::map<u32, bmc::Privilege>* before
) {
    const auto reply = login.open(bytes);
    require(reply.has_value(), "a client cannot open the reply to its own request");
    require(
        login.sequences_out.insert(reply->session_sequence).second,
        "a session sequence number was used twice"
    );
    if (reply->payload_type != wire::PayloadType::ipmi) {
        return;
    }
    require((reply->net_fn & 1) == 1, "a node sent a request");
    const u8 net_fn = reply->net_fn & 0xfe;
    if (reply->completion_code == 0xd4) {
        marks_.reach(Mark::privilege_refused);
    }
    if (reply->completion_code == 0xc0 && net_fn == chassis && reply->command == 0x01) {
        marks_.reach(Mark::status_refused_as_stale);
    }
    if (reply->completion_code != 0) {
        return;
    }
    if (before != nullptr) {
        const auto had = before->find(login.id());
        require(
            had != before->end() && had->second >= needed_for(net_fn, reply->command, reply->data),
            "a command was run without the privilege that it needs"
        );
    }
    if (net_fn == chassis && reply->command == 0x01) {
        check_status(node, *reply);
    }
}

void Judge::check_status(SimNode& node, const test::Reply& reply) {
    require(!reply.data.empty(), "a chassis status without a status");
    const bool on = (reply.data[0] & 1) != 0;
    require(node.seen().has_value(), "a power state was told that nobody saw");
    require((node.seen()->state == bmc::PowerState::on) == on, "a power state was told wrong");
    const bmc::Config& config = node.bmc().model().config;
    const Duration age = timeline_.now().mono - node.seen()->at;
    require(
        age <= config.stale_after || (config.capabilities.pushes_power && node.reachable()),
        "a stale power state was told"
    );
    if (!on) {
        marks_.reach(Mark::status_told_off);
    }
}

void Judge::check(SimNode& node, const std::vector<endpoint::Output>& outputs) {
    require(outputs.size() <= outputs_of_a_call_max, "a call left too many outputs");
    const rmcp::Engine& engine = node.bmc().sessions();
    require(engine.session_count() <= node.sessions_allowed(), "there are too many sessions");
    std::size_t listed = 0;
    engine.for_each_session([&](const rmcp::SessionInfo& session) {
        ++listed;
        const auto known = sessions_.find({node.number(), session.id});
        require(known != sessions_.end(), "there is a session that nobody opened");
        const bmc::User* user = node.bmc().model().users.find(session.user_id);
        require(user != nullptr && user->can_log_in(), "a session outlived its user");
        require(
            equal(user->name.bytes(), test::as_bytes(known->second->plan.name)),
            "a session became another user's"
        );
        require(session.privilege <= session.privilege_max, "a session is above its own limit");
        require(
            static_cast<u8>(session.privilege_max) <= static_cast<u8>(user->limit),
            "a session may rise above its user"
        );
    });
    require(listed == engine.session_count(), "the count of sessions is wrong");
}

} // namespace vbmc::sim
