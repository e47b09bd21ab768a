// The whole fleet: real store, real shards, real sockets on loopback, simulated machines.

#include "net/limits.h"
#include "unit/fleet/life.h"

#include <fstream>
#include <malloc.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace vbmc;
using namespace vbmc::fleet;
using namespace std::chrono_literals;
using boost::asio::ip::udp;

TEST_CASE("a node is created, answers, and is gone when it is removed", "[fleet]") {
    TemporaryFolder folder;
    Daemon d(folder.path);
    const auto created = d.create("n1");
    REQUIRE(created.has_value());
    CHECK(created->node.status.state == NodeState::running);
    CHECK(created->node.spec.port >= 21230);
    CHECK(created->generated_password.size() >= 16);
    CHECK(answers(created->node));

    const auto again = d.create("n1");
    REQUIRE(again.has_error());
    CHECK(again.error().reason == "NODE_EXISTS");

    const auto users = d.run(d.fleet->users("n1"));
    REQUIRE(users.has_value());
    REQUIRE(users->size() == 1);
    CHECK((*users)[0].name == "admin");
    CHECK((*users)[0].password.empty());

    CHECK(d.run(d.fleet->remove("n1", "wrong")).error().reason == "ETAG_MISMATCH");
    REQUIRE(d.run(d.fleet->remove("n1", created->node.spec.etag)).has_value());
    CHECK_FALSE(answers(created->node));
    CHECK(d.run(d.fleet->get("n1")).error().reason == "NODE_NOT_FOUND");
    CHECK(d.run(d.fleet->list()).empty());
}

TEST_CASE("what was answered survives the end of the process", "[fleet]") {
    TemporaryFolder folder;
    NodeSpec before;
    {
        Daemon d(folder.path);
        REQUIRE(d.create("n1").has_value());
        REQUIRE(d.create("n2", [](CreateRequest& r) { r.spec.enabled = false; }).has_value());
        UserSpec user;
        user.name = "ops";
        user.password = Secret(std::string_view("operator-password"));
        user.privilege = "operator";
        REQUIRE(d.run(d.fleet->set_user("n1", user, "uid:0")).has_value());
        REQUIRE(d.run(d.fleet->set_kg("n1", Secret(std::string_view("k_g")), "uid:0")).has_value());
        bmc::BootRequest boot;
        boot.device = bmc::BootDevice::pxe;
        boot.persistent = true;
        REQUIRE(d.run(d.fleet->set_boot("n1", boot, "uid:0")).has_value());
        UpdateRequest update;
        update.spec = d.get("n1").spec;
        update.spec.labels["rack"] = "a1";
        update.fields = {"labels"};
        REQUIRE(d.run(d.fleet->update(update)).has_value());
        before = d.get("n1").spec;
        d.drop();
    }
    Daemon d(folder.path);
    const NodeView n1 = d.get("n1");
    CHECK(n1.spec == before);
    CHECK(n1.status.state == NodeState::running);
    CHECK(n1.status.boot.device == bmc::BootDevice::pxe);
    CHECK(answers(n1));
    const NodeView n2 = d.get("n2");
    CHECK(n2.status.state == NodeState::stopped);
    CHECK_FALSE(answers(n2));
    const auto secrets = d.run(d.fleet->secrets("n1", "uid:0"));
    REQUIRE(secrets.has_value());
    REQUIRE(secrets->size() == 3);
    CHECK((*secrets)[1].name == "ops");
    CHECK((*secrets)[1].password.reveal() == "operator-password");
    CHECK((*secrets)[2].id == 0);
    CHECK((*secrets)[2].password.reveal() == "k_g");
}

TEST_CASE("a creation that cannot be bound leaves nothing", "[fleet]") {
    TemporaryFolder folder;
    Daemon d(folder.path);
    boost::asio::io_context context;
    udp::socket other(context, udp::endpoint(boost::asio::ip::make_address("127.0.0.1"), 21240));
    const auto fixed = [](u16 port) {
        return [port](CreateRequest& r) {
            r.port_auto = false;
            r.spec.port = port;
        };
    };
    const auto taken = d.create("n1", fixed(21240));
    REQUIRE(taken.has_error());
    CHECK(taken.error().reason == "ENDPOINT_IN_USE");
    CHECK(d.run(d.fleet->list()).empty());

    REQUIRE(d.create("n1", fixed(21241)).has_value()); // the name is free again
    const auto ours = d.create("n2", fixed(21241));
    REQUIRE(ours.has_error());
    CHECK(ours.error().message.find("'n1'") != std::string::npos);

    const auto elsewhere =
        d.create("n3", [](CreateRequest& r) { r.spec.address = IpAddress::v4(192, 0, 2, 1); });
    REQUIRE(elsewhere.has_error());
    CHECK(elsewhere.error().reason == "BIND_FAILED");

    d.failing = "put_node";
    CHECK(d.create("n4").has_error());
    d.failing = "";
    const auto n4 = d.create("n4");
    REQUIRE(n4.has_value());
    CHECK(answers(n4->node));
    CHECK(d.fleet->counts().nodes == 2);
}

