#include "backend/ipmi/records.h"
#include "bmc/fru.h"
#include "bmc/sdr.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::backend::ipmi;

namespace {

bmc::SensorSpec temperature(u8 number, const std::string& name) {
    bmc::SensorSpec spec;
    spec.number = number;
    spec.name = name;
    spec.type = bmc::sensor_type::temperature;
    spec.unit = bmc::SensorUnit::degrees_c;
    spec.linear = {-2, 300, 1, -1, true};
    spec.thresholds[static_cast<std::size_t>(bmc::Threshold::upper_critical)] = 291.0;
    spec.thresholds[static_cast<std::size_t>(bmc::Threshold::lower_non_critical)] = 310.0;
    return spec;
}

bmc::SensorSpec discrete(u8 number) {
    bmc::SensorSpec spec;
    spec.number = number;
    spec.name = "Drive 1";
    spec.type = bmc::sensor_type::drive_slot;
    spec.reading = bmc::reading_type::sensor_specific;
    spec.states = 0x0103;
    spec.entity_id = bmc::entity::disk;
    return spec;
}

/// The records that our own controller makes of a set.
std::vector<UpstreamSensor> through_sdrs(const bmc::SensorSet& set) {
    std::vector<UpstreamSensor> all;
    for (std::size_t i = 0; i < bmc::sdr_count(&set); ++i) {
        const bmc::SdrRecord record = bmc::sdr_record(&set, i);
        for (UpstreamSensor& sensor : sensors_in(record.bytes())) {
            all.push_back(std::move(sensor));
        }
    }
    return all;
}

const UpstreamSensor* find(const std::vector<UpstreamSensor>& all, u8 number) {
    for (const UpstreamSensor& sensor : all) {
        if (sensor.number == number) {
            return &sensor;
        }
    }
    return nullptr;
}

} // namespace

TEST_CASE("a sensor record says what its sensor is") {
    bmc::SensorSet set;
    set.sensors = {temperature(0x20, "Inlet"), discrete(0x21)};
    const auto all = through_sdrs(set);

    const UpstreamSensor* inlet = find(all, 0x20);
    REQUIRE(inlet != nullptr);
    CHECK(inlet->spec.name == "Inlet");
    CHECK(inlet->spec.unit == bmc::SensorUnit::degrees_c);
    CHECK(inlet->spec.linear.m == -2);
    CHECK(inlet->spec.linear.b == 300);
    CHECK(inlet->spec.linear.b_exponent == 1);
    CHECK(inlet->spec.linear.r_exponent == -1);
    CHECK(inlet->spec.linear.is_signed);
    CHECK(inlet->spec.threshold_mask() == set.sensors[0].threshold_mask());
    for (std::size_t i = 0; i < bmc::threshold_count; ++i) {
        if (set.sensors[0].thresholds[i]) {
            CHECK(*inlet->spec.thresholds[i] == Approx(*set.sensors[0].thresholds[i]).margin(0.11));
        }
    }

    const UpstreamSensor* drive = find(all, 0x21);
    REQUIRE(drive != nullptr);
    CHECK(drive->spec.name == "Drive 1");
    CHECK(drive->spec.states == 0x0103);
    CHECK(drive->spec.entity_id == bmc::entity::disk);
}

TEST_CASE("broken records are left out, whatever they are cut to") {
    bmc::SensorSet set;
    set.sensors = {temperature(0x20, "Inlet"), discrete(0x21)};
    for (std::size_t i = 0; i < bmc::sdr_count(&set); ++i) {
        const bmc::SdrRecord record = bmc::sdr_record(&set, i);
        for (std::size_t size = 0; size < record.size(); ++size) {
            for (const UpstreamSensor& sensor : sensors_in(record.bytes().first(size))) {
                CHECK(sensor.spec.name.size() <= 16);
            }
        }
    }
    std::vector<u8> nonlinear(64, 0x07);
    nonlinear[3] = 0x01;
    nonlinear[13] = 0x01;
    CHECK(sensors_in(nonlinear).empty());
}

TEST_CASE("a compact record that several sensors share") {
    bmc::SensorSet set;
    set.sensors = {discrete(0x21)};
    std::vector<u8> record;
    for (std::size_t i = 0; i < bmc::sdr_count(&set); ++i) {
        const bmc::SdrRecord one = bmc::sdr_record(&set, i);
        if (one.bytes()[3] == 0x02 && one.bytes()[7] == 0x21) {
            record.assign(one.bytes().begin(), one.bytes().end());
        }
    }
    REQUIRE(record.size() > 31);
    record[5 + 18] = 0x03; // three of them, numbered
    record[5 + 19] = 0x81; // from 1, each its own entity instance
    const auto all = sensors_in(record);
    REQUIRE(all.size() == 3);
    CHECK(all[2].number == 0x23);
    CHECK(all[2].spec.name == "Drive 13");
    CHECK(all[2].spec.entity_instance == 3);
}

