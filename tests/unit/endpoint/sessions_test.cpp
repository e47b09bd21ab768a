#include "unit/endpoint/rig.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::test;

TEST_CASE("log-in, a command, Close Session: what an operator reads of it") {
    Rig rig;
    ClientOptions options;
    Visitor visitor(rig, options);
    REQUIRE(visitor.log_in());
    CHECK(visitor.ask("06 01").substr(0, 2) == "00");
    const u32 id = visitor.client.bmc_id();
    ByteArray<4> raw{};
    ByteWriter(raw).write_u32(id);
    CHECK(visitor.ask("06 3c " + to_hex(raw)) == "00");
    CHECK(rig.node.sessions().session_count() == 0);
    CHECK(visitor.ask("06 01").empty());
    CHECK(
        rig.audits() == std::vector<std::string>{"login admin suite 17", "logout admin by_console"}
    );
}

TEST_CASE("a wrong password and an unknown name are told to the operator") {
    Rig rig;
    ClientOptions options;
    options.password = "wrong";
    Visitor visitor(rig, options);
    CHECK(!visitor.log_in()); // the client finds RAKP 2 wrong and stops
    rig.pass(3s);
    options.user = "nobody";
    Visitor other(rig, options, 40001);
    CHECK(!other.log_in());
    CHECK(other.client.status() == wire::Status::unauthorized_name);
    CHECK(
        rig.audits() ==
        std::vector<std::string>{"refused admin abandoned", "refused nobody unknown_name"}
    );
}

TEST_CASE("nobody is above his user") {
    Rig rig;
    SECTION("an operator who asks to be administrator is refused at RAKP 1") {
        ClientOptions options;
        options.user = "oper";
        options.password = "operator1";
        Visitor visitor(rig, options);
        CHECK(!visitor.log_in());
        CHECK(visitor.client.status() == wire::Status::invalid_role);
    }
    SECTION("a user may look, not act") {
        Visitor viewer = rig.visitor("viewer", 2, 40000);
        rig.see(bmc::PowerState::on);
        CHECK(viewer.ask("00 01").substr(0, 2) == "00");
        CHECK(viewer.ask("00 02 00") == "d4");
        CHECK(viewer.ask("06 47 04 02 00") == "d4");
        CHECK(viewer.ask("06 3b 03") == "81");
        CHECK(viewer.ask("06 3b 00") == "0002");
        CHECK(rig.intents<bmc::SetPower>().empty());
    }
    SECTION("an operator acts, but does not administer") {
        Visitor oper = rig.visitor("oper", 3, 40000);
        CHECK(oper.ask("06 02") == "d4");
        CHECK(oper.ask("06 3b 04") == "81");
        CHECK(oper.ask("06 3b 05") == "81");
        CHECK(oper.ask("06 3b 01") == "cc");
        CHECK(oper.ask("06 3b 0f") == "cc");
        CHECK(oper.ask("00 02 02").empty());
    }
    SECTION("a session begins as a user") {
        Visitor visitor(rig, {});
        REQUIRE(visitor.log_in());
        CHECK(visitor.ask("00 02 01") == "d4");
        CHECK(visitor.ask("06 3b 04") == "0004");
        CHECK(visitor.ask("00 02 01").empty());
    }
    SECTION("the node's own ceiling holds for everybody") {
        endpoint::Access access;
        access.privilege_max = Privilege::operator_;
        rig.node.set_access(access);
        Visitor visitor(rig, {});
        CHECK(!visitor.log_in());
    }
}

TEST_CASE("sessions of a user who is changed end") {
    Rig rig;
    Visitor admin = rig.admin(40000);
    Visitor oper = rig.visitor("oper", 3, 40001);
    bmc::User user = make_user(3, "oper", "operator1", Privilege::operator_);
    SECTION("disabled") {
        user.enabled = false;
    }
    SECTION("lowered") {
        user.limit = Privilege::user;
    }
    SECTION("lowered while the session has not risen") {
        CHECK(oper.ask("06 3b 02") == "0002");
        user.limit = Privilege::user;
    }
    put_user(rig.node, user);
    rig.drain();
    CHECK(oper.ask("06 01").empty());
    CHECK(admin.ask("06 01").substr(0, 2) == "00");
    CHECK(rig.audits().at(0).find("user_changed") != std::string::npos);
}

