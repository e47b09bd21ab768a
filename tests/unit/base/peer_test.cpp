#include "base/peer.h"

#include <catch2/catch.hpp>

using namespace vbmc;

TEST_CASE("addresses read and print") {
    for (const char* text : {"192.0.2.1", "::1", "2001:db8::7", "127.0.0.1", "fe80::1%3"}) {
        const auto address = IpAddress::parse(text);
        REQUIRE(address);
        CHECK(address->to_string() == text);
    }
    for (const char* text : {"", "localhost", "1.2.3", "1.2.3.4.5", "fe80::1%eth", "::g"}) {
        CHECK_FALSE(IpAddress::parse(text));
    }
    CHECK(IpAddress::parse("127.9.9.9")->is_loopback());
    CHECK(IpAddress::parse("0.0.0.0")->is_any());
    CHECK(IpAddress::parse("::")->is_any());
    CHECK_FALSE(IpAddress::parse("::1")->is_v4());
}

TEST_CASE("a peer brackets IPv6") {
    CHECK(Peer{*IpAddress::parse("::1"), 623}.to_string() == "[::1]:623");
    CHECK(Peer{*IpAddress::parse("10.0.0.1"), 1}.to_string() == "10.0.0.1:1");
}

TEST_CASE("networks contain by prefix") {
    const auto net = IpNetwork::parse("10.1.0.0/22");
    REQUIRE(net);
    CHECK(net->contains(*IpAddress::parse("10.1.3.255")));
    CHECK_FALSE(net->contains(*IpAddress::parse("10.1.4.0")));
    CHECK(net->to_string() == "10.1.0.0/22");
    CHECK(IpNetwork::parse("192.0.2.1")->contains(*IpAddress::parse("192.0.2.1")));
    CHECK_FALSE(IpNetwork::parse("10.0.0.0/33"));
    CHECK_FALSE(IpNetwork::parse("10.0.0.0/x"));
    CHECK(IpNetwork::parse("0.0.0.0/0")->contains(*IpAddress::parse("8.8.8.8")));
}