TEST_CASE("automatic ports step over what other programs have", "[fleet]") {
    TemporaryFolder folder;
    Daemon d(folder.path);
    const auto first = d.create("n1");
    REQUIRE(first.has_value());
    boost::asio::io_context context;
    const u16 next = static_cast<u16>(first->node.spec.port + 1);
    udp::socket other(context, udp::endpoint(boost::asio::ip::make_address("127.0.0.1"), next));
    const auto second = d.create("n2");
    REQUIRE(second.has_value());
    CHECK(second->node.spec.port == next + 1);
}

TEST_CASE("an automatic address comes with IPMI's own port where that is allowed", "[fleet]") {
    TemporaryFolder folder;
    FleetConfig config;
    config.address_pool = {*IpNetwork::parse("127.91.0.0/30")};
    Daemon d(folder.path, config);
    const auto pooled = [](CreateRequest& r) { r.address_auto = true; };
    const auto a = d.create("a", pooled);
    REQUIRE(a.has_value());
    CHECK(a->node.spec.address.to_string() == "127.91.0.1");
    CHECK((a->node.spec.port == 623 || ::geteuid() != 0));
    CHECK(answers(a->node));
    REQUIRE(d.create("b", pooled).has_value());
    const auto c = d.create("c", pooled);
    REQUIRE(c.has_error());
    CHECK(c.error().reason == "ADDRESS_POOL_EMPTY");
}

TEST_CASE("a port that was lost is a condition and is taken again", "[fleet]") {
    TemporaryFolder folder;
    NodeView node;
    {
        Daemon d(folder.path);
        REQUIRE(d.create("n1").has_value());
        node = d.get("n1");
    }
    boost::asio::io_context context;
    auto other = std::make_unique<udp::socket>(
        context, udp::endpoint(boost::asio::ip::make_address("127.0.0.1"), node.spec.port)
    );
    Daemon d(folder.path);
    NodeView failed = d.get("n1");
    CHECK(failed.status.state == NodeState::failed);
    REQUIRE(failed.status.conditions.size() == 1);
    CHECK(failed.status.conditions[0].type == "Bound");
    CHECK_FALSE(failed.status.conditions[0].ok);
    CHECK(failed.status.conditions[0].reason == "ENDPOINT_IN_USE");
    CHECK(d.fleet->counts().failed == 1);
    other.reset();
    for (int i = 0; i < 100 && d.get("n1").status.state != NodeState::running; ++i) {
        d.idle(50ms);
    }
    CHECK(d.get("n1").status.state == NodeState::running);
    CHECK(answers(node));
}

TEST_CASE("stop, start, restart and move", "[fleet]") {
    TemporaryFolder folder;
    Daemon d(folder.path);
    const auto n1 = d.create("n1");
    REQUIRE(n1.has_value());
    const auto stopped = d.run(d.fleet->set_enabled("n1", false));
    REQUIRE(stopped.has_value());
    CHECK(stopped->status.state == NodeState::stopped);
    CHECK_FALSE(answers(n1->node));
    CHECK(d.run(d.fleet->restart("n1")).error().reason == "NODE_STOPPED");
    const auto refused = d.run(d.fleet->set_power("n1", bmc::PowerAction::on, "uid:0"));
    REQUIRE(refused.has_error());
    CHECK(refused.error().reason == "NODE_NOT_RUNNING");
    REQUIRE(d.run(d.fleet->set_enabled("n1", true)).has_value());
    CHECK(answers(n1->node));
    REQUIRE(d.run(d.fleet->restart("n1")).has_value());
    CHECK(answers(n1->node));

    UpdateRequest move;
    move.spec = d.get("n1").spec;
    move.spec.port = 21290;
    move.fields = {"port"};
    move.validate_only = true;
    const auto would = d.run(d.fleet->update(move));
    REQUIRE(would.has_value());
    CHECK(would->spec.port == 21290);
    CHECK(answers(n1->node));
    move.validate_only = false;
    const auto moved = d.run(d.fleet->update(move));
    REQUIRE(moved.has_value());
    CHECK(answers(*moved));
    CHECK_FALSE(answers(n1->node));
    CHECK(moved->spec.etag != n1->node.spec.etag);

    move.spec.etag = n1->node.spec.etag;
    CHECK(d.run(d.fleet->update(move)).error().reason == "ETAG_MISMATCH");
    move.spec.etag.clear();
    move.spec.port = 1; // not for everybody
    move.spec.address = IpAddress::v4(192, 0, 2, 1);
    move.fields = {"port", "address"};
    CHECK(d.run(d.fleet->update(move)).has_error());
    CHECK(answers(*moved)); // still there
}

