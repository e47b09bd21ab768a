#include "worker_world.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

using namespace vbmc;
using namespace vbmc::fleet;
using namespace vbmc::fleet::test;

TEST_CASE("a worker looks once and is idle", "[worker]") {
    World w;
    w.driver->pushes = true;
    w.driver->state = PowerState::on;
    Routes routes({w.driver}, {});
    w.worker = std::make_shared<NodeWorker>(
        w.place(), w.host, routes, std::make_shared<WorkerLimits>(), 1
    );
    w.worker->start({});
    w.settle();
    CHECK(w.host.told == Words{"on"});
    CHECK(w.worker->idle());
    CHECK(w.timers.next() == never);
    w.pass(1h);
    CHECK(w.driver->looks == 1);
    CHECK(sizeof(NodeWorker) <= 640); // ten thousand of them are idle
}

TEST_CASE("a backend that does not push is polled", "[worker]") {
    World w;
    w.begin();
    w.pass(5min);
    CHECK(w.driver->looks >= 10);
    CHECK(w.driver->looks <= 12);
}

TEST_CASE("off is told when it was seen, and done after the confirm window", "[worker]") {
    World w;
    w.begin(PowerState::on);
    w.driver->follow = 2s;
    w.power(PowerAction::off, 7);
    w.pass(600ms);
    CHECK_FALSE(w.host.was_told("done 7 ok")); // it may still follow before the client hears
    w.pass(200ms);
    CHECK(w.host.was_told("done 7 ok"));
    w.pass(1s);
    CHECK_FALSE(w.host.was_told("off"));
    w.pass(3s);
    CHECK(w.host.was_told("off"));
    CHECK(w.host.ended == Words{""});
    CHECK(w.driver->calls == Words{"off"});
}

TEST_CASE("a quick machine has followed before the action is done", "[worker]") {
    World w;
    w.begin(PowerState::off);
    w.driver->follow = 150ms;
    w.power(PowerAction::on, 7);
    w.pass(500ms);
    CHECK(w.host.told == Words{"off", "off", "on", "done 7 ok"});
}

TEST_CASE("an on behind an off waits until off was seen", "[worker]") {
    World w;
    w.begin(PowerState::on);
    w.driver->follow = 3s;
    w.power(PowerAction::off, 1);
    w.power(PowerAction::on, 2);
    w.pass(2s);
    CHECK(w.driver->calls == Words{"off"});
    CHECK_FALSE(w.host.was_told("done 2 ok"));
    w.pass(10s);
    CHECK(w.driver->calls == Words{"off", "on"});
    CHECK(w.host.was_told("off"));
    CHECK(w.host.told.back() == "on");
    CHECK(w.host.was_told("done 2 ok"));
}

TEST_CASE("an on behind a soft off waits, a hard off does not", "[worker]") {
    World w;
    w.begin(PowerState::on);
    w.driver->soft_follow = 1h; // a guest that does not listen
    SECTION("on") {
        w.power(PowerAction::soft, 1);
        w.pass(1s);
        w.power(PowerAction::on, 2);
        w.pass(1min);
        CHECK(w.driver->calls == Words{"soft", "soft", "soft"});
    }
    SECTION("off") {
        w.power(PowerAction::soft, 1);
        w.pass(1s);
        w.power(PowerAction::off, 2);
        w.pass(1s);
        CHECK(w.driver->calls == Words{"soft", "off"});
        CHECK(w.host.was_told("off"));
    }
    SECTION("cycle") {
        w.power(PowerAction::soft, 1);
        w.pass(1s);
        w.power(PowerAction::cycle, 2);
        w.pass(5s);
        CHECK(w.driver->calls == Words{"soft", "off", "on"});
    }
}

