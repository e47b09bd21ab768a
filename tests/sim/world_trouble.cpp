// What goes wrong in a world: strangers, the control plane, backends, clocks.

#include "rmcp/pools.h"
#include "sim/world.h"
#include "wire/open_session.h"

namespace vbmc::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::array<u8, 5> payloads = {0, 0x10, 0x12, 0x14, 0xc0};

Peer strangers_peer(Random& random) {
    return {
        IpAddress::v4(203, 0, 113, static_cast<u8>(random.between(1, 3))),
        static_cast<u16>(random.between(1024, 65535))};
}

} // namespace

void World::begin_trouble() {
    if (random_.chance(85)) {
        network_.faults.loss = static_cast<unsigned>(random_.below(30));
        network_.faults.twice = static_cast<unsigned>(random_.below(25));
        network_.faults.corrupt = static_cast<unsigned>(random_.below(8));
        network_.faults.late = static_cast<unsigned>(random_.below(10));
        network_.faults.delay_max = random_.time(1ms, 300ms);
    }
    if (random_.chance(70)) {
        every(100ms, 4s, &World::stranger);
    }
    if (random_.chance(70)) {
        every(2s, 30s, &World::control_plane);
    }
    every(2s, 20s, &World::backend);
    if (random_.chance(50)) {
        every(10s, 60s, &World::clocks);
    }
}

void World::every(Duration low, Duration high, void (World::*what)()) {
    timeline_.after(random_.time(low, high), [this, low, high, what] {
        if (going_wrong()) {
            (this->*what)();
            every(low, high, what);
        }
    });
}

void World::stranger() {
    switch (random_.below(8)) {
    case 0:
        if (random_.chance(20)) {
            flood();
        }
        break;
    case 1:
    case 2:
        garbage();
        break;
    case 3:
    case 4:
        mutate();
        break;
    default:
        replay();
        break;
    }
}

/// Open Sessions from one address, a few hundred at once.
void World::flood() {
    SimNode& node = some_node();
    Peer peer = strangers_peer(random_);
    const std::size_t count = random_.between(60, 300);
    for (std::size_t i = 0; i < count; ++i) {
        peer.port = static_cast<u16>(random_.between(1024, 65535));
        test::ClientOptions options;
        options.console_id = static_cast<u32>(random_.next());
        const test::ModelClient client(tools_, options);
        network_.send(peer, node.address(), client.open_session());
    }
    timeline_.after(500ms, [this] {
        if (shared_.pools->half_open.used() > 0) {
            marks_.reach(Mark::flood_bounded);
        }
    });
}

void World::replay() {
    const Datagram* heard = network_.overheard();
    if (heard == nullptr) {
        return;
    }
    Datagram again = *heard;
    if (random_.chance(40)) {
        again.from = strangers_peer(random_);
    }
    if (random_.chance(20)) {
        again.to = some_node().address();
    }
    network_.send(again.from, again.to, std::move(again.bytes));
}

void World::mutate() {
    const Datagram* heard = network_.overheard();
    if (heard == nullptr) {
        return;
    }
    Datagram changed = *heard;
    const std::size_t times = random_.between(1, 4);
    for (std::size_t i = 0; i < times && !changed.bytes.empty(); ++i) {
        random_.pick(changed.bytes) = random_.byte();
    }
    if (random_.chance(20)) {
        changed.bytes.resize(random_.below(changed.bytes.size() + 40));
    }
    network_.send(changed.from, changed.to, std::move(changed.bytes));
}

void World::garbage() {
    std::vector<u8> bytes = random_.bytes(random_.below(200));
    if (random_.chance(80)) {
        const std::array<u8, 4> rmcp = {6, 0, 0xff, static_cast<u8>(random_.chance(90) ? 7 : 6)};
        bytes.insert(bytes.begin(), rmcp.begin(), rmcp.end());
        if (bytes.size() > 6 && random_.chance(60)) {
            bytes[4] = 6; // RMCP+, a payload of the log-in
            bytes[5] = random_.pick(payloads);
        }
    }
    const Peer from = random_.chance(50) || consoles_.empty() ? strangers_peer(random_)
                                                              : random_.pick(consoles_)->peer();
    network_.send(from, some_node().address(), std::move(bytes));
}

void World::control_plane() {
    SimNode& node = some_node();
    switch (random_.below(6)) {
    case 0:
    case 1:
    case 2:
        change_user(node);
        break;
    case 3:
        change_access(node);
        break;
    case 4:
        if (random_.chance(50)) {
            node.restart();
        }
        break;
    default:
        if (random_.chance(30)) {
            node.close_all();
        }
        break;
    }
}

void World::change_user(SimNode& node) {
    const Account& account = random_.pick(accounts_[node.number()]);
    bmc::User user = test::make_user(account.id, account.name, account.password, account.limit);
    switch (random_.below(6)) {
    case 0:
        user.enabled = false;
        break;
    case 1:
        user.limit = static_cast<bmc::Privilege>(random_.between(2, 4));
        break;
    case 2:
        user.password = bmc::Key20(test::as_bytes("a new one"));
        break;
    case 3:
        node.remove_user(account.id);
        return;
    case 4:
        user.name.assign(std::string_view("somebody else"));
        break;
    default:
        break; // as it was
    }
    node.put_user(user);
}

endpoint::Access World::some_access() {
    endpoint::Access access;
    access.sessions_max = static_cast<u8>(random_.between(1, 8));
    access.hide_users = random_.chance(30);
    access.ipmi15 = random_.chance(40);
    if (random_.chance(20)) {
        access.cipher_suites = {17};
    }
    if (random_.chance(20)) {
        access.privilege_max = bmc::Privilege::operator_;
    }
    return access;
}

void World::change_access(SimNode& node) {
    endpoint::Access access = some_access();
    access.ipmi15 = node.bmc().access().ipmi15;
    node.set_access(access);
}

void World::backend() {
    SimNode& node = some_node();
    Mood& mood = node.machine().mood;
    switch (random_.below(7)) {
    case 0:
        mood = {300ms, 3s, 5s, 0, 0}; // slow
        break;
    case 1:
        mood = {1s, 20s, 20s, 5, 0}; // a cloud
        break;
    case 2:
        mood = {1ms, 100ms, 500ms, 60, 0}; // refuses
        break;
    case 3:
        mood = {1ms, 100ms, 500ms, 0, 90}; // silent
        break;
    case 4:
        node.machine().press();
        break;
    case 5:
        node.machine().look();
        break;
    default:
        mood = {};
        break;
    }
}

void World::clocks() {
    if (random_.chance(60)) {
        const auto by =
            std::chrono::milliseconds(static_cast<i64>(random_.below(200'000'000)) - 100'000'000);
        timeline_.jump_wall(by);
        if (by < 0ms) {
            marks_.reach(Mark::wall_went_back);
        }
    } else {
        timeline_.leap(random_.time(500ms, 90s));
        marks_.reach(Mark::time_leapt);
    }
}

} // namespace vbmc::sim
