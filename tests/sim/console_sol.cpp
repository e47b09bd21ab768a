// A remote console's half of Serial over LAN: types lines, one packet under way at a time, repeats
// what is not acknowledged, and acknowledges what it is shown.

#include "sim/console.h"
#include "wire/sol.h"

namespace vbmc::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration repeat_after = 500ms;
constexpr unsigned repeats_max = 8;

} // namespace

void Console::reset_typing() {
    const u64 turn = typing_.turn + 1; // what was planned for earlier typing is off
    typing_ = {};
    typing_.turn = turn;
}

void Console::start_typing() {
    reset_typing();
    typing_.active = true;
    typing_.lines_left = static_cast<unsigned>(around_.random.between(1, 6));
    login_->typed.clear();
    step_ = Step::working;
    type_line();
}

void Console::type_line() {
    if (typing_.lines_left == 0) {
        stop_typing();
        return;
    }
    --typing_.lines_left;
    typing_.number = wire::next_sol_sequence(typing_.number);
    typing_.under_way = "line " + std::to_string(around_.random.below(100000)) + "\r";
    typing_.repeats = 0;
    login_->typed += typing_.under_way;
    send_sol(typing_.number, 0, 0, typing_.under_way);
}

void Console::send_sol(u8 number, u8 acked, u8 accepted, std::string_view text) {
    wire::SolPacket packet;
    packet.sequence = number;
    packet.ack_sequence = acked;
    packet.accepted = accepted;
    packet.characters = test::as_bytes(text);
    ByteArray<260> room{};
    ByteWriter out(room);
    wire::write(out, packet);
    test::Packet sealed = login_->v2->seal(wire::PayloadType::sol, out.written());
    around_.judge.made(sealed, *login_, nullptr, false);
    say(std::move(sealed));
    if (number == 0) {
        return;
    }
    around_.timeline.after(repeat_after, [this, turn = ++typing_.turn] {
        if (turn != typing_.turn || !typing_.active || typing_.under_way.empty()) {
            return;
        }
        if (++typing_.repeats > repeats_max) {
            typing_.active = false; // the session is gone, or the console was taken away
            live();
            return;
        }
        around_.marks.reach(Mark::sol_repeated);
        send_sol(typing_.number, 0, 0, typing_.under_way);
    });
}

void Console::on_sol(const test::Reply& reply) {
    const auto packet = wire::parse_sol(reply.payload);
    if (!packet || !typing_.active) {
        return;
    }
    const endpoint::Sol* const line = node_.bmc().sol();
    const bool mine = line != nullptr && line->session() == login_->id();
    if (packet->sequence != 0) {
        const std::string text(packet->characters.begin(), packet->characters.end());
        const bool repeated = packet->sequence == typing_.last_received;
        const bool next = packet->sequence == wire::next_sol_sequence(typing_.last_received);
        if (next && node_.machine().printed().find(text, typing_.printed_at) != std::string::npos) {
            typing_.printed_at =
                node_.machine().printed().find(text, typing_.printed_at) + text.size();
            around_.marks.reach(Mark::sol_printed);
        } else if (next && mine) {
            throw Violation("a console was shown what the machine did not print next");
        }
        if (next || repeated) {
            typing_.last_received = packet->sequence;
            send_sol(0, packet->sequence, static_cast<u8>(text.size()), {});
        }
    }
    if ((packet->control & wire::sol_status::sol_deactivating) != 0) {
        typing_.active = false;
        live();
        return;
    }
    if (packet->ack_sequence == typing_.number && !typing_.under_way.empty()) {
        typing_.under_way.clear();
        const u64 turn = ++typing_.turn;
        around_.timeline.after(around_.random.time(1ms, 400ms), [this, turn] {
            if (turn == typing_.turn && typing_.active) {
                type_line();
            }
        });
    }
}

void Console::stop_typing() {
    typing_.active = false;
    ++typing_.turn;
    if (!habits_.closes) {
        live(); // killed, as Ironic does it: the payload stays behind
        return;
    }
    ask(0x06, 0x49, {1, 1, 0, 0, 0, 0});
}

} // namespace vbmc::sim