TEST_CASE("a soft off that the guest missed is told again, ever more rarely", "[worker]") {
    World w;
    w.begin(PowerState::on);
    w.driver->soft_follow = 1h;
    w.power(PowerAction::soft, 1);
    w.pass(9s);
    CHECK(w.driver->calls == Words{"soft"});
    w.pass(2s);
    CHECK(w.driver->calls == Words{"soft", "soft"});
    w.driver->soft_follow = 2s; // now it listens
    w.pass(18s);
    CHECK(w.driver->calls.size() == 2);
    w.pass(3s);
    CHECK(w.driver->calls.size() == 3);
    w.pass(1min);
    CHECK(w.driver->calls.size() == 3); // it followed
    CHECK(w.host.told.back() == "off");
    CHECK(w.host.ended == Words{""});
}

TEST_CASE("a guest that never listens to a soft off is reported once", "[worker]") {
    World w;
    w.begin(PowerState::on);
    w.driver->soft_follow = 100h;
    SECTION("told again and again") {
        w.driver->fail_power = 0;
    }
    SECTION("and refused from the second time on") {
        w.power(PowerAction::soft, 1);
        w.pass(1s);
        w.driver->error = ErrorCode::failed_precondition;
        w.driver->fail_power = 100;
    }
    SECTION("a button that is never pressed twice") {
        w.driver->soft_again = Duration::zero();
    }
    w.power(PowerAction::soft, 2);
    w.pass(11min);
    CHECK(w.driver->calls.size() <= 20);
    CHECK((w.driver->soft_again > Duration::zero() || w.driver->calls.size() == 1));
    CHECK(std::count(w.host.told.begin(), w.host.told.end(), "failed soft") == 1);
    const auto calls = w.driver->calls.size();
    w.pass(10min);
    CHECK(w.driver->calls.size() == calls);
}

TEST_CASE("a guest that goes on running is reported, once", "[worker]") {
    World w;
    w.begin(PowerState::on);
    w.driver->soft_follow = 1h;
    w.power(PowerAction::soft, 1);
    w.pass(5min);
    CHECK(w.host.trouble == Words{"soft power-off"});
}

TEST_CASE("what the backend refuses is told and kept, what the state forbids is told", "[worker]") {
    World w;
    w.begin(PowerState::on);
    w.driver->fail_power = 1;
    SECTION("refused in time") {
        w.driver->error = ErrorCode::permission_denied;
        w.power(PowerAction::off, 1);
        w.settle();
        CHECK(w.host.told == Words{"done 1 failed", "failed off"});
    }
    SECTION("the wrong moment") {
        w.driver->error = ErrorCode::failed_precondition;
        w.power(PowerAction::reset, 1);
        w.settle();
        CHECK(w.host.told == Words{"done 1 invalid"});
    }
    CHECK(w.host.ended.size() == 1);
}

TEST_CASE("sensors are read slowly without a reader, while the machine is on", "[worker]") {
    World w;
    w.limits.sensor_poll = 60s;
    w.driver->pushes = true;
    w.begin(PowerState::on);
    w.pass(10min);
    const int reads = w.driver->sensor_reads;
    CHECK(reads >= 7);
    CHECK(reads <= 14);
    CHECK(w.host.was_told("sensors"));
    w.driver->state = w.driver->next_state = PowerState::off;
    w.driver->push(bmc::PowerSeen{PowerState::off, false});
    w.pass(10min);
    CHECK(w.driver->sensor_reads <= reads + 1);
}

TEST_CASE("a cycle is off, seen, on", "[worker]") {
    World w;
    w.begin(PowerState::on);
    w.driver->follow = 1s;
    w.host.pause = 4s;
    w.power(PowerAction::cycle, 5);
    w.settle();
    CHECK(w.host.told.front() == "done 5 ok");
    w.pass(4s);
    CHECK(w.driver->calls == Words{"off"});
    w.pass(5s);
    CHECK(w.driver->calls == Words{"off", "on"});
    CHECK(w.host.told.back() == "on");
    CHECK(w.host.was_told("off"));
}