TEST_CASE("a user who is changed through IPMI loses his sessions, after the reply") {
    Rig rig;
    Visitor admin = rig.admin(40000);
    Visitor oper = rig.visitor("oper", 3, 40001);
    SECTION("disabled") {
        CHECK(admin.ask("06 47 03 00") == "00");
    }
    SECTION("removed") {
        CHECK(admin.ask("06 45 03" + std::string(32, '0')) == "00");
    }
    SECTION("lowered") {
        CHECK(admin.ask("06 43 91 03 02") == "00");
    }
    CHECK(oper.ask("06 01").empty());
    CHECK(admin.ask("06 01").substr(0, 2) == "00");
    CHECK(rig.to_keep.has(bmc::Section::users));
}

TEST_CASE("who changes his own password keeps the session he does it in") {
    Rig rig;
    Visitor admin = rig.admin(40000);
    Visitor same = rig.admin(40001);
    CHECK(
        admin.ask("06 47 02 02 6e65772070617373776f7264000000000000").substr(0, 2) == "c7"
    ); // 18 bytes of data: the 16-byte form
    CHECK(admin.ask("06 47 02 02 6e65772070617373776f726400000000") == "00");
    CHECK(admin.ask("06 01").substr(0, 2) == "00");
    CHECK(same.ask("06 01").empty());
}

TEST_CASE("a reset answers, then ends the sessions, warm all but its own; no machine is touched") {
    const std::string request = GENERATE("06 02", "06 03");
    Rig rig;
    Visitor admin = rig.admin(40000);
    Visitor oper = rig.visitor("oper", 3, 40001);
    rig.see(bmc::PowerState::on);
    CHECK(admin.ask(request) == "00");
    const bool warm = request == "06 03";
    CHECK(rig.node.sessions().session_count() == (warm ? 1 : 0));
    CHECK(admin.ask("06 01").empty() != warm);
    CHECK(oper.ask("06 01").empty());
    CHECK(rig.intents<bmc::SetPower>().empty());
    CHECK(rig.audits().at(0) == (warm ? "reset admin warm" : "reset admin cold"));
    CHECK(rig.admin(40002).ask("06 01").substr(0, 2) == "00");
}

TEST_CASE("a warm reset leaves nothing behind in the session that it keeps") {
    Rig rig;
    Visitor admin = rig.admin();
    CHECK(admin.ask("06 48 01 01 c6 00 00 00").substr(0, 2) == "00"); // a console
    CHECK(admin.ask("00 01").empty());                                // waits for a look
    const Packet again = admin.client.retransmit();
    CHECK(admin.ask("06 03") == "00");
    CHECK(rig.node.sol() == nullptr);
    REQUIRE(rig.sent.size() == 1);
    CHECK(admin.read(rig.sent[0]) == "00000010"); // SOL is deactivating
    CHECK(rig.node.parked_count() == 0);
    rig.send(admin.peer, again);
    CHECK(rig.node.parked_count() == 1); // asked anew, not taken for one that still waits
}

TEST_CASE("who is restricted to callback has only that level on the LAN") {
    Rig rig;
    Visitor admin = rig.admin(40000);
    Visitor oper = rig.visitor("oper", 3, 40001);
    CHECK(admin.ask("06 43 d1 03 03") == "00"); // IPMI 2.0 §22.26: bit 6 of the first byte
    CHECK(oper.ask("06 01").empty());
    ClientOptions options;
    options.user = "oper";
    options.password = "operator1";
    options.role = 0x13;
    Visitor refused(rig, options, 40002);
    CHECK(!refused.log_in());
    CHECK(refused.client.status() == wire::Status::invalid_role);
    options.role = 0x11;
    Visitor callback(rig, options, 40003);
    REQUIRE(callback.log_in());
    CHECK(callback.ask("00 01") == "d4");
    CHECK(callback.ask("06 3b 02") == "81");
    CHECK(admin.ask("06 43 91 03 03") == "00");
    CHECK(rig.visitor("oper", 3, 40004).ask("06 01").substr(0, 2) == "00");
}

TEST_CASE("Close Session of another's session is an administrator's") {
    Rig rig;
    Visitor admin = rig.admin(40000);
    Visitor oper = rig.visitor("oper", 3, 40001);
    Visitor viewer = rig.visitor("viewer", 2, 40002);
    CHECK(oper.ask("06 3c 00000000 03") == "d4");
    CHECK(viewer.ask("06 01").substr(0, 2) == "00");
    CHECK(admin.ask("06 3c 00000000 03") == "00");
    CHECK(viewer.ask("06 01").empty());
    CHECK(admin.ask("06 3c 00000000 03") == "88");
    CHECK(admin.ask("06 3c 12345678") == "87");
    CHECK(admin.ask("06 3c 00000000") == "87");
    CHECK(admin.ask("06 3c 1234567801") == "c7");
    CHECK(oper.ask("06 3c 00000000 02") == "00"); // his own, by its handle
    CHECK(oper.ask("06 01").empty());
}

