#include "fleet/addresses.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using fleet::Addresses;

namespace {

IpAddress ip(const char* text) {
    return *IpAddress::parse(text);
}

IpNetwork net(const char* text) {
    return *IpNetwork::parse(text);
}

} // namespace

TEST_CASE("an endpoint belongs to one node", "[addresses]") {
    Addresses all({}, 6230, 6240);
    const Peer a{ip("127.0.0.1"), 623};
    REQUIRE(all.claim(a, "n1"));
    REQUIRE(all.claim(a, "n1")); // its own
    const auto taken = all.claim(a, "n2");
    REQUIRE(taken.has_error());
    CHECK(taken.error().reason == "ENDPOINT_IN_USE");
    CHECK(taken.error().message.find("'n1'") != std::string::npos);
    CHECK(all.owner(a) == "n1");
    REQUIRE(all.claim({ip("127.0.0.2"), 623}, "n2"));
    all.release(a);
    REQUIRE(all.claim(a, "n3"));
}

TEST_CASE("all addresses are each of them", "[addresses]") {
    Addresses all({}, 6230, 6240);
    REQUIRE(all.claim({ip("0.0.0.0"), 700}, "v4"));
    CHECK(
        all.claim({ip("127.0.0.1"), 700}, "n1").error().message.find("'v4'") != std::string::npos
    );
    CHECK(all.claim({ip("::"), 700}, "both").error().message.find("'v4'") != std::string::npos);
    CHECK(all.claim({ip("::1"), 700}, "n2").has_value());
    REQUIRE(all.claim({ip("::"), 701}, "both"));
    CHECK(all.claim({ip("::1"), 701}, "n3").has_error());
    CHECK(all.claim({ip("127.0.0.1"), 701}, "n3").has_error());
    CHECK(all.claim({ip("0.0.0.0"), 701}, "n3").has_error());
    CHECK(all.claim({ip("127.0.0.1"), 701}, "both").has_value()); // its own
    REQUIRE(all.claim({ip("127.0.0.1"), 702}, "n4"));
    CHECK(all.claim({ip("0.0.0.0"), 702}, "n5").error().message.find("'n4'") != std::string::npos);
    CHECK(all.claim({ip("::"), 702}, "n5").has_error());
}

TEST_CASE("ports are given from the range, in order, gaps first", "[addresses]") {
    Addresses all({}, 6230, 6234);
    const IpAddress local = ip("127.0.0.1");
    for (u16 port = 6230; port <= 6234; ++port) {
        const auto free = all.free_port(local);
        REQUIRE(free.has_value());
        CHECK(*free == port);
        REQUIRE(all.claim({local, *free}, "n" + std::to_string(port)));
    }
    const auto none = all.free_port(local);
    REQUIRE(none.has_error());
    CHECK(none.error().reason == "PORTS_EXHAUSTED");
    all.release({local, 6232});
    CHECK(*all.free_port(local) == 6232);
    CHECK(*all.free_port(ip("127.0.0.2")) == 6230); // each address has its own ports
    CHECK(all.free_port(local, 6232).has_error());
    all.release({local, 6234});
    CHECK(*all.free_port(local, 6232) == 6234);
}

TEST_CASE("addresses are given from the pool", "[addresses]") {
    struct Row {
        std::vector<IpNetwork> pool;
        std::vector<const char*> expected;
    };

    for (const Row& row : {
             Row{{net("10.1.0.0/30")}, {"10.1.0.1", "10.1.0.2"}},
             Row{{net("10.1.0.0/31")}, {"10.1.0.0", "10.1.0.1"}},
             Row{{net("10.1.0.7")}, {"10.1.0.7"}},
             Row{{net("10.1.0.5/30")}, {"10.1.0.5", "10.1.0.6"}}, // host bits are ignored
             Row{{net("10.1.0.0/30"), net("10.2.0.9")}, {"10.1.0.1", "10.1.0.2", "10.2.0.9"}},
             Row{{net("2001:db8::/126")}, {"2001:db8::1", "2001:db8::2", "2001:db8::3"}},
         }) {
        Addresses all(row.pool, 6230, 6240);
        for (const char* expected : row.expected) {
            const auto free = all.free_address();
            REQUIRE(free.has_value());
            CHECK(free->to_string() == expected);
            REQUIRE(all.claim({*free, 623}, expected));
        }
        const auto none = all.free_address();
        REQUIRE(none.has_error());
        CHECK(none.error().reason == "ADDRESS_POOL_EMPTY");
        all.release({ip(row.expected[0]), 623});
        CHECK(all.free_address()->to_string() == row.expected[0]);
    }
    CHECK(
        Addresses({}, 1, 2).free_address().error().hint.find("address-pool") != std::string::npos
    );
}

TEST_CASE("a pool of thousands is given out quickly", "[addresses]") {
    Addresses all({net("10.0.0.0/16")}, 6230, 65535);
    for (int i = 0; i < 20'000; ++i) {
        const auto free = all.free_address();
        REQUIRE(free.has_value());
        REQUIRE(all.claim({*free, 623}, std::to_string(i)));
    }
    for (int i = 0; i < 20'000; ++i) {
        const auto free = all.free_port(ip("127.0.0.1"));
        REQUIRE(free.has_value());
        REQUIRE(all.claim({ip("127.0.0.1"), *free}, std::to_string(i)));
    }
    CHECK(all.free_address()->to_string() == "10.0.78.33");
}