TEST_CASE("power goes through the model and the machine", "[fleet]") {
    TemporaryFolder folder;
    Daemon d(folder.path);
    REQUIRE(d.create("n1").has_value());
    auto events = d.fleet->events().subscribe(100, nullptr);
    CHECK(*d.run(d.fleet->get_power("n1")) == bmc::PowerState::off);
    REQUIRE(d.run(d.fleet->set_power("n1", bmc::PowerAction::on, "uid:7")).has_value());
    for (int i = 0; i < 100 && d.get("n1").status.power != bmc::PowerState::on; ++i) {
        d.idle(20ms);
    }
    CHECK(d.get("n1").status.power == bmc::PowerState::on);
    CHECK(*d.run(d.fleet->get_power("n1")) == bmc::PowerState::on);
    d.idle(100ms);
    bool asked = false;
    bool seen = false;
    for (const Event& event : events->take()) {
        asked = asked || (event.who == "uid:7" && event.message == "power on");
        seen = seen || (event.kind == Event::Kind::power && event.message == "power is on");
    }
    CHECK(asked);
    CHECK(seen);
    const auto sel = d.run(d.fleet->sel("n1"));
    REQUIRE(sel.has_value());
    CHECK(sel->entries.size() >= 2);
    CHECK(sel->entries[0].event == "power on");
    REQUIRE(d.run(d.fleet->clear_sel("n1", "uid:7")).has_value());
    CHECK(d.run(d.fleet->sel("n1"))->entries.size() <= 1);
    const auto sensors = d.run(d.fleet->sensors("n1"));
    REQUIRE(sensors.has_value());
    bool warm = false;
    for (const SensorView& sensor : *sensors) {
        warm = warm || (sensor.name == "CPU Temp" && sensor.value && *sensor.value > 15);
    }
    CHECK(warm);
    REQUIRE(d.run(d.fleet->set_power("n1", bmc::PowerAction::off, "uid:7")).has_value());
    const auto cycle = d.run(d.fleet->set_power("n1", bmc::PowerAction::cycle, "uid:7"));
    REQUIRE(cycle.has_error());
    CHECK(cycle.error().reason == "INVALID_POWER_STATE");
}

TEST_CASE("a failing backend is told with its reason", "[fleet]") {
    TemporaryFolder folder;
    Daemon d(folder.path);
    REQUIRE(d.create("n1", [](CreateRequest& r) {
                 r.spec.targets[0].options["fail"] = "all";
             }).has_value());
    const auto power = d.run(d.fleet->get_power("n1"));
    REQUIRE(power.has_error());
    CHECK(power.error().reason == "BACKEND_UNREACHABLE");
    CHECK(power.error().message.find("as ordered") != std::string::npos);
    d.idle(50ms);
    const NodeView view = d.get("n1");
    CHECK(view.status.last_error.find("as ordered") != std::string::npos);
    bool told = false;
    for (const Condition& condition : view.status.conditions) {
        told = told || (condition.type == "BackendReachable" && !condition.ok);
    }
    CHECK(told);
    const auto tested = d.run(d.fleet->test_backend("sim", {{"fail", "state"}}));
    CHECK(tested.has_error());
    const auto good = d.run(d.fleet->test_backend("sim", {{"initial-power", "on"}}));
    CHECK(good->power == bmc::PowerState::on);
    CHECK(
        std::find(good->capabilities.begin(), good->capabilities.end(), "console") !=
        good->capabilities.end()
    );
    CHECK(d.run(d.fleet->test_backend("sim", {{"x", "y"}})).error().field == "backend.options.x");

    UpdateRequest repair;
    repair.spec = view.spec;
    repair.spec.targets[0].options.erase("fail");
    repair.fields = {"targets"};
    REQUIRE(d.run(d.fleet->update(repair)).has_value());
    CHECK(d.run(d.fleet->get_power("n1")).has_value());
}