TEST_CASE("a cycle of a machine that is off is refused", "[worker]") {
    World w;
    w.begin(PowerState::off);
    w.power(PowerAction::cycle, 5);
    w.settle();
    CHECK(w.host.told == Words{"done 5 invalid"});
    CHECK(w.driver->calls.empty());
}

TEST_CASE("the same action again joins, and runs once", "[worker]") {
    struct Row {
        const char* name;
        PowerAction action;
        Words calls;
    };

    for (const Row& row : {
             Row{"cycle", PowerAction::cycle, {"off", "on"}},
             Row{"reset", PowerAction::reset, {"reset"}},
             Row{"off", PowerAction::off, {"off"}},
         }) {
        INFO(row.name);
        World w;
        w.begin(PowerState::on);
        w.driver->latency = 300ms;
        w.power(row.action, 1);
        w.pass(100ms);
        w.power(row.action, 2);
        w.pass(5s);
        CHECK(w.driver->calls == row.calls);
        CHECK(w.host.was_told("done 1 ok"));
        CHECK(w.host.was_told("done 2 ok"));
    }
}

TEST_CASE("the mailbox keeps the latest wish only", "[worker]") {
    World w;
    w.begin(PowerState::on);
    w.driver->follow = 5s;
    w.power(PowerAction::off, 1);
    w.pass(1s);
    w.power(PowerAction::on, 2);
    w.power(PowerAction::off, 3); // back to what is under way
    w.pass(20s);
    CHECK(w.driver->calls == Words{"off"});
    CHECK(w.host.was_told("done 2 busy"));
    CHECK(w.host.was_told("done 3 ok"));
    CHECK(w.host.told.back() == "off");
}

TEST_CASE("one call is in flight, whatever is asked", "[worker]") {
    World w;
    w.driver->latency = 200ms;
    w.begin(PowerState::on);
    for (bmc::Ticket t = 1; t < 20; ++t) {
        w.worker->submit(bmc::RefreshPower{t});
        w.power(t % 2 == 0 ? PowerAction::on : PowerAction::off, 100 + t);
        w.pass(70ms);
    }
    w.pass(1min);
    CHECK(w.driver->running_max == 1);
    for (bmc::Ticket t = 1; t < 20; ++t) { // each ticket ends exactly once
        const std::string look = "done " + std::to_string(t) + " ";
        const std::string power = "done " + std::to_string(100 + t) + " ";
        CHECK(std::count_if(w.host.told.begin(), w.host.told.end(), [&](const auto& word) {
                  return word.rfind(look, 0) == 0;
              }) == 1);
        CHECK(std::count_if(w.host.told.begin(), w.host.told.end(), [&](const auto& word) {
                  return word.rfind(power, 0) == 0;
              }) == 1);
    }
}

TEST_CASE("refreshes share one look", "[worker]") {
    World w;
    w.driver->latency = 200ms;
    w.begin();
    const int before = w.driver->looks;
    w.worker->submit(bmc::RefreshPower{1});
    w.worker->submit(bmc::RefreshPower{2});
    w.worker->submit(bmc::RefreshPower{3});
    w.pass(1s);
    CHECK(w.driver->looks == before + 1);
    CHECK(w.host.told == Words{"off", "done 1 ok", "done 2 ok", "done 3 ok"});
}

