#include "bmc/bmc.h"
#include "bmc/pef.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using bmc::EventFilter;

namespace {

constexpr Now at{Mono(std::chrono::hours(1)), Wall(std::chrono::seconds(1'700'000'000))};

/// A temperature sensor's upper critical, going high.
bmc::SelEvent overheated() {
    bmc::SelEvent event;
    event.sensor_type = 0x01;
    event.sensor_number = 0x10;
    event.event_type = 0x01;
    event.data = {0x59, 95, 90};
    return event;
}

/// Enabled, `action`, on any event of a temperature sensor.
EventFilter temperature_filter(u8 action) {
    return {
        {0x80, action, 0, 0, 0xff, 0xff, 0x01, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0}};
}

bmc::Sel::Record record_of(const bmc::SelEvent& event) {
    bmc::Sel sel;
    sel.add(at, event);
    return sel.records().front();
}

std::vector<bmc::PowerAction> actions_of(const bmc::Bmc& model) {
    std::vector<bmc::PowerAction> all;
    for (const auto& intent : model.outbox) {
        if (const auto* power = std::get_if<bmc::SetPower>(&intent)) {
            all.push_back(power->action);
        }
    }
    return all;
}

} // namespace

TEST_CASE("a filter compares what its rules name") {
    const auto record = record_of(overheated());
    EventFilter filter = temperature_filter(0x02);
    CHECK(filter.matches(record));

    struct Row {
        const char* name;
        std::size_t byte;
        u8 value;
        bool matches;
    };

    const Row row = GENERATE(values<Row>({
        {"disabled", 0, 0x00, false},
        {"generator", 4, 0x20, true},
        {"other generator", 4, 0x81, false},
        {"generator's channel", 5, 0x00, true},
        {"other channel", 5, 0x01, false},
        {"other type", 6, 0x02, false},
        {"any type", 6, 0xff, true},
        {"number", 7, 0x10, true},
        {"other number", 7, 0x11, false},
        {"trigger", 8, 0x01, true},
        {"other trigger", 8, 0x6f, false},
        {"offset not selected", 10, 0xfd, false},
        {"only that offset", 10, 0x02, true},
    }));
    INFO(row.name);
    filter.bytes[row.byte] = row.value;
    CHECK(filter.matches(record) == row.matches);
}

TEST_CASE("event data is compared through the mask: all exact bits, one of the others") {
    const auto record = record_of(overheated()); // byte 2: 95 = 5fh
    EventFilter filter = temperature_filter(0x02);
    filter.bytes[14] = 0xff;
    filter.bytes[15] = 0xff;
    filter.bytes[16] = 0x5f;
    CHECK(filter.matches(record));
    filter.bytes[16] = 0x5e;
    CHECK_FALSE(filter.matches(record));
    filter.bytes[15] = 0x00; // any bit
    CHECK(filter.matches(record));
    filter.bytes[16] = 0xa0;
    CHECK_FALSE(filter.matches(record));
}

TEST_CASE("only an assertion is acted on") {
    bmc::SelEvent event = overheated();
    event.asserted = false;
    CHECK_FALSE(temperature_filter(0x02).matches(record_of(event)));
}

TEST_CASE("a filter's action happens when both it and PEF are enabled") {
    bmc::Bmc model(bmc::Config{}, at);
    bmc::Pef::Settings& settings = model.pef.change();
    settings.filters[3] = temperature_filter(0x02);
    log_event(model, at, overheated());
    CHECK(actions_of(model).empty());
    settings.control = 0x01;
    log_event(model, at, overheated());
    CHECK(actions_of(model).empty());
    settings.action_control = 0x2e;
    log_event(model, at, overheated());
    CHECK(actions_of(model) == std::vector{bmc::PowerAction::off});
    CHECK(model.pef.last_by_bmc == 3);
}

TEST_CASE("the strongest action of all matching filters wins") {
    bmc::Bmc model(bmc::Config{}, at);
    bmc::Pef::Settings& settings = model.pef.change();
    settings.control = 0x01;
    settings.action_control = 0x2e;
    settings.filters[0] = temperature_filter(0x24); // diagnostic interrupt, reset
    settings.filters[1] = temperature_filter(0x08); // power cycle
    log_event(model, at, overheated());
    CHECK(actions_of(model) == std::vector{bmc::PowerAction::cycle});
    model.outbox.clear();
    model.config.capabilities.power = false;
    log_event(model, at, overheated());
    CHECK(actions_of(model) == std::vector{bmc::PowerAction::reset});
}

TEST_CASE("actions wait while they are postponed") {
    bmc::Bmc model(bmc::Config{}, at);
    bmc::Pef::Settings& settings = model.pef.change();
    settings.control = 0x01;
    settings.action_control = 0x2e;
    settings.filters[0] = temperature_filter(0x02);
    model.pef.arm_postpone(at, 10);
    Now later = at;
    later.mono += std::chrono::milliseconds(1500);
    CHECK(model.pef.postpone_left(later) == 9);
    log_event(model, later, overheated());
    CHECK(actions_of(model).empty());
    later.mono += std::chrono::seconds(9);
    CHECK(model.pef.postpone_left(later) == 0);
    model.pef.arm_postpone(later, 0xfe);
    CHECK(model.pef.postpone_left(later) == 0xfe);
    log_event(model, later, overheated());
    CHECK(actions_of(model).empty());
    model.pef.arm_postpone(later, 0);
    log_event(model, later, overheated());
    CHECK(actions_of(model).size() == 1);
}

TEST_CASE("PEF settings persist whole or not at all") {
    bmc::Pef pef;
    std::vector<u8> untouched;
    pef.save(untouched);
    CHECK(untouched.size() == 5);
    pef.change().filters[15] = temperature_filter(0x08);
    pef.change().control = 0x01;
    pef.last_by_software = 17;
    std::vector<u8> saved;
    pef.save(saved);
    bmc::Pef again;
    REQUIRE(again.load(saved));
    CHECK(again.settings().filters[15].bytes == temperature_filter(0x08).bytes);
    CHECK(again.last_by_software == 17);
    for (std::size_t n = 0; n < saved.size(); ++n) {
        CHECK(again.load(Bytes(saved).first(n)) == (n == 5));
    }
}
