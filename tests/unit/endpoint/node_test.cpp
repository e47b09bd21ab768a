#include "unit/endpoint/rig.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::test;

TEST_CASE("what a controller does not know is refused at once") {
    Rig rig;
    Visitor admin = rig.admin();
    CHECK(admin.ask("06 55 00") == "c1");
    CHECK(admin.ask("2c 00 00") == "c1");    // PICMG: every ipmitool asks
    CHECK(admin.ask("2c 00 03") == "c1");    // VITA
    CHECK(admin.ask("2c 3e 00 02") == "c1"); // HPM.2
    CHECK(admin.ask("2c 00") == "c7");
    CHECK(admin.ask("30 70 0c 00") == "c1");
    CHECK(admin.ask("08 01") == "c1");
    CHECK(admin.ask("3e 01") == "c1");
    CHECK(admin.ask("06 ff") == "c1");
}

TEST_CASE("no command hangs: each netFn and command is answered or parked") {
    Rig rig;
    Visitor admin = rig.admin();
    rig.see(bmc::PowerState::on);
    for (unsigned net_fn = 0; net_fn < 0x40; net_fn += 2) {
        for (unsigned command = 0; command < 256; ++command) {
            const bool ends_session = net_fn == 6 && (command == 2 || command == 3);
            if (ends_session) {
                continue;
            }
            const Packet packet =
                admin.client.request(static_cast<u8>(net_fn), static_cast<u8>(command));
            const bool answered = !rig.send(admin.peer, packet).empty();
            INFO("netFn " << net_fn << " command " << command);
            CHECK((answered || rig.node.parked_count() == 1));
            rig.pass(700ms);
            rig.see(bmc::PowerState::on);
        }
    }
}

TEST_CASE("another LUN, another target") {
    Rig rig;
    Visitor admin = rig.admin();
    const auto ask = [&](u8 to, u8 lun) {
        std::vector<u8> message = {to, static_cast<u8>(0x06 << 2 | lun), 0, 0x81, 0x40, 0x01, 0};
        message[2] = static_cast<u8>(-(message[0] + message[1]));
        message[6] = static_cast<u8>(-(message[3] + message[4] + message[5]));
        const auto answer =
            rig.send(admin.peer, admin.client.seal(wire::PayloadType::ipmi, message));
        const auto reply = admin.client.open(answer);
        return reply ? int{reply->completion_code} : -1;
    };
    CHECK(ask(0x20, 0) == 0x00);
    CHECK(ask(0x20, 1) == 0xc2);
    CHECK(ask(0x20, 3) == 0xc2);
    CHECK(ask(0x2c, 0) == 0x83); // a satellite controller that is not there
    CHECK(admin.ask("06 34 00 20 18 c8 81 04 01 7a") == "83");
}

TEST_CASE("at least 115 of the standard commands are known, sorted, each once") {
    const auto known = endpoint::known_commands();
    std::size_t standard = 0;
    for (std::size_t i = 0; i < known.size(); ++i) {
        standard += known[i].id.netfn <= ipmi::netfn::transport ||
                            (known[i].id.netfn == ipmi::netfn::group && known[i].id.group == 0xdc)
                        ? 1U
                        : 0U;
        if (i > 0) {
            CHECK(known[i - 1].id.key() < known[i].id.key());
        }
    }
    CHECK(standard >= 115);
}

