// Transport commands (IPMI 2.0 §23, §26) byte for byte.

#include "unit/ipmi/rig.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using test::Rig;

namespace {

bmc::Config at_address(const char* address, u16 port) {
    bmc::Config made = test::config();
    made.address = {*IpAddress::parse(address), port};
    made.network_prefix = 22;
    made.gateway = *IpAddress::parse("192.0.2.1");
    made.mac = {2, 0, 0, 0xaa, 0xbb, 0xcc};
    return made;
}

Rig v4() {
    Rig rig(at_address("192.0.2.7", 623));
    rig.bmc.lan.cipher_suites.set(ByteArray<2>{17, 3});
    rig.bmc.lan.authentication_types = 0x04;
    return rig;
}

struct Row {
    const char* name;
    const char* request;
    const char* reply;
};

} // namespace

TEST_CASE("LAN parameters show the endpoint's own network") {
    const Row row = GENERATE(values<Row>({
        {"revision only", "0c 02 81 03 00 00", "00 11"},
        {"set in progress", "0c 02 01 00 00 00", "00 11 00"},
        {"authentication types", "0c 02 01 01 00 00", "00 11 04"},
        {"authentication enables", "0c 02 01 02 00 00", "00 11 04 04 04 04 04"},
        {"IP address, current channel", "0c 02 0e 03 00 00", "00 11 c0 00 02 07"},
        {"IP address source", "0c 02 01 04 00 00", "00 11 01"},
        {"MAC address", "0c 02 01 05 00 00", "00 11 02 00 00 aa bb cc"},
        {"subnet mask", "0c 02 01 06 00 00", "00 11 ff ff fc 00"},
        {"IPv4 header", "0c 02 01 07 00 00", "00 11 40 40 10"},
        {"primary port", "0c 02 01 08 00 00", "00 11 6f 02"},
        {"secondary port", "0c 02 01 09 00 00", "00 11 98 02"},
        {"ARP control", "0c 02 01 0a 00 00", "00 11 00"},
        {"ARP interval", "0c 02 01 0b 00 00", "00 11 04"},
        {"gateway", "0c 02 01 0c 00 00", "00 11 c0 00 02 01"},
        {"gateway's MAC", "0c 02 01 0d 00 00", "00 11 00 00 00 00 00 00"},
        {"backup gateway", "0c 02 01 0e 00 00", "00 11 00 00 00 00"},
        {"backup gateway's MAC", "0c 02 01 0f 00 00", "00 11 00 00 00 00 00 00"},
        {"community",
         "0c 02 01 10 00 00",
         "00 11 70 75 62 6c 69 63 00 00 00 00 00 00 00 00 00 00 00 00"},
        {"destinations", "0c 02 01 11 00 00", "00 11 00"},
        {"destination type", "0c 02 01 12 00 00", "00 11 00 00 00 00"},
        {"destination 1", "0c 02 01 12 01 00", "c9"},
        {"destination address",
         "0c 02 01 13 00 00",
         "00 11 00 00 00 00 00 00 00 00 00 00 00 00 00"},
        {"VLAN", "0c 02 01 14 00 00", "00 11 00 00"},
        {"VLAN priority", "0c 02 01 15 00 00", "00 11 00"},
        {"cipher suites, count", "0c 02 01 16 00 00", "00 11 02"},
        {"cipher suites", "0c 02 01 17 00 00", "00 11 00 11 03"},
        {"cipher suites, privileges", "0c 02 01 18 00 00", "00 11 00 44 00 00 00 00 00 00 00"},
        {"bad password threshold", "0c 02 01 1a 00 00", "00 11 00 00 00 00 00 00"},
        {"unknown", "0c 02 01 1b 00 00", "80"},
        {"OEM", "0c 02 01 c0 00 00", "80"},
        {"IPv6 support", "0c 02 01 32 00 00", "00 11 01"},
        {"IPv6 enables", "0c 02 01 33 00 00", "00 11 00"},
        {"IPv6 status", "0c 02 01 37 00 00", "00 11 01 00 00"},
        {"IPv6 address",
         "0c 02 01 38 00 00",
         "00 11 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01"},
        {"IPv6 address 1", "0c 02 01 38 01 00", "c9"},
        {"no channel", "0c 02 02 03 00 00", "cc"},
        {"statistics", "0c 04 01 00", "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"},
        {"statistics, no channel", "0c 04 05 00", "cc"},
        {"Suspend BMC ARPs", "0c 03 01 03", "00 00"},
        {"Suspend BMC ARPs, no channel", "0c 03 00 03", "cc"},
    }));
    INFO(row.name);
    Rig rig = v4();
    CHECK(rig.ask(row.request) == row.reply);
}

