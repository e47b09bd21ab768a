// Calls that overlap: what one of them looks at, another takes away meanwhile.

#include "unit/fleet/life.h"

#include <future>
#include <vector>

using namespace vbmc;
using namespace vbmc::fleet;

namespace {

/// Holds a shard up from its making until it is let go.
class Held {
  public:
    explicit Held(net::Shard& shard) {
        shard.post([end = end_.get_future().share()] { end.wait(); });
    }

    ~Held() { let_go(); }

    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

    void let_go() {
        if (!std::exchange(gone_, true)) {
            end_.set_value();
        }
    }

  private:
    std::promise<void> end_;
    bool gone_ = false;
};

/// A call that is begun now and ends while others run.
template <class T>
class Begun {
  public:
    Begun(Daemon& daemon, Awaitable<T> call) : daemon_(daemon) {
        boost::asio::co_spawn(
            daemon.control.get_executor(),
            std::move(call),
            [this](const std::exception_ptr& failure, T value) {
                failed_ = failure != nullptr;
                value_.emplace(std::move(value));
            }
        );
        daemon.control.restart();
        daemon.control.poll();
    }

    Begun(const Begun&) = delete;
    Begun& operator=(const Begun&) = delete;

    T& end() {
        while (!value_) {
            daemon_.control.restart();
            daemon_.control.run_one_for(std::chrono::seconds(10));
        }
        REQUIRE_FALSE(failed_);
        return *value_;
    }

  private:
    Daemon& daemon_;
    std::optional<T> value_;
    bool failed_ = false;
};

std::vector<std::string> names(const std::vector<NodeView>& nodes) {
    std::vector<std::string> out;
    for (const NodeView& node : nodes) {
        out.push_back(node.spec.name);
    }
    return out;
}

} // namespace

TEST_CASE("a node is removed while all are listed", "[fleet]") {
    TemporaryFolder folder;
    Daemon d(folder.path);
    REQUIRE(d.create("on-shard-0").has_value());
    REQUIRE(d.create("on-shard-1").has_value());
    Held first((*d.shards)[0]);
    Begun list(d, d.fleet->list());
    REQUIRE(d.run(d.fleet->remove("on-shard-1", "")).has_value());
    first.let_go();
    CHECK(names(list.end()) == std::vector<std::string>{"on-shard-0"});
}

TEST_CASE("a node is removed while all are counted", "[fleet]") {
    TemporaryFolder folder;
    Daemon d(folder.path);
    REQUIRE(d.create("on-shard-0").has_value());
    REQUIRE(d.create("on-shard-1").has_value());
    Held first((*d.shards)[0]);
    Begun numbers(d, d.fleet->numbers());
    REQUIRE(d.run(d.fleet->remove("on-shard-1", "")).has_value());
    first.let_go();
    const FleetNumbers seen = numbers.end();
    CHECK(seen.shards == 2);
    CHECK(seen.power[0] + seen.power[1] + seen.power[2] == 1);
}

TEST_CASE("a node is stopped while it is created", "[fleet]") {
    TemporaryFolder folder;
    Daemon d(folder.path);
    std::vector<std::unique_ptr<Held>> held; // from the moment that the node is on the disk
    d.before_write = [&](std::string_view what) {
        if (what == "put_node" && held.empty()) {
            held.push_back(std::make_unique<Held>((*d.shards)[0]));
            held.push_back(std::make_unique<Held>((*d.shards)[1]));
        }
    };
    CreateRequest request;
    request.spec.name = "n1";
    request.port_auto = true;
    Target target;
    target.kind = "sim";
    request.spec.targets.push_back(target);
    Begun create(d, d.fleet->create(std::move(request)));
    while (d.fleet->counts().nodes == 0) {
        d.idle(std::chrono::milliseconds(1));
    }
    Begun stop(d, d.fleet->set_enabled("n1", false));
    d.idle(std::chrono::milliseconds(100));
    for (const auto& one : held) {
        one->let_go();
    }
    REQUIRE(create.end().has_value());
    REQUIRE(stop.end().has_value());
    const NodeView node = d.get("n1");
    CHECK_FALSE(node.spec.enabled);
    CHECK(node.status.state == NodeState::stopped);
}

TEST_CASE("a call that was given up holds its node for longer than the fleet lives", "[fleet]") {
    TemporaryFolder folder;
    Daemon d(folder.path);
    REQUIRE(d.create("n1", [](CreateRequest& request) {
                 request.spec.targets[0].options["hang"] = "all";
             }).has_value());
    Begun look(d, d.fleet->get_power("n1"));
    Begun sensors(d, d.fleet->sensors("n1"));
    d.stop_fleet();
    const auto power = look.end();
    REQUIRE(power.has_error());
    CHECK(power.error().code == ErrorCode::unavailable);
    CHECK(sensors.end().has_error());
}