TEST_CASE("users: added, changed, removed, refused", "[fleet]") {
    TemporaryFolder folder;
    Daemon d(folder.path);
    REQUIRE(d.create("n1").has_value());
    UserSpec ops;
    ops.name = "ops";
    ops.password = Secret(std::string_view("first-password"));
    ops.privilege = "operator";
    const auto added = d.run(d.fleet->set_user("n1", ops, "uid:0"));
    REQUIRE(added.has_value());
    CHECK(added->id == 3);
    ops.password.clear();
    ops.privilege = "user";
    REQUIRE(d.run(d.fleet->set_user("n1", ops, "uid:0")).has_value()); // keeps the password
    auto secrets = d.run(d.fleet->secrets("n1", "uid:0"));
    CHECK((*secrets)[1].password.reveal() == "first-password");
    CHECK((*secrets)[1].privilege == "user");
    UserSpec clash;
    clash.id = 4;
    clash.name = "ops";
    clash.password = Secret(std::string_view("x"));
    CHECK(d.run(d.fleet->set_user("n1", clash, "uid:0")).error().reason == "USER_EXISTS");
    d.failing = "put_sections";
    ops.privilege = "administrator";
    CHECK(d.run(d.fleet->set_user("n1", ops, "uid:0")).has_error());
    d.failing = "";
    CHECK((*d.run(d.fleet->users("n1")))[1].privilege == "user"); // taken back
    CHECK(d.run(d.fleet->remove_user("n1", "nobody", "uid:0")).error().reason == "USER_NOT_FOUND");
    REQUIRE(d.run(d.fleet->remove_user("n1", "ops", "uid:0")).has_value());
    CHECK(d.run(d.fleet->users("n1"))->size() == 1);
    REQUIRE(d.run(d.fleet->remove_user("n1", "2", "uid:0")).has_value());
    CHECK(d.run(d.fleet->users("n1"))->empty());
}

TEST_CASE("validate_only changes nothing", "[fleet]") {
    TemporaryFolder folder;
    Daemon d(folder.path);
    const auto would = d.create("n1", [](CreateRequest& r) { r.validate_only = true; });
    REQUIRE(would.has_value());
    CHECK(would->node.spec.port >= 21230);
    CHECK(would->generated_password.empty());
    CHECK(d.run(d.fleet->list()).empty());
    CHECK_FALSE(answers(would->node));
}

TEST_CASE("a thousand nodes: created, restarted, all answer", "[fleet]") {
    net::raise_open_files_limit();
    TemporaryFolder folder;
    {
        Daemon d(folder.path);
        int left = 1000;
        for (int i = 0; i < 1000; ++i) { // as an apply does: many at once
            CreateRequest request;
            request.spec.name = "n" + std::to_string(i);
            request.port_auto = true;
            Target target;
            target.kind = "sim";
            request.spec.targets.push_back(target);
            boost::asio::co_spawn(
                d.control.get_executor(),
                d.fleet->create(std::move(request)),
                [&left](const std::exception_ptr&, const Result<CreateResult>& created) {
                    left -= created.has_value() ? 1 : 0;
                }
            );
        }
        for (int i = 0; i < 600 && left > 0; ++i) {
            d.idle(50ms);
        }
        CHECK(left == 0);
        CHECK(d.fleet->counts().running == 1000);
    }
    Daemon d(folder.path);
    CHECK(d.fleet->counts().running == 1000);
    const auto all = d.run(d.fleet->list());
    REQUIRE(all.size() == 1000);
    int answering = 0;
    for (const NodeView& node : all) {
        answering += answers(node) ? 1 : 0;
    }
    CHECK(answering == 1000);
    for (int i = 0; i < 100 && d.get("n0").status.power != bmc::PowerState::off; ++i) {
        d.idle(20ms);
    }
    CHECK(d.get("n0").status.power == bmc::PowerState::off);
}

namespace {

double resident_mib() {
    std::ifstream statm("/proc/self/statm");
    long total = 0;
    long resident = 0;
    statm >> total >> resident;
    return static_cast<double>(resident * ::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

} // namespace

// Not part of a plain run: unit_fleet [.scale]
TEST_CASE("ten thousand idle nodes are cheap and start quickly", "[.scale]") {
    constexpr int count = 10'000;
    net::raise_open_files_limit();
    REQUIRE(net::open_files_max() > count + 100);
    TemporaryFolder folder;
    const pid_t child = ::fork(); // its own process: what it used must not be counted here
    if (child == 0) {
        {
            Daemon d(folder.path);
            for (int i = 0; i < count; ++i) {
                CreateRequest request;
                request.spec.name = "n" + std::to_string(i);
                request.port_auto = true;
                Target target;
                target.kind = "sim";
                request.spec.targets.push_back(target);
                static_cast<void>(d.run(d.fleet->create(std::move(request))));
            }
        }
        ::_exit(0);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    const double before = resident_mib();
    const auto begun = std::chrono::steady_clock::now();
    Daemon d(folder.path);
    const auto took = std::chrono::steady_clock::now() - begun;
    CHECK(d.fleet->counts().running == count);
    d.idle(3s);
    const double kib = (resident_mib() - before) * 1024 / count;
    if (std::getenv("VBMC_MALLOC_STATS") != nullptr) {
        ::malloc_stats();
    }
    WARN("in use: " << ::mallinfo2().uordblks / count << " bytes a node");
    WARN(
        "started in " << std::chrono::duration<double>(took).count() << " s, " << kib
                      << " KiB a node more than when they had ended, " << resident_mib()
                      << " MiB in all"
    );
}
