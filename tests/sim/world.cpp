#include "sim/world.h"

#include "rmcp/pools.h"

namespace vbmc::sim {

using namespace std::chrono_literals;

namespace {

// Waits, tries and numbers as the clients have them (ipmitool 1.8.19, freeipmi 1.6, pyghmi 1.5).
constexpr std::array<Habits, 5> all_habits = {{
    {"ipmitool", true, 1s, 1s, 4, true, 0xa0a2a3a4},
    {"ipmitool, killed", true, 1s, 1s, 4, false, 0xa0a2a3a4},
    {"freeipmi", false, 1s, 0s, 12, true, 0x31415926},
    {"pyghmi", true, 500ms, 500ms, 6, true, 0x27182818},
    {"pyghmi, vanishing", true, 500ms, 500ms, 6, false, 0x27182818},
}};

constexpr u8 half_open_per_node_max = 128;

} // namespace

World::World(u64 seed, u64 steps_max, bool trace)
    : random_(seed), steps_max_(steps_max), trace_(trace), entropy_(random_.next()),
      shared_(entropy_), judge_(timeline_, marks_),
      network_(timeline_, random_, [this](const Datagram& datagram) { deliver(datagram); }) {
    if (random_.chance(30)) {
        bmc_key_ = random_.bytes(20);
    }
    const std::size_t count = random_.between(1, 4);
    for (std::size_t number = 0; number < count; ++number) {
        make_node(number);
    }
}

void World::make_node(std::size_t number) {
    SimNode::Setting setting;
    setting.number = number;
    setting.config = test::node_config(static_cast<u8>(number + 1));
    setting.config.capabilities.pushes_power = random_.chance(30);
    setting.config.capabilities.raw = random_.chance(50);
    setting.access = some_access();
    nodes_.push_back(std::make_unique<SimNode>(
        SimNode::Surroundings{timeline_, random_, marks_, judge_, network_, shared_, trace_},
        std::move(setting)
    ));
    SimNode& node = *nodes_.back();
    node_at_[node.address()] = &node;
    using bmc::Privilege;
    accounts_.push_back({
        {2, "root", "correct horse", Privilege::administrator},
        {3, "oper", "battery staple", Privilege::operator_},
        {4, "viewer", "look only", Privilege::user},
        {5, "sixteen letters!", "0123456789abcdef", Privilege::administrator},
        {6, "second", "another one", Privilege::operator_},
    });
    for (const Account& account : accounts_.back()) {
        node.put_user(test::make_user(account.id, account.name, account.password, account.limit));
    }
    if (!bmc_key_.empty()) {
        node.set_bmc_key(bmc_key_);
    }
    if (random_.chance(90)) {
        node.machine().look();
    }
    make_consoles(node);
}

void World::make_consoles(SimNode& node) {
    const std::size_t count = random_.between(2, 6);
    for (std::size_t i = 0; i < count; ++i) {
        Peer peer{IpAddress::v4(192, 0, 2, static_cast<u8>(random_.between(1, 5))), 0};
        do {
            peer.port = static_cast<u16>(random_.between(30000, 60000));
        } while (console_at_.contains(peer));
        const Neighbourhood around{
            timeline_, random_, marks_, judge_, network_, tools_, logins_, ops_};
        consoles_.push_back(std::make_unique<Console>(around, random_.pick(all_habits), peer, node)
        );
        Console& console = *consoles_.back();
        console.account = random_.pick(accounts_[node.number()]);
        console.bmc_key = bmc_key_;
        console.suite = random_.chance(50) ? u8{17} : u8{3};
        if (node.bmc().access().ipmi15 && random_.chance(30)) {
            console.suite = 0;
        }
        if (random_.chance(10)) { // knows no password, and does not take no for an answer
            console.account.password = "password";
            console.stubborn = true;
        }
        console_at_[peer] = &console;
        console.live();
    }
}

void World::deliver(const Datagram& datagram) {
    ++datagrams_;
    if (const auto node = node_at_.find(datagram.to); node != node_at_.end()) {
        node->second->receive(datagram);
        check_pools();
    } else if (const auto console = console_at_.find(datagram.to); console != console_at_.end()) {
        console->second->on_datagram(datagram.bytes);
    }
}

void World::check_pools() {
    std::size_t sessions = 0;
    for (const auto& node : nodes_) {
        sessions += node->bmc().sessions().session_count();
    }
    require(shared_.pools->sessions.used() == sessions, "the pool of sessions leaks");
    require(
        shared_.pools->half_open.used() <= half_open_per_node_max * nodes_.size(),
        "there are too many half-open sessions"
    );
}

bool World::going_wrong() const {
    return !peace_;
}

void World::run() {
    begin_trouble();
    trouble_ends_ = timeline_.now().mono + random_.time(40s, 200s);
    while (timeline_.steps() < steps_max_ && timeline_.now().mono < trouble_ends_ &&
           timeline_.step()) {
    }
    make_peace();
    run_for(150s);
    expect_silence("after all clients went away");
    expect_logins();
    run_for(70s);
    expect_silence("at the end");
}

void World::make_peace() {
    peace_ = true;
    network_.faults = {};
    for (const auto& console : consoles_) {
        console->rest();
    }
    run_for(10s); // what is still on the network may change users
    for (const auto& node : nodes_) {
        node->machine().mood = {};
        endpoint::Access access;
        access.ipmi15 = node->bmc().access().ipmi15;
        node->set_access(access);
        if (!bmc_key_.empty()) {
            node->set_bmc_key(bmc_key_);
        }
        for (const Account& account : accounts_[node->number()]) {
            node->put_user(
                test::make_user(account.id, account.name, account.password, account.limit)
            );
        }
    }
}

void World::run_for(Duration time) {
    timeline_.run_until(timeline_.now().mono + time);
}

/// Nothing is kept for anybody who is not there.
void World::expect_silence(const char* when) {
    for (const auto& node : nodes_) {
        const endpoint::VirtualBmc& bmc = node->bmc();
        const bool quiet = bmc.sessions().session_count() == 0 && bmc.sol() == nullptr &&
                           bmc.parked_count() == 0 && !node->machine().busy();
        if (!quiet) {
            throw Violation(std::string("a session, console or action is left ") + when);
        }
    }
    if (shared_.pools->sessions.used() != 0 || shared_.pools->half_open.used() != 0) {
        throw Violation(std::string("a pool is not empty ") + when);
    }
}

void World::expect_logins() {
    for (const auto& console : consoles_) {
        if (console->stubborn) {
            continue;
        }
        if (console->suite == 0 && !console->node().bmc().access().ipmi15) {
            console->suite = 3; // what it used is switched off for good
        }
        for (const Account& account : accounts_[console->node().number()]) {
            if (account.id == console->account.id) {
                console->account = account;
            }
        }
        console->prove();
        const Mono patience = timeline_.now().mono + 30s;
        while (!console->proven() && timeline_.now().mono < patience && timeline_.step()) {
        }
        require(console->proven(), "a right log-in did not succeed in peace");
        require(
            console->told_on() == console->node().machine().on(),
            "in peace a node told another power state than its machine's"
        );
        console->rest();
    }
}

} // namespace vbmc::sim