TEST_CASE("what clients changed outlives the process") {
    Rig rig;
    {
        Visitor admin = rig.admin();
        rig.see(bmc::PowerState::on);
        CHECK(admin.ask("06 45 05 6e6577" + std::string(26, '0')) == "00");
        CHECK(admin.ask("06 47 05 02 70617373776f726431" + std::string(14, '0')) == "00");
        CHECK(admin.ask("06 43 91 05 04") == "00");
        CHECK(admin.ask("06 47 05 01") == "00");
        CHECK(admin.ask("00 06 02") == "0007");
        CHECK(admin.ask("00 08 05 c0 04 00 00 00") == "00");
        CHECK(admin.ask("0c 21 01 04 03 14") == "00");
        CHECK(admin.ask("2c 08 dc 00 03 616263").substr(0, 2) == "00");
        CHECK(admin.ask("06 24 03 01 00 00 64 00") == "00");
    }
    CHECK(rig.to_keep.has(bmc::Section::users));
    CHECK(rig.to_keep.has(bmc::Section::power));
    CHECK(rig.to_keep.has(bmc::Section::boot));
    CHECK(rig.to_keep.has(bmc::Section::channel));
    CHECK(rig.to_keep.has(bmc::Section::system));
    CHECK(rig.to_keep.has(bmc::Section::watchdog));

    Rig next;
    for (u8 i = 0; i < bmc::section_count; ++i) {
        const auto section = static_cast<bmc::Section>(i);
        const std::vector<u8> saved = rig.node.save(section, rig.now);
        INFO("section " << int{i});
        REQUIRE(next.node.load(section, saved, next.now));
        CHECK(next.node.save(section, next.now) == saved);
    }
    next.drain();
    ClientOptions options;
    options.user = "new";
    options.password = "password1";
    Visitor visitor(next, options);
    REQUIRE(visitor.log_in());
    CHECK(visitor.ask("06 3b 04") == "0004");
    CHECK(visitor.ask("00 09 05 00 00") == "000105c004000000");
    CHECK(visitor.ask("0c 22 01 04 00 00") == "00110314");
    CHECK(visitor.ask("2c 06 dc 00 03") == "00dc03616263");
    CHECK(visitor.ask("06 25").substr(0, 14) == "00030100006400");
    // The machine is found off; the policy was to switch it on.
    next.see(bmc::PowerState::off);
    REQUIRE(next.intents<bmc::SetPower>().size() == 1);
    CHECK(next.intents<bmc::SetPower>()[0].cause == bmc::RestartCause::policy_always_on);
}

TEST_CASE("a section that cannot be read changes nothing") {
    Rig rig;
    for (u8 i = 0; i < bmc::section_count; ++i) {
        const auto section = static_cast<bmc::Section>(i);
        const std::vector<u8> before = rig.node.save(section, rig.now);
        std::vector<u8> cut(before.begin(), before.end() - 1);
        CHECK(!rig.node.load(section, cut, rig.now));
        CHECK(!rig.node.load(section, {}, rig.now));
        CHECK(rig.node.save(section, rig.now) == before);
    }
    CHECK(rig.admin().ask("06 01").substr(0, 2) == "00");
}

TEST_CASE("what clients do is audited, with who and what") {
    Rig rig;
    Visitor admin = rig.admin();
    rig.see(bmc::PowerState::on);
    admin.ask("00 02 02");
    admin.ask("00 02 07");
    admin.ask("00 08 05 80 04 00 00 00");
    admin.ask("06 47 03 02 70617373776f726431" + std::string(14, '0'));
    const std::string reservation = admin.ask("0a 42").substr(2);
    admin.ask("0a 47 " + reservation + " 43 4c 52 aa");
    CHECK(
        rig.audits() ==
        std::vector<std::string>{
            "power admin cycle",
            "boot admin from pxe at the next start",
            "users admin password of user 3",
            "sel admin"}
    );
}

TEST_CASE("a flood of log-ins leaves no pile of outputs, of half-open sessions, of memory") {
    Rig rig;
    ClientOptions options;
    options.user = "nobody";
    for (u16 i = 0; i < 2000; ++i) {
        options.console_id = i + 1U;
        ModelClient client(rig.shared.tools, options);
        Packet packet = client.open_session();
        ByteArray<512> out{};
        const Peer stranger{IpAddress::v4(203, 0, 113, 9), static_cast<u16>(1024 + i)};
        const std::size_t n = rig.node.receive(rig.now, stranger, packet, out);
        if (n > 0 && client.take_open_session(Bytes(out).first(n))) {
            Packet next = client.rakp1();
            rig.node.receive(rig.now, stranger, next, out);
        }
    }
    std::size_t outputs = 0; // nobody took them out meanwhile
    while (rig.node.poll()) {
        ++outputs;
    }
    CHECK(outputs <= 256);
    CHECK(rig.admin().ask("06 01").substr(0, 2) == "00");
    rig.pass(65s);
    CHECK(rig.node.next_deadline() == never);
}

