#pragma once
// A controller with a clock that tests turn, asked in hex as clients' traces show it:
//
//     CHECK(rig.ask("00 01") == "00 01 00 40 f0");
//
// The answer is the completion code and the data, "defer" while it waits, or the text of the
// privilege check that the endpoint does before a handler runs.

#include "bmc/bmc.h"
#include "ipmi/table.h"

#include <string>
#include <string_view>
#include <vector>

namespace vbmc::test {

inline std::vector<u8> from_hex(std::string_view text) {
    const auto digit = [](char c) {
        return static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    };
    std::vector<u8> bytes;
    for (std::size_t i = 0; i + 1 < text.size();) {
        if (text[i] == ' ') {
            ++i;
            continue;
        }
        bytes.push_back(static_cast<u8>(digit(text[i]) << 4 | digit(text[i + 1])));
        i += 2;
    }
    return bytes;
}

inline std::string to_hex(Bytes bytes) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const u8 b : bytes) {
        if (!text.empty()) {
            text += ' ';
        }
        text += digits[b >> 4];
        text += digits[b & 15];
    }
    return text;
}

inline bmc::Config config() {
    bmc::Config made;
    made.name = "n1";
    for (u8 i = 0; i < 16; ++i) {
        made.guid[i] = static_cast<u8>(0xa0 + i);
    }
    made.firmware_major = 1;
    made.firmware_minor_bcd = 0x23;
    return made;
}

class Rig {
  public:
    explicit Rig(bmc::Config with = config()) : bmc(with, now) {}

    /// Runs one command; "2c 01 dc 05": function, command, for 2Ch the body's code, data.
    std::string ask(std::string_view request_hex, const ipmi::Completion* completion = nullptr) {
        return ask_bytes(from_hex(request_hex), completion);
    }

    std::string ask_bytes(Bytes request, const ipmi::Completion* completion = nullptr) {
        ByteArray<300> room{};
        ByteWriter reply(room);
        ipmi::CommandId id{request[0], request[1]};
        if (id.netfn == ipmi::netfn::group) {
            // As the endpoint does it: the body's code leads request and reply.
            id.group = request[2];
            request = request.subspan(1);
            reply.write_u8(id.group);
        }
        const auto* entry = ipmi::find(ipmi::table(), id);
        if (entry == nullptr) {
            return "c1";
        }
        if (privilege < entry->privilege) {
            return "d4";
        }
        std::vector<ipmi::CommandFacts> known;
        for (const auto& one : ipmi::table()) {
            known.push_back({one.id, one.privilege});
        }
        ipmi::Context context;
        context.now = now;
        context.privilege = privilege;
        context.user_id = 2;
        context.session = session;
        context.completion = completion;
        context.known = known;
        const ipmi::Ran ran = entry->run(bmc, context, request.subspan(2), reply);
        ticket = ran.deferred;
        if (ran.deferred != 0) {
            return "defer";
        }
        const u8 code = static_cast<u8>(ran.code);
        std::string text = to_hex(Bytes(&code, 1));
        if (ran.code == ipmi::CompletionCode::ok && reply.size() > 0) {
            text += " " + to_hex(reply.written());
        }
        return text;
    }

    /// Lets time pass, with every deadline on the way.
    void pass(Duration time) {
        const Mono until = now.mono + time;
        while (bmc.next_deadline() <= until) {
            move_to(std::max(bmc.next_deadline(), now.mono));
            bmc.on_deadline(now);
        }
        move_to(until);
    }

    void see(bmc::PowerState state, bool restarted = false) {
        bmc.observe(now, bmc::PowerSeen{.state = state, .restarted = restarted});
    }

    void done(bmc::Ticket of, bmc::Outcome outcome = bmc::Outcome::ok) {
        bmc.observe(now, bmc::Done{.ticket = of, .outcome = outcome});
    }

    /// The intents of one kind since the last time, in order; takes all of them out.
    template <class T>
    std::vector<T> take() {
        std::vector<T> found;
        for (const auto& intent : bmc.outbox) {
            if (const auto* one = std::get_if<T>(&intent)) {
                found.push_back(*one);
            }
        }
        bmc.outbox.clear();
        return found;
    }

    Now now{Mono(std::chrono::hours(1)), Wall(std::chrono::hours(500'000))};
    bmc::Privilege privilege = bmc::Privilege::administrator;
    u32 session = 7;
    bmc::Ticket ticket = 0; // of the last "defer"
    bmc::Bmc bmc;

  private:
    void move_to(Mono mono) {
        now.wall += std::chrono::duration_cast<std::chrono::milliseconds>(mono - now.mono);
        now.mono = mono;
    }
};

} // namespace vbmc::test
