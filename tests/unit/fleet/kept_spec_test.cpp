#include "fleet/kept_spec.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::fleet;

namespace {

/// Every field different from its default; a text of more than 127 bytes, and one of none.
NodeSpec rich() {
    NodeSpec spec;
    spec.name = "web-1";
    spec.uid = "6f1d2c3b-0a9e-4f00-8123-456789abcdef";
    spec.etag = "e42";
    spec.address = *IpAddress::parse("2001:db8::7");
    spec.port = 6231;
    spec.targets = {
        {"main", "metal", {{"token", std::string(300, 't')}, {"uuid", "u"}}},
        {"host", "ssh", {{"host", ""}}},
    };
    spec.routes = {{"soft", "host"}};
    spec.labels = {{"rack", "r1"}, {"zero", std::string("a\0b", 3)}};
    spec.annotations = {{"note", "\xc3\xa4"}};
    spec.policy.cipher_suites = {3};
    spec.policy.allow = {*IpNetwork::parse("10.0.0.0/8")};
    spec.enabled = false;
    spec.source = "lab";
    spec.machine = "i-7";
    return spec;
}

} // namespace

TEST_CASE("what is kept comes back as it was", "[spec]") {
    NodeSpec plain;
    plain.name = "n1";
    for (const NodeSpec& spec : {rich(), plain, NodeSpec()}) {
        const KeptSpec kept(spec);
        CHECK(kept.open() == spec);
        CHECK(kept.name() == spec.name);
        CHECK(kept.uid() == spec.uid);
        CHECK(kept.endpoint() == Peer{spec.address, spec.port});
        CHECK(kept.enabled() == spec.enabled);
    }
}

TEST_CASE("a kept specification moves, and leaves nothing behind", "[spec]") {
    KeptSpec first(rich());
    KeptSpec second(std::move(first));
    CHECK(second.open() == rich());
    first = KeptSpec(NodeSpec());
    CHECK(first.open() == NodeSpec());
    first = std::move(second);
    CHECK(first.open() == rich());
}