TEST_CASE("switching IPMI 1.5 on and off, and suites, holds for the next log-in") {
    endpoint::Access access;
    access.ipmi15 = true;
    access.cipher_suites = {17, 3, 0, 99};
    Rig rig(access);
    ModelClient15 old(rig.shared.tools, {}, wire::AuthType::md5);
    const Peer peer{IpAddress::v4(192, 0, 2, 3), 40000};
    const Send send = [&](const Packet& packet) {
        const std::vector<u8> answer = rig.send(peer, packet);
        return answer.empty() ? std::nullopt : std::optional(answer);
    };
    REQUIRE(old.log_in(send));
    CHECK(old.call(send, 0x06, 0x01)->completion_code == 0);

    access.ipmi15 = false;
    access.cipher_suites = {17};
    rig.node.set_access(access);
    ModelClient15 again(rig.shared.tools, {}, wire::AuthType::md5);
    CHECK(!again.log_in(send));
    ClientOptions options;
    options.suite = 3;
    Visitor weak(rig, options, 40001);
    CHECK(!weak.log_in());
    CHECK(weak.client.status() == wire::Status::no_cipher_suite_match);
    options.suite = 0;
    Visitor none(rig, options, 40002);
    CHECK(!none.log_in());
    CHECK(none.client.status() == wire::Status::no_cipher_suite_match);
}

TEST_CASE("a client's choice of IPMI 1.5 authentication types holds, and outlives the process") {
    endpoint::Access access;
    access.ipmi15 = true;
    Rig rig(access);
    Visitor admin = rig.admin();
    CHECK(admin.ask("06 38 01 04").substr(0, 6) == "000114");
    CHECK(admin.ask("0c 01 01 02 14 14 14 04 14") == "00"); // an administrator: MD5 only
    CHECK(admin.ask("06 38 01 04").substr(0, 6) == "000104");
    CHECK(admin.ask("06 38 01 03").substr(0, 6) == "000114");

    Rig next(access);
    const auto channel = bmc::Section::channel;
    REQUIRE(next.node.load(channel, rig.node.save(channel, rig.now), next.now));
    const auto logs_in = [&next](wire::AuthType type) {
        const Send send = [&next](const Packet& packet) {
            const std::vector<u8> answer = next.send({IpAddress::v4(192, 0, 2, 3), 40001}, packet);
            return answer.empty() ? std::nullopt : std::optional(answer);
        };
        ModelClient15 old(next.shared.tools, {}, type);
        return old.log_in(send);
    };
    CHECK_FALSE(logs_in(wire::AuthType::password));
    CHECK(logs_in(wire::AuthType::md5));
}

TEST_CASE("statistics count what came and what went") {
    Rig rig;
    Visitor admin = rig.admin(); // its log-in: four packets and Set Session Privilege, or so
    CHECK(admin.ask("0c 04 01 01").substr(0, 2) == "00"); // told, then cleared
    admin.ask("06 01");
    rig.send(admin.peer, {0x06, 0x00}); // dropped
    CHECK(admin.ask("00 01").empty());  // its answer goes out later
    rig.pass(1s);
    // IP packets received, three kinds of errors, IP packets sent (the answer of the question that
    // cleared them is the first), UDP packets, RMCP packets
    CHECK(admin.ask("0c 04 01 00") == "00040000000000000003000400030000000000");
}

TEST_CASE("Get LAN Configuration Parameters tells the authentication types that are on") {
    endpoint::Access access;
    access.ipmi15 = true;
    Rig rig(access);
    CHECK(rig.admin().ask("0c 02 01 01 00 00") == "001114"); // MD5 and straight password
    Rig closed;
    CHECK(closed.admin().ask("0c 02 01 01 00 00") == "001100");
}