TEST_CASE("sensors keep their numbers where those are free, and get others where not") {
    std::vector<UpstreamSensor> all = {
        {0x01, temperature(0, "low")},
        {0x10, temperature(0, "fits")},
        {0x10, temperature(0, "twice")},
        {0xff, temperature(0, "high")}};
    const SensorMap map = map_sensors(all);
    CHECK(map.set->sensors.size() == 3);
    CHECK(map.to_here.at(0x10) == 0x10);
    CHECK(map.to_here.at(0x01) == 0x11);
    CHECK(map.to_here.at(0xff) == 0x12);
    CHECK(map.set->find(0x10)->name == "fits");
    for (std::size_t i = 1; i < map.set->sensors.size(); ++i) {
        CHECK(map.set->sensors[i - 1].number < map.set->sensors[i].number);
    }

    ByteArray<16> event = {1, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, 1, 0x01};
    renumber_event(event, map);
    CHECK(event[11] == 0x11);
    ByteArray<16> of_software = {1, 0, 2, 0, 0, 0, 0, 0x41, 0, 4, 1, 0x01};
    renumber_event(of_software, map);
    CHECK(of_software[11] == 0x01);
}

TEST_CASE("a sensor that is named like one of the node's own") {
    UpstreamSensor watchdog{0x90, {}};
    watchdog.spec.name = "Watchdog";
    UpstreamSensor fan{0x91, {}};
    fan.spec.name = "Fan A";
    const SensorMap map = map_sensors({watchdog, fan});
    CHECK(map.set->find(0x90)->name == "Watchdog (BMC)");
    CHECK(map.set->find(0x91)->name == "Fan A");
    for (const bmc::SensorSpec& own : bmc::standard_sensors().sensors) {
        watchdog.spec.name = own.name;
        const SensorMap again = map_sensors({watchdog});
        CHECK(again.set->find(0x90)->name != own.name);
        CHECK(again.set->find(0x90)->name.size() <= 16);
    }
}

TEST_CASE("more sensors than a controller can number") {
    std::vector<UpstreamSensor> all;
    for (int i = 0; i <= 0xff; ++i) {
        all.push_back({static_cast<u8>(i), temperature(0, "t")});
    }
    const SensorMap map = map_sensors(all);
    CHECK(map.set->sensors.size() == 0xe0);
    CHECK(map.to_here.size() == 0xe0);
}

TEST_CASE("readings") {
    struct Row {
        const char* name;
        std::vector<u8> answer;
        bool available;
        double value;
    };

    const Row row = GENERATE(
        Row{"a value", {0x05, 0xc0, 0xc0}, true, 299.0},
        Row{"a negative one", {0xfb, 0xc0, 0xc0}, true, 301.0},
        Row{"unavailable", {0x05, 0xe0, 0xc0}, false, 0},
        Row{"not scanned", {0x05, 0x80, 0xc0}, false, 0},
        Row{"nothing", {}, false, 0}
    );
    INFO(row.name);
    const bmc::SensorReading reading = reading_of(temperature(0x20, "x"), row.answer);
    CHECK(reading.available == row.available);
    CHECK(reading.value == Approx(row.value));
    const std::vector<u8> states = {0, 0xc0, 0x02, 0x81};
    CHECK(reading_of(discrete(0x21), states).value == Approx(0x0102));
}

TEST_CASE("the product's names are read from a FRU image") {
    bmc::Config config;
    config.name = "n1";
    bmc::Fru fru;
    bmc::IdentitySeen known;
    known.manufacturer = "Acme";
    known.product = "Anvil";
    known.serial = "SN1";
    known.asset_tag = "A7";
    fru.observe(known);
    ByteArray<bmc::Fru::size> image{};
    fru.read(config, 0, image);
    const bmc::IdentitySeen seen = identity_in(image);
    CHECK(seen.manufacturer == "Acme");
    CHECK(seen.product == "Anvil");
    CHECK(seen.serial == "SN1");
    CHECK(seen.asset_tag == "A7");
    for (std::size_t size = 0; size < 300; ++size) {
        static_cast<void>(identity_in(Bytes(image).first(size)));
    }
}

TEST_CASE("texts of every kind") {
    const ByteArray<3> packed = {0x29, 0xdc, 0xa6}; // the specification's own example
    CHECK(text_of(0x83, packed) == "IPMI");
    const ByteArray<2> bcd = {0x12, 0xb3};
    CHECK(text_of(0x42, bcd) == "12-3");
    const ByteArray<4> ascii = {'a', 0x07, 'b', ' '};
    CHECK(text_of(0xc4, ascii) == "a.b");
    CHECK(text_of(0x02, bcd).empty());
}