TEST_CASE("an IPv6 endpoint shows its address there") {
    Rig rig(at_address("2001:db8::7", 6230));
    CHECK(rig.ask("0c 02 01 03 00 00") == "00 11 00 00 00 00");
    CHECK(rig.ask("0c 02 01 06 00 00") == "00 11 00 00 00 00");
    CHECK(rig.ask("0c 02 01 08 00 00") == "00 11 56 18");
    CHECK(rig.ask("0c 02 01 33 00 00") == "00 11 01");
    CHECK(
        rig.ask("0c 02 01 38 00 00") ==
        "00 11 00 80 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 07 16 00"
    );
}

TEST_CASE("LAN parameters that are not IPMI's to change") {
    const char* request = GENERATE(
        "0c 01 01 01 04",
        "0c 01 01 03 0a 00 00 01",
        "0c 01 01 04 02",
        "0c 01 01 05 00 00 00 00 00 00",
        "0c 01 01 06 ff ff ff 00",
        "0c 01 01 08 6f 02",
        "0c 01 01 0c 0a 00 00 01",
        "0c 01 01 11 01",
        "0c 01 01 14 01 80",
        "0c 01 01 16 02",
        "0c 01 01 17 00 00",
        "0c 01 01 1a 01 03 00 00 00 00",
        "0c 01 01 38 00 80"
    );
    INFO(request);
    Rig rig = v4();
    CHECK(rig.ask(request) == "82");
    CHECK(rig.bmc.dirty.empty());
}

TEST_CASE("LAN parameters that are kept") {
    Rig rig = v4();
    CHECK(rig.ask("0c 01 01 00 01") == "00");
    CHECK(rig.bmc.dirty.empty());
    CHECK(rig.ask("0c 01 01 00 01") == "81");
    CHECK(rig.ask("0c 01 01 10 73 65 63 72 65 74 00 00 00 00 00 00 00 00 00 00 00 00") == "00");
    CHECK(rig.ask("0c 02 01 10 00 00").substr(0, 23) == "00 11 73 65 63 72 65 74");
    CHECK(rig.ask("0c 01 01 02 14 00 00 00 00") == "00");
    CHECK(rig.ask("0c 02 01 02 00 00") == "00 11 04 00 00 00 00");
    CHECK(rig.ask("0c 01 01 0a 03") == "00");
    CHECK(rig.ask("0c 02 01 0a 00 00") == "00 11 03");
    CHECK(rig.ask("0c 01 01 12 00 01 02 03") == "00");
    CHECK(rig.ask("0c 02 01 12 00 00") == "00 11 00 01 02 03");
    CHECK(rig.ask("0c 01 01 12 01 01 02 03") == "c9");
    CHECK(rig.ask("0c 01 01 00 00") == "00");
    CHECK(rig.bmc.dirty.has(bmc::Section::channel));
    Rig again = v4();
    REQUIRE(
        again.bmc.load(bmc::Section::channel, rig.bmc.save(bmc::Section::channel, rig.now), rig.now)
    );
    CHECK(again.ask("0c 02 01 0a 00 00") == "00 11 03");
    CHECK(rig.ask("0c 01 01 0a 03 03") == "c7");
    CHECK(rig.ask("0c 01 01 10 73") == "c7");
    CHECK(rig.ask("0c 01 01 70 73") == "80");
    CHECK(rig.ask("0c 01 03 0a 03") == "cc");
}

TEST_CASE("the privilege of a cipher suite can be lowered and is obeyed by the policy") {
    Rig rig = v4();
    CHECK(rig.ask("0c 01 01 18 00 34 00 00 00 00 00 00 00") == "00");
    CHECK(rig.ask("0c 02 01 18 00 00") == "00 11 00 34 00 00 00 00 00 00 00");
    CHECK(rig.bmc.lan.cipher_suites.max_privilege(17) == bmc::Privilege::administrator);
    CHECK(rig.bmc.lan.cipher_suites.max_privilege(3) == bmc::Privilege::operator_);
    CHECK(rig.ask("0c 01 01 18 00 36 00 00 00 00 00 00 00") == "cc");
    CHECK(rig.ask("0c 01 01 18 00 34") == "c7");
    CHECK(
        rig.ask("0c 01 01 18 00 00 44 00 00 00 00 00 00") == "cc"
    ); // all off: nobody could log in
    CHECK(rig.bmc.lan.cipher_suites.max_privilege(17) == bmc::Privilege::administrator);
}