TEST_CASE("Get Session Info: this one, by index, by handle, by id, and none") {
    Rig rig;
    Visitor admin = rig.admin(40000);
    Visitor oper = rig.visitor("oper", 3, 40001);
    const std::string at = "c0000201"; // 192.0.2.1
    const std::string own = "00011002020411" + at + "000000000000409c";
    const std::string his = "00021002030311" + at + "000000000000419c";
    CHECK(admin.ask("06 3d 00") == own);
    CHECK(admin.ask("06 3d 01") == own);
    CHECK(admin.ask("06 3d 02") == his);
    CHECK(admin.ask("06 3d 03") == "00001002");
    CHECK(admin.ask("06 3d fe 02") == his);
    CHECK(admin.ask("06 3d fe 09") == "cb");
    ByteArray<4> id{};
    ByteWriter(id).write_u32(oper.client.bmc_id());
    CHECK(admin.ask("06 3d ff " + to_hex(id)) == his);
    CHECK(admin.ask("06 3d ff 00000000") == "cb");
    CHECK(admin.ask("06 3d fe") == "c7");
    CHECK(admin.ask("06 3d 01 00") == "c7");
}

TEST_CASE("a session idles out after a minute and its slot is free") {
    endpoint::Access access;
    access.sessions_max = 1;
    Rig rig(access);
    Visitor first = rig.admin(40000);
    Visitor second(rig, {}, 40001);
    CHECK(!second.log_in());
    CHECK(second.client.status() == wire::Status::insufficient_resources);
    rig.pass(61s);
    CHECK(rig.node.sessions().session_count() == 0);
    CHECK(second.log_in());
    CHECK(first.ask("06 01").empty());
}

TEST_CASE("a user's own session limit is kept to") {
    Rig rig;
    Visitor first = rig.admin(40000);
    REQUIRE(first.ask("06 43 0e 02 04 02") == "00"); // Set User Access: two at a time
    Visitor second = rig.admin(40001);
    Visitor third(rig, {}, 40002);
    CHECK_FALSE(third.log_in());
    CHECK(third.client.status() == wire::Status::insufficient_resources);
    CHECK(rig.node.sessions().session_count() == 2);

    rig.pass(20s);
    CHECK(first.ask("06 01").starts_with("00"));
    rig.pass(15s); // the second is idle for longer than the grace of 30 s
    CHECK(third.log_in());
    CHECK(rig.node.sessions().session_count() == 2);
    CHECK(second.ask("06 01").empty());
    CHECK(first.ask("06 01").starts_with("00"));

    REQUIRE(first.ask("06 43 0e 02 04 01") == "00"); // lowered: who is there may stay
    CHECK(third.ask("06 01").starts_with("00"));
    rig.pass(40s);
    Visitor fourth(rig, {}, 40003);
    CHECK_FALSE(fourth.log_in());
    REQUIRE(third.ask("06 3b 04") == "0004");
    REQUIRE(third.ask("06 43 0e 02 04 00") == "00"); // no limit of the user's
    CHECK(fourth.log_in());
}

TEST_CASE("strangers get three commands, in either framing, and nothing else") {
    Rig rig;
    const Peer stranger{IpAddress::v4(203, 0, 113, 9), 1234};
    const bool rmcp_plus = GENERATE(false, true);
    int answered = 0;
    for (unsigned command = 0; command < 256; ++command) {
        for (const u8 net_fn : {u8{0}, u8{4}, u8{6}, u8{0x0a}, u8{0x0c}, u8{0x2c}}) {
            const std::vector<u8> data = {0x0e, 0x04};
            const Packet packet = sessionless(rmcp_plus, net_fn, static_cast<u8>(command), data);
            const bool open =
                net_fn == 6 && (command == 0x37 || command == 0x38 || command == 0x54);
            const bool got = !rig.send(stranger, packet).empty();
            CHECK(got == open);
            answered += got ? 1 : 0;
        }
    }
    CHECK(answered == 3);
    CHECK(rig.all_intents.empty());
}
