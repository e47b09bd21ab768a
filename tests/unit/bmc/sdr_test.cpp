#include "bmc/sdr.h"
#include "support/sensors.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using bmc::SdrRecord;

namespace {

std::vector<u8> bytes_of(const SdrRecord& record) {
    return {record.bytes().begin(), record.bytes().end()};
}

std::size_t index_of(const bmc::SensorSet* own, u8 sensor) {
    return static_cast<std::size_t>(*bmc::sdr_record_id(own, sensor)) - 1;
}

} // namespace

TEST_CASE("every record has a header that counts its body") {
    const auto own = test::test_sensors();
    REQUIRE(bmc::sdr_count(nullptr) == 9);
    REQUIRE(bmc::sdr_count(own.get()) == 14);
    for (std::size_t i = 0; i < bmc::sdr_count(own.get()); ++i) {
        const SdrRecord record = bmc::sdr_record(own.get(), i);
        INFO("record " << i);
        REQUIRE(record.size() > 5);
        CHECK(record.bytes()[0] == i + 1);
        CHECK(record.bytes()[1] == 0);
        CHECK(record.bytes()[2] == 0x51);
        CHECK(record.bytes()[4] == record.size() - 5);
    }
}

TEST_CASE("the repository begins with the controller and the node's FRU") {
    CHECK(bytes_of(bmc::sdr_record(nullptr, 0)) == std::vector<u8>{1,   0,   0x51, 0x12, 16,  0x20,
                                                                   0,   0,   0x9f, 0,    0,   0,
                                                                   6,   1,   0,    0xc5, 'v', 'b',
                                                                   'm', 'c', 'd'});
    CHECK(bytes_of(bmc::sdr_record(nullptr, 1)) == std::vector<u8>{2,    0,   0x51, 0x11, 15,
                                                                   0x20, 0,   0x80, 0,    0,
                                                                   0x10, 0,   23,   1,    0,
                                                                   0xc4, 'N', 'o',  'd',  'e'});
}

TEST_CASE("sensors that every node has are compact or event-only records") {
    const SdrRecord power =
        bmc::sdr_record(nullptr, index_of(nullptr, bmc::sensor_number::power_unit));
    CHECK(power.bytes()[3] == 0x02);
    CHECK(power.bytes()[7] == bmc::sensor_number::power_unit);
    CHECK(power.bytes()[12] == 0x09);
    CHECK(power.bytes()[13] == 0x6f);
    CHECK(power.bytes()[14] == 0x63);
    CHECK(power.bytes()[20] == 0xc0);
    CHECK(power.bytes()[31] == (0xc0 | 10)); // "Power Unit"
    const SdrRecord boot = bmc::sdr_record(nullptr, index_of(nullptr, bmc::sensor_number::boot));
    CHECK(boot.bytes()[3] == 0x03);
    CHECK(boot.bytes()[10] == 0x1d);
    CHECK(boot.bytes()[16] == (0xc0 | 11)); // "System Boot"
}

TEST_CASE("an analog sensor is a full record with factors and thresholds") {
    const auto own = test::test_sensors();
    const SdrRecord record = bmc::sdr_record(own.get(), index_of(own.get(), test::cpu_temperature));
    const std::vector<u8> expected = {
        10,   0,    0x51, 0x01, 51,   0x20, 0,    0x10, 3,   1,   0x7f, 0x68, 0x01, 0x01,
        0x95, 0x7a, 0x95, 0x7a, 0x3f, 0x3f, 0x80, 1,    0,   0,   1,    0,    0,    0,
        0,    0,    0,    0,    0,    0,    0x7f, 0x80, 100, 90,  80,   0xf6, 0,    5,
        2,    2,    0,    0,    0,    0xc8, 'C',  'P',  'U', ' ', 'T',  'e',  'm',  'p'};
    CHECK(bytes_of(record) == expected);
    const SdrRecord fan = bmc::sdr_record(own.get(), index_of(own.get(), test::fan));
    CHECK(fan.bytes()[14] == 0x04); // lower critical going low
    CHECK(fan.bytes()[15] == 0x20); // and it is compared
    CHECK(fan.bytes()[18] == 0x02);
    CHECK(fan.bytes()[19] == 0x02);
    CHECK(fan.bytes()[24] == 50);
    CHECK(fan.bytes()[40] == 10);
}

TEST_CASE("factors carry ten-bit M and B and four-bit exponents") {
    bmc::Linear linear;
    linear.m = -300;
    linear.b = 511;
    linear.r_exponent = -3;
    linear.b_exponent = 2;
    // -300 = 10 1101 0100b
    CHECK(bmc::reading_factors(linear) == ByteArray<6>{0xd4, 0x80, 0xff, 0x40, 0x00, 0xd2});
}

TEST_CASE("a reading goes to the nearest raw value and stays in range") {
    bmc::Linear volts;
    volts.m = 6;
    volts.b = 1;
    volts.b_exponent = 1;
    volts.r_exponent = -2;
    CHECK(volts.to_value(100) == Approx(6.10));
    CHECK(volts.to_raw(6.10) == 100);
    CHECK(volts.to_raw(6.12) == 100);
    CHECK(volts.to_raw(1000) == 255);
    CHECK(volts.to_raw(-5) == 0);
    bmc::Linear degrees;
    degrees.is_signed = true;
    CHECK(degrees.to_raw(-10.4) == 0xf6);
    CHECK(degrees.to_value(0xf6) == -10);
    CHECK(degrees.to_raw(500) == 127);
    CHECK(degrees.to_raw(-500) == 0x80);
    CHECK(degrees.to_raw(std::numeric_limits<double>::quiet_NaN()) == 0);
    degrees.m = 0;
    CHECK(degrees.to_raw(5) == 0);
}

TEST_CASE("the time stamp changes with the records and only with them") {
    const auto own = test::test_sensors();
    auto other = std::make_shared<bmc::SensorSet>(*own);
    CHECK(bmc::sdr_timestamp(own.get()) == bmc::sdr_timestamp(other.get()));
    other->sensors[0].thresholds[3] = 81.0;
    CHECK(bmc::sdr_timestamp(own.get()) != bmc::sdr_timestamp(other.get()));
    CHECK(bmc::sdr_timestamp(nullptr) != bmc::sdr_timestamp(own.get()));
}

TEST_CASE("names are cut to 16 characters and never one") {
    auto set = bmc::SensorSet();
    bmc::SensorSpec spec;
    spec.number = 0x20;
    spec.name = "A name that is too long";
    set.sensors.push_back(spec);
    spec.number = 0x21;
    spec.name = "T";
    set.sensors.push_back(spec);
    const SdrRecord long_name = bmc::sdr_record(&set, index_of(&set, 0x20));
    CHECK(long_name.size() == 64);
    CHECK(long_name.bytes()[47] == (0xc0 | 16));
    const SdrRecord short_name = bmc::sdr_record(&set, index_of(&set, 0x21));
    CHECK(short_name.bytes()[47] == 0xc2);
    CHECK(short_name.bytes()[49] == ' ');
}

TEST_CASE("no number of the standard set is left to backends") {
    for (const auto& spec : bmc::standard_sensors().sensors) {
        CHECK(spec.number < bmc::sensor_number::first_of_backend);
        CHECK(spec.name.size() <= 16);
        CHECK(bmc::find_sensor(nullptr, spec.number) == &spec);
    }
    CHECK(bmc::find_sensor(nullptr, 0x10) == nullptr);
    CHECK_FALSE(bmc::sdr_record_id(nullptr, 0x10));
}