TEST_CASE("statistics are cleared after they are told") {
    Rig rig = v4();
    rig.bmc.lan.statistics.udp_received = 0x0102;
    rig.bmc.lan.statistics.proxy_dropped = 5;
    const std::string full = "00 00 00 00 00 00 00 00 00 00 00 02 01 00 00 00 00 05 00";
    CHECK(rig.ask("0c 04 01 01") == full);
    CHECK(rig.ask("0c 04 01 00") == "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00");
}

TEST_CASE("SOL parameters answer byte for byte") {
    const Row row = GENERATE(values<Row>({
        {"revision only", "0c 22 8e 00 00 00", "00 11"},
        {"set in progress", "0c 22 0e 00 00 00", "00 11 00"},
        {"enable", "0c 22 01 01 00 00", "00 11 01"},
        {"authentication", "0c 22 01 02 00 00", "00 11 c2"},
        {"accumulate", "0c 22 01 03 00 00", "00 11 0c 60"},
        {"retry", "0c 22 01 04 00 00", "00 11 07 32"},
        {"bit rate stored", "0c 22 01 05 00 00", "00 11 0a"},
        {"bit rate", "0c 22 01 06 00 00", "00 11 0a"},
        {"payload channel", "0c 22 01 07 00 00", "00 11 01"},
        {"payload port", "0c 22 01 08 00 00", "00 11 6f 02"},
        {"unknown", "0c 22 01 09 00 00", "80"},
        {"no channel", "0c 22 03 01 00 00", "cc"},
        {"set channel", "0c 21 01 07 01", "82"},
        {"set port", "0c 21 01 08 6f 02", "82"},
        {"set unknown", "0c 21 01 09 00", "80"},
        {"set privilege callback", "0c 21 01 02 01", "cc"},
        {"set privilege 6", "0c 21 01 02 06", "cc"},
        {"set accumulate 0", "0c 21 01 03 00 60", "cc"},
        {"set threshold 0", "0c 21 01 03 0c 00", "cc"},
        {"set bit rate 5", "0c 21 01 05 05", "cc"},
        {"set bit rate 11", "0c 21 01 06 0b", "cc"},
        {"set retry, too short", "0c 21 01 04 07", "c7"},
        {"set, no channel", "0c 21 02 01 01", "cc"},
    }));
    INFO(row.name);
    Rig rig = v4();
    CHECK(rig.ask(row.request) == row.reply);
    CHECK(rig.bmc.dirty.empty());
}

TEST_CASE("SOL parameters read back as set") {
    struct Pair {
        const char* set;
        const char* get;
        const char* reply;
    };

    const Pair pair = GENERATE(values<Pair>({
        {"0c 21 0e 01 00", "0c 22 01 01 00 00", "00 11 00"},
        {"0c 21 0e 02 44", "0c 22 01 02 00 00", "00 11 44"},
        {"0c 21 0e 03 06 14", "0c 22 01 03 00 00", "00 11 06 14"},
        {"0c 21 0e 04 ff 64", "0c 22 01 04 00 00", "00 11 07 64"},
        {"0c 21 0e 05 06", "0c 22 01 05 00 00", "00 11 06"},
    }));
    INFO(pair.set);
    Rig rig = v4();
    CHECK(rig.ask(pair.set) == "00");
    CHECK(rig.ask(pair.get) == pair.reply);
    CHECK(rig.bmc.dirty.has(bmc::Section::channel));
    Rig again = v4();
    REQUIRE(
        again.bmc.load(bmc::Section::channel, rig.bmc.save(bmc::Section::channel, rig.now), rig.now)
    );
    CHECK(again.ask(pair.get) == pair.reply);
}

TEST_CASE("the present bit rate is not kept") {
    Rig rig = v4();
    CHECK(rig.ask("0c 21 01 06 07") == "00");
    CHECK(rig.ask("0c 22 01 06 00 00") == "00 11 07");
    CHECK(rig.ask("0c 22 01 05 00 00") == "00 11 0a");
    CHECK(rig.ask("0c 21 01 00 01") == "00");
    CHECK(rig.ask("0c 21 01 00 01") == "81");
    CHECK(rig.bmc.dirty.empty());
}
