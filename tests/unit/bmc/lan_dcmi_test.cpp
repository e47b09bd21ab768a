#include "bmc/bmc.h"
#include "support/sensors.h"

#include <catch2/catch.hpp>

using namespace vbmc;

namespace {

constexpr Now at{Mono(std::chrono::hours(1)), Wall(std::chrono::seconds(1'700'000'000))};

std::string id_of(const bmc::Bmc& model) {
    const auto id = controller_id(model);
    return {id.bytes().begin(), id.bytes().end()};
}

template <class Part>
std::vector<u8> saved(const Part& part) {
    std::vector<u8> bytes;
    part.save(bytes);
    return bytes;
}

} // namespace

TEST_CASE("a cipher suite keeps its privilege when the policy changes around it") {
    bmc::CipherPolicy policy;
    policy.set(ByteArray<2>{17, 3});
    CHECK(policy.max_privilege(17) == bmc::Privilege::administrator);
    CHECK(policy.max_privilege(1) == bmc::Privilege::none);
    policy.limit(3, bmc::Privilege::operator_);
    policy.limit(1, bmc::Privilege::oem); // not in the list
    policy.set(ByteArray<3>{3, 17, 1});
    CHECK(policy.max_privilege(3) == bmc::Privilege::operator_);
    CHECK(policy.max_privilege(1) == bmc::Privilege::administrator);
    CHECK(policy.ids().size() == 3);
    policy.set(ByteArray<20>{});
    CHECK(policy.ids().size() == bmc::CipherPolicy::capacity);
}

TEST_CASE("LAN settings persist whole or not at all") {
    bmc::Lan lan;
    lan.cipher_suites.set(ByteArray<2>{17, 3});
    lan.cipher_suites.limit(3, bmc::Privilege::user);
    lan.change().community[0] = 'x';
    const auto bytes = saved(lan);
    bmc::Lan again;
    again.cipher_suites.set(ByteArray<3>{3, 17, 8});
    REQUIRE(again.load(bytes));
    CHECK(again.settings().community[0] == 'x');
    CHECK(again.cipher_suites.max_privilege(3) == bmc::Privilege::user);
    CHECK(again.cipher_suites.max_privilege(8) == bmc::Privilege::administrator);
    bmc::Lan early; // loaded before the endpoint told its suites
    REQUIRE(early.load(bytes));
    early.cipher_suites.set(ByteArray<2>{17, 3});
    CHECK(early.cipher_suites.max_privilege(3) == bmc::Privilege::user);
    for (std::size_t n = 0; n < bytes.size(); ++n) {
        CHECK_FALSE(again.load(Bytes(bytes).first(n)));
    }
}

TEST_CASE("counters stop at their end") {
    u16 counter = 0xfffe;
    bmc::LanStatistics::count(counter);
    bmc::LanStatistics::count(counter);
    CHECK(counter == 0xffff);
}

TEST_CASE("power statistics know least, most and mean") {
    bmc::PowerStatistics watts;
    CHECK(watts.average() == 0);
    watts.add(at.mono, 100.4);
    watts.add(at.mono, 200);
    watts.add(at.mono, 150);
    CHECK(watts.current == 150);
    CHECK(watts.lowest == 100);
    CHECK(watts.highest == 200);
    CHECK(watts.average() == 150);
    watts.add(at.mono, 1e9);
    CHECK(watts.highest == 0xffff);
    watts.add(at.mono, -5);
    CHECK(watts.lowest == 0);
}

TEST_CASE("the power meter's readings are counted") {
    bmc::Config config;
    config.sensors = test::test_sensors();
    bmc::Bmc model(config, at);
    model.observe(at, bmc::PowerSeen{.state = bmc::PowerState::on});
    model.observe(at, bmc::SensorsSeen{{{test::power_meter, true, 321}, {test::fan, true, 3000}}});
    CHECK(model.dcmi.power.current == 321);
    CHECK(model.dcmi.power.count == 1);
}

TEST_CASE("asset tag and controller id have defaults and can be set") {
    bmc::Config config;
    config.mac = {0x02, 0x00, 0x00, 0xab, 0xcd, 0xef};
    bmc::Bmc model(config, at);
    CHECK(asset_tag(model).empty());
    CHECK(id_of(model) == "DCMI020000abcdef");
    model.observe(
        at, bmc::IdentitySeen{.manufacturer = "", .product = "", .serial = "", .asset_tag = "tag"}
    );
    CHECK(asset_tag(model) == "tag");
    model.dcmi.change().has_asset_tag = true;
    CHECK(asset_tag(model).empty());
    model.dcmi.change().controller_id = "bmc-1";
    CHECK(id_of(model) == "bmc-1");
}

TEST_CASE("DCMI settings persist whole or not at all") {
    bmc::Dcmi dcmi;
    CHECK(saved(dcmi).size() == 1);
    dcmi.change().asset_tag = std::string(63, 'a');
    dcmi.change().has_asset_tag = true;
    dcmi.change().controller_id = std::string(64, 'c');
    dcmi.change().dhcp_retry_interval = 500;
    const auto bytes = saved(dcmi);
    bmc::Dcmi again;
    REQUIRE(again.load(bytes));
    CHECK(again.settings().asset_tag == std::string(63, 'a'));
    CHECK(again.settings().controller_id == std::string(64, 'c'));
    CHECK(again.settings().dhcp_retry_interval == 500);
    for (std::size_t n = 2; n < bytes.size(); ++n) {
        CHECK_FALSE(again.load(Bytes(bytes).first(n)));
    }
    CHECK(again.settings().asset_tag.size() == 63);
}

TEST_CASE("an image is a URL, or host and path") {
    bmc::VirtualMedia media;
    CHECK(media.image().empty());
    media.set_host("10.0.0.1");
    CHECK(media.image().empty());
    media.set_path("iso/boot.iso");
    CHECK(media.image() == "nfs://10.0.0.1/iso/boot.iso");
    media.set_path("/iso/boot.iso");
    CHECK(media.image() == "nfs://10.0.0.1/iso/boot.iso");
    media.set_image("http://10.0.0.1/a.iso");
    CHECK(media.image() == "http://10.0.0.1/a.iso");
    media.forget();
    CHECK(media.image().empty());
}
