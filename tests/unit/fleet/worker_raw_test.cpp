#include "unit/fleet/worker_world.h"

using namespace vbmc;
using namespace vbmc::fleet;
using namespace vbmc::fleet::test;

namespace {

bmc::RawCommand command(bmc::Ticket ticket) {
    bmc::RawCommand raw;
    raw.ticket = ticket;
    raw.netfn = 0x30;
    raw.command = 0x70;
    raw.data = {1, 2};
    return raw;
}

} // namespace

TEST_CASE("a raw command reaches the backend and its answer the node") {
    World world;
    world.begin();
    world.worker->submit(command(7));
    world.pass(10ms);
    CHECK(world.host.told == Words{"raw 7 0"});
    CHECK(world.driver->raws == 1);
    CHECK(world.driver->last_raw.netfn == 0x30);
    CHECK(world.driver->last_raw.data == std::vector<u8>{1, 2});
}

TEST_CASE("what a raw command is told when the backend does not answer it") {
    struct Row {
        ErrorCode error;
        const char* told;
    };

    const Row row = GENERATE(
        Row{ErrorCode::unsupported, "raw 7 193"},
        Row{ErrorCode::resource_exhausted, "raw 7 192"},
        Row{ErrorCode::unavailable, "raw 7 211"},
        Row{ErrorCode::deadline_exceeded, "raw 7 195"},
        Row{ErrorCode::internal, "raw 7 255"}
    );
    World world;
    world.begin();
    world.driver->raw_error = row.error;
    world.worker->submit(command(7));
    world.pass(10ms);
    CHECK(world.host.told.front() == row.told);
}

TEST_CASE("a raw command that nobody waits for any more is not begun") {
    World world;
    world.begin();
    world.driver->latency = 2s;
    world.power(PowerAction::on, 1);
    world.pass(10ms);
    world.worker->submit(command(7)); // behind a call of two seconds
    world.pass(3s);
    CHECK(world.host.was_told("raw 7 195"));
    CHECK(world.driver->raws == 0);
}

TEST_CASE("a raw command holds up nothing for longer than its client waits") {
    World world;
    world.begin(PowerState::on);
    world.driver->latency = 9s; // nobody there
    const int looks = world.driver->looks;
    world.worker->submit(command(7));
    world.pass(100ms);
    world.driver->latency = {};
    world.power(PowerAction::off, 8);
    world.pass(2s);
    CHECK(world.host.was_told("raw 7 195"));
    CHECK(world.driver->calls == Words{"off"});
    CHECK(world.driver->looks > looks);
    CHECK(world.host.backend.empty()); // a slow command alone is no dead backend
}

TEST_CASE("raw commands are bounded") {
    World world;
    world.begin();
    world.driver->latency = 100ms;
    for (bmc::Ticket ticket = 1; ticket <= 20; ++ticket) {
        world.worker->submit(command(ticket));
    }
    CHECK(world.host.was_told("raw 20 192"));
    CHECK_FALSE(world.host.was_told("raw 10 192"));
}
