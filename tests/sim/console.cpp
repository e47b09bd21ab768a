#include "sim/console.h"

#include "wire/rmcp.h"

#include <utility>

namespace vbmc::sim {

using namespace std::chrono_literals;

namespace {

constexpr u8 chassis = 0x00;
constexpr u8 app = 0x06;
constexpr u8 storage = 0x0a;

std::vector<u8> little_endian(u32 value) {
    std::vector<u8> bytes(4);
    ByteWriter out(bytes);
    out.write_u32(value);
    return bytes;
}

bool is_rakp2(Bytes datagram) {
    const auto rmcp = wire::parse_rmcp(datagram);
    if (!rmcp || wire::auth_type_of(rmcp->body) != wire::AuthType::rmcp_plus) {
        return false;
    }
    const auto packet = wire::parse_packet20(rmcp->body);
    return packet && packet->payload_type == wire::PayloadType::rakp2;
}

} // namespace

Console::Console(const Neighbourhood& around, const Habits& habits, const Peer& peer, SimNode& node)
    : around_(around), habits_(habits), peer_(peer), node_(node) {}

void Console::live() {
    step_ = Step::resting;
    const u64 patience = ++patience_;
    around_.timeline.after(around_.random.time(10ms, 8s), [this, patience] {
        if (patience == patience_) {
            begin();
        }
    });
}

void Console::rest() {
    ++patience_;
    ++typing_.turn;
    typing_.active = false;
    step_ = Step::resting;
}

void Console::prove() {
    proving_ = true;
    begin();
}

void Console::begin() {
    Login::Plan plan;
    plan.name = account.name;
    plan.password = account.password;
    plan.bmc_key = bmc_key;
    plan.role = account.limit;
    plan.suite = suite;
    plan.seed = around_.random.next();
    plan.console_id = habits_.console_id;
    login_ = &around_.logins.emplace_back(around_.tools, plan, peer_, node_.number());
    taken_.clear();
    typed_ = login_->ipmi15(); // which has no payloads
    reset_typing();
    work_left_ = static_cast<unsigned>(around_.random.between(1, 12));
    next_step(
        Step::opening, login_->ipmi15() ? login_->v15->get_challenge() : login_->v2->open_session()
    );
}

void Console::next_step(Step step, test::Packet packet) {
    step_ = step;
    tries_ = 0;
    last_ = std::move(packet);
    say(last_);
    wait();
}

void Console::say(test::Packet packet) {
    around_.network.send(peer_, node_.address(), std::move(packet));
}

void Console::wait() {
    const u64 patience = ++patience_;
    const Duration time = habits_.first_wait + tries_ * habits_.longer_wait;
    around_.timeline.after(time, [this, patience] {
        if (patience == patience_) {
            on_silence();
        }
    });
}

void Console::on_silence() {
    if (++tries_ >= habits_.tries) {
        give_up();
        return;
    }
    say_again();
    wait();
}

void Console::say_again() {
    if (step_ == Step::opening || step_ == Step::first || step_ == Step::second) {
        say(last_);
        return;
    }
    // freeipmi makes a new request of it; the others repeat the old one in a new packet.
    test::Packet packet = op_->same_number ? login_->retransmit() : login_->request(*op_);
    around_.judge.made(packet, *login_, op_, false);
    say(std::move(packet));
}

void Console::give_up() {
    if (proving_) {
        begin(); // a person would: the judge says when it has been too long
    } else {
        live();
    }
}

void Console::refused() {
    if (proving_) {
        const u64 patience = ++patience_;
        around_.timeline.after(500ms, [this, patience] {
            if (patience == patience_) {
                begin();
            }
        });
    } else {
        live();
    }
}

void Console::on_datagram(Bytes datagram) {
    if (login_ == nullptr) {
        return;
    }
    switch (step_) {
    case Step::resting:
    case Step::proven:
        return;
    case Step::opening:
    case Step::first:
    case Step::second:
        if (login_->ipmi15()) {
            on_handshake15(datagram);
        } else {
            on_handshake(datagram);
        }
        return;
    case Step::raising:
    case Step::working:
    case Step::closing:
        if (const auto reply = login_->open(datagram)) {
            if (taken_.insert(reply->session_sequence).second) {
                on_reply(*reply);
            }
        }
        return;
    }
}

void Console::on_handshake(Bytes datagram) {
    test::ModelClient& client = *login_->v2;
    const bool repeated = tries_ > 0;
    bool moved = false;
    if (step_ == Step::opening && client.take_open_session(datagram)) {
        next_step(Step::first, client.rakp1());
        moved = true;
    } else if (step_ == Step::first && client.take_rakp2(datagram)) {
        test::Packet packet = client.rakp3();
        around_.judge.made(packet, *login_, nullptr, true);
        next_step(Step::second, std::move(packet));
        moved = true;
    } else if (step_ == Step::second && client.take_rakp4(datagram)) {
        logged_in();
        moved = true;
    } else if (client.status() != wire::Status::ok) {
        refused();
    } else if (step_ == Step::first && stubborn && is_rakp2(datagram)) {
        test::Packet packet = client.rakp3();
        around_.judge.made(packet, *login_, nullptr, true);
        next_step(Step::second, std::move(packet));
    }
    if (moved && repeated) {
        around_.marks.reach(Mark::login_retransmitted);
    }
}

void Console::on_handshake15(Bytes datagram) {
    test::ModelClient15& client = *login_->v15;
    if (step_ == Step::opening && client.take_challenge(datagram)) {
        test::Packet packet = client.activate();
        around_.judge.made(packet, *login_, nullptr, true);
        next_step(Step::second, std::move(packet));
    } else if (step_ == Step::second && client.take_activation(datagram)) {
        logged_in();
    } else if (client.completion_code != 0) {
        refused();
    }
}

void Console::logged_in() {
    step_ = Step::raising;
    // Now and then for more than it may have.
    const bool greedy = !proving_ && around_.random.chance(10);
    ask(app, 0x3b, {greedy ? u8{4} : static_cast<u8>(account.limit)});
}

void Console::ask(u8 net_fn, u8 command, std::vector<u8> data) {
    Op& op = around_.ops.emplace_back();
    op.id = around_.ops.size();
    op.net_fn = net_fn;
    op.command = command;
    op.data = std::move(data);
    op.same_number = habits_.same_number;
    op_ = &op;
    tries_ = 0;
    test::Packet packet = login_->request(op);
    around_.judge.made(packet, *login_, op_, false);
    say(std::move(packet));
    wait();
}

void Console::on_reply(const test::Reply& reply) {
    if (reply.payload_type == wire::PayloadType::sol) {
        on_sol(reply);
        return;
    }
    if (op_ == nullptr || reply.net_fn != (op_->net_fn | 1) || reply.command != op_->command) {
        return; // of an earlier request
    }
    if (!login_->ipmi15() && op_->same_number && reply.rq_sequence != login_->v2->rq_sequence) {
        return;
    }
    ++patience_; // it came; should it come again, nobody waits for it
    const Op& answered = *op_;
    op_ = nullptr;
    on_answer(answered, reply);
}

void Console::on_answer(const Op& op, const test::Reply& reply) {
    if (op.net_fn == app && op.command == 0x3b && reply.completion_code == 0x81) {
        around_.marks.reach(Mark::raise_refused);
    }
    if (op.net_fn == chassis && op.command == 0x01 && reply.completion_code == 0) {
        told_on_ = (reply.data.at(0) & 1) != 0;
    }
    if (step_ == Step::closing) {
        if (proving_) {
            step_ = Step::proven;
        } else {
            live();
        }
        return;
    }
    if (op.net_fn == app && op.command == 0x48 && reply.completion_code == 0) {
        start_typing();
        return;
    }
    if (proving_ && op.command == 0x01 && reply.completion_code != 0) {
        ask(chassis, 0x01, {}); // C0h: ask again
        return;
    }
    if (proving_ && op.command == 0x01) {
        finish();
        return;
    }
    work();
}

void Console::work() {
    step_ = Step::working;
    if (proving_) {
        ask(chassis, 0x01, {});
        return;
    }
    if (work_left_-- == 0) {
        finish();
        return;
    }
    const Duration thinking =
        around_.random.chance(5) ? around_.random.time(5s, 70s) : around_.random.time(0ms, 1500ms);
    const u64 patience = ++patience_;
    around_.timeline.after(thinking, [this, patience] {
        if (patience == patience_) {
            choose_work();
        }
    });
}

void Console::finish() {
    if (!habits_.closes && !proving_) {
        live(); // it vanishes without a word
        return;
    }
    step_ = Step::closing;
    ask(app, 0x3c, little_endian(login_->id()));
}

void Console::choose_work() {
    const u64 dice = around_.random.below(100);
    if (dice < 30) {
        ask(chassis, 0x01, {});
    } else if (dice < 55) {
        control_power();
    } else if (dice < 60) {
        ask(app, 0x01, {});
    } else if (dice < 66 && !std::exchange(typed_, true)) {
        ask(app, 0x48, {1, 1, 0xc6, 0, 0, 0});
    } else if (dice < 70) {
        ask(app, 0x3d, {0});
    } else if (dice < 72) {
        ask(0x2c, 0x3e, {0, 2});
    } else if (dice < 73) { // nobody here knows it: the machine's own controller may
        ask(0x30, 0x70, little_endian(static_cast<u32>(around_.ops.size())));
    } else if (dice < 76) {
        ask(app, 0x54, {0x0e, 0, 0x80});
    } else if (dice < 80) {
        ask(storage, 0x43, {0, 0, 0, 0, 0, 0xff});
    } else {
        choose_change();
    }
}

void Console::control_power() {
    static constexpr std::array<u8, 8> actions = {0, 1, 1, 2, 2, 3, 3, 5};
    ask(chassis, 0x02, {around_.random.pick(actions)});
}

void Console::choose_change() {
    Random& random = around_.random;
    switch (random.below(8)) {
    case 0:
        ask(chassis, 0x08, {5, static_cast<u8>(random.chance(30) ? 0xc0 : 0x80), 4, 0, 0, 0});
        break;
    case 1: { // Add SEL Entry, one that is found again (freeipmi's may be there twice)
        std::vector<u8> record = {0, 0, 0xc0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0, 0};
        const std::vector<u8> id = little_endian(static_cast<u32>(around_.ops.size()));
        std::copy(id.begin(), id.end(), record.end() - 4);
        ask(storage,
            habits_.same_number ? 0x44 : 0x40,
            habits_.same_number ? record : std::vector<u8>());
        break;
    }
    case 2: { // Set Watchdog Timer, a few seconds, an action
        const u8 action = static_cast<u8>(random.below(4));
        ask(app, 0x24, {4, action, 0, 0, static_cast<u8>(random.between(10, 100)), 0});
        break;
    }
    case 3:
        ask(app, 0x22, {});
        break;
    case 4:
        ask(chassis, 0x06, {static_cast<u8>(random.below(3))});
        break;
    case 5: // somebody else's session, an administrator's to close
        ask(app, 0x3c, {0, 0, 0, 0, static_cast<u8>(random.between(1, 4))});
        break;
    case 6: // Set User Access: another user's limit
        ask(app,
            0x43,
            {0x91, static_cast<u8>(random.between(3, 6)), static_cast<u8>(random.between(2, 4))});
        break;
    default:
        if (random.chance(20)) {
            ask(app, random.chance(50) ? 0x02 : 0x03, {});
        } else {
            ask(chassis, 0x04, {5});
        }
        break;
    }
}

} // namespace vbmc::sim