TEST_CASE("a failing backend is tried again, then the failure is told", "[worker]") {
    World w;
    w.begin(PowerState::off);
    SECTION("it comes back in time") {
        w.driver->fail_power = 2;
        w.power(PowerAction::on, 1);
        w.pass(10s);
        CHECK(w.driver->calls == Words{"on", "on", "on"});
        CHECK(w.host.told.front() == "done 1 ok");
        CHECK(w.host.told.back() == "on");
    }
    SECTION("it does not") {
        w.driver->fail_power = 100;
        w.power(PowerAction::on, 1);
        w.pass(30s);
        CHECK(w.driver->calls.size() == w.limits.tries);
        CHECK(w.host.was_told("done 1 unreachable"));
        CHECK(w.host.was_told("failed on")); // the client was told "accepted" by then
        CHECK(w.host.ended == Words{"refused as ordered"});
        CHECK(w.driver->calls.size() == w.limits.tries); // not for ever
    }
    SECTION("it refuses at once") {
        w.driver->error = ErrorCode::permission_denied;
        w.driver->fail_power = 100;
        w.power(PowerAction::on, 1);
        w.settle();
        CHECK(w.host.told == Words{"done 1 failed", "failed on"});
        CHECK(w.driver->calls.size() == 1);
    }
}

TEST_CASE("what cannot be repeated is sent once", "[worker]") {
    World w;
    w.begin(PowerState::on);
    w.driver->fail_power = 1;
    w.power(PowerAction::reset, 1);
    w.pass(10s);
    CHECK(w.driver->calls == Words{"reset"});
    CHECK(w.host.was_told("done 1 unreachable"));
}

TEST_CASE("a hanging call ends at its deadline and the next one goes through", "[worker]") {
    World w;
    w.begin(PowerState::on);
    w.driver->hang = true;
    w.power(PowerAction::off, 1);
    w.pass(20s);
    CHECK(w.host.told.empty());
    w.driver->hang = false;
    w.pass(30s);
    CHECK(w.host.was_told("done 1 ok"));
    CHECK(w.host.was_told("off"));
    CHECK(w.host.backend == Words{"down", "up"});
}

TEST_CASE("a machine that does not follow is reported", "[worker]") {
    World w;
    w.begin(PowerState::on);
    w.driver->follow = 10h;
    w.power(PowerAction::off, 1);
    w.pass(2min);
    CHECK(w.host.was_told("done 1 ok"));
    CHECK(w.host.was_told("failed off"));
    REQUIRE(w.host.ended.size() == 1);
    CHECK(w.host.ended[0].find("not seen off within 60 s") != std::string::npos);
    CHECK(w.worker->reachable());
}

TEST_CASE("a silent backend is unreachable until it answers", "[worker]") {
    World w;
    w.driver->pushes = true;
    w.begin();
    w.driver->fail_looks = true;
    w.worker->submit(bmc::RefreshPower{1});
    w.settle();
    CHECK(w.host.told == Words{"unreachable", "done 1 unreachable"});
    CHECK(w.host.backend == Words{"down"});
    const int before = w.driver->looks;
    w.pass(10min);
    CHECK(w.driver->looks - before < 25); // growing pauses
    CHECK(w.driver->looks - before > 8);
    w.driver->fail_looks = false;
    w.pass(2min);
    CHECK(w.host.backend == Words{"down", "up"});
    CHECK(w.timers.next() == never);
}

TEST_CASE("a pushed change is told at once and ends a wait", "[worker]") {
    World w;
    w.driver->pushes = true;
    w.begin(PowerState::on);
    w.driver->follow = 10h;
    w.power(PowerAction::off, 1);
    w.pass(1s);
    w.driver->state = PowerState::off;
    w.driver->push(bmc::PowerSeen{PowerState::off});
    CHECK(w.host.told.back() == "off");
    CHECK(w.host.ended == Words{""});
    w.pass(1h);
    CHECK(w.worker->idle());
}

TEST_CASE("sensors are read when somebody asks, and not too often", "[worker]") {
    World w;
    w.driver->pushes = true;
    w.begin(PowerState::on);
    w.pass(1h);
    CHECK(w.driver->sensor_reads == 0);
    for (int i = 0; i < 10; ++i) {
        w.worker->submit(bmc::RefreshSensors());
        w.pass(100ms);
    }
    CHECK(w.driver->sensor_reads == 1);
    w.pass(5s);
    CHECK(w.driver->sensor_reads == 2);
    w.pass(1h);
    CHECK(w.driver->sensor_reads == 2);
}

TEST_CASE("after stop() nothing is told any more", "[worker]") {
    World w;
    w.begin(PowerState::on);
    w.driver->hang = true;
    w.power(PowerAction::off, 1);
    w.pass(1s);
    w.worker->stop();
    w.host.told.clear();
    w.worker.reset();
    w.driver->hang = false;
    w.pass(1h);
    CHECK(w.host.told.empty());
    CHECK(w.timers.next() == never);
}

TEST_CASE("a host that is silent stops being asked by all its nodes", "[worker]") {
    World w;
    w.limits.poll_interval = 1s;
    w.driver->host_name = "cloud";
    w.driver->fail_looks = true;
    std::vector<std::shared_ptr<NodeWorker>> nodes;
    for (u32 i = 0; i < 50; ++i) {
        Routes routes({w.driver}, {});
        nodes.push_back(std::make_shared<NodeWorker>(
            w.place(), w.host, routes, std::make_shared<WorkerLimits>(w.limits), i
        ));
        nodes.back()->start({});
    }
    w.pass(1s);
    CHECK(w.driver->looks <= static_cast<int>(HostGate::failures_max + HostGate::calls_max));
    const int before = w.driver->looks;
    w.pass(60s);
    CHECK(w.driver->looks - before < 15); // one try each time the breaker's pause ends
    w.driver->fail_looks = false;
    w.pass(5min);
    for (const auto& node : nodes) {
        CHECK(node->reachable());
        node->stop();
    }
    w.settle();
}

TEST_CASE("a host has a bounded number of calls in flight", "[worker]") {
    World w;
    w.driver->host_name = "cloud";
    w.driver->latency = 1s;
    std::vector<std::shared_ptr<NodeWorker>> nodes;
    for (u32 i = 0; i < 40; ++i) {
        Routes routes({w.driver}, {});
        nodes.push_back(std::make_shared<NodeWorker>(
            w.place(), w.host, routes, std::make_shared<WorkerLimits>(w.limits), i
        ));
        nodes.back()->start({});
    }
    w.pass(20s);
    CHECK(w.driver->running_max == static_cast<int>(HostGate::calls_max));
    CHECK(std::count(w.host.told.begin(), w.host.told.end(), "off") == 40);
    for (const auto& node : nodes) {
        node->stop();
    }
    w.settle();
}

TEST_CASE("a host that is left alone for a while is still silent for its own reason", "[worker]") {
    HostGate gate("cloud");
    Error why(ErrorCode::unavailable, "UNREACHABLE", "no route to host");
    Error told;
    boost::asio::io_context context{1};
    clock_at = Mono(1000s);
    auto call_in_vain = [&]() -> net::Awaitable<void> {
        for (unsigned i = 0; i < HostGate::failures_max; ++i) {
            const Result<void> entered = co_await gate.enter(read_clock);
            REQUIRE(entered.has_value());
            gate.leave(clock_at, &why);
        }
        const Result<void> last = co_await gate.enter(read_clock);
        REQUIRE(last.has_error());
        told = last.error();
    };
    boost::asio::co_spawn(context, call_in_vain(), boost::asio::detached);
    context.run();
    CHECK(told.reason == "UNREACHABLE");
    CHECK(told.message == "no route to host");
    CHECK(told.hint == "tried again in 1 s");
}

TEST_CASE("who asks for a look is told why this one failed", "[worker]") {
    World w;
    w.begin(PowerState::on);
    w.driver->fail_looks = true;
    w.worker->submit(bmc::RefreshPower{1});
    w.settle();
    CHECK(w.host.looks == Words{"no answer"});
    w.driver->look_error = ErrorCode::not_found;
    w.worker->submit(bmc::RefreshPower{2});
    w.settle();
    CHECK(w.host.looks.size() == 2);
    w.pass(1min); // and its own looks are nobody's
    CHECK(w.host.looks.size() == 2);
}
