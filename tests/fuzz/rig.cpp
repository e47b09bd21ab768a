#include "fuzz/rig.h"

namespace vbmc::fuzz {

namespace {

// A host drains after every call, so a call leaves no more than it can cause itself: the parked
// replies, a console's whole buffer, the controller's own intents and audits.
constexpr std::size_t outputs_of_a_call_max = 1024;

endpoint::Access access_of(const Rig::Options& options) {
    endpoint::Access access;
    access.cipher_suites = options.suites;
    access.ipmi15 = options.ipmi15;
    access.hide_users = options.hide_users;
    return access;
}

bmc::Config config_of(const Rig::Options& options) {
    bmc::Config config = test::node_config();
    config.capabilities.pushes_power = options.push;
    config.capabilities.console = options.console;
    return config;
}

} // namespace

Shard& Rig::shard() {
    static Shard one;
    one.entropy = test::SeededEntropy(1);
    // What an earlier execution spent of the shard's budgets is long forgiven.
    one.now.mono += std::chrono::hours(1);
    one.now.wall = Wall(std::chrono::hours(500'000));
    return one;
}

Rig::Rig(const Options& options)
    : shard_(shard()), node_(config_of(options), access_of(options), shard_.shared, shard_.now) {
    test::put_user(node_, test::make_user(2, "admin", "password", bmc::Privilege::administrator));
    test::put_user(node_, test::make_user(3, "oper", "operator1", bmc::Privilege::operator_));
    if (options.two_keys) {
        node_.model().users.set_kg(bmc::Key20(test::as_bytes("second key")));
        node_.users_changed();
    }
    drain();
}

Bytes Rig::receive(MutableBytes datagram) {
    const u64 seen = node_.datagrams();
    transmitted_.clear();
    const std::size_t n = node_.receive(shard_.now, peer, datagram, out_);
    VBMC_CHECK(n <= out_.size());
    VBMC_CHECK(node_.datagrams() == seen + 1);
    drain();
    return Bytes(out_).first(n);
}

void Rig::observe(const bmc::Observation& observation) {
    node_.observe(shard_.now, observation);
    drain();
}

void Rig::pass(Duration time) {
    const Mono until = shard_.now.mono + time;
    for (int turns = 0; node_.next_deadline() <= until; ++turns) {
        VBMC_CHECK(turns < 100'000); // else a deadline never comes to rest
        const Mono due = std::max(node_.next_deadline(), shard_.now.mono);
        shard_.now.wall +=
            std::chrono::duration_cast<std::chrono::milliseconds>(due - shard_.now.mono);
        shard_.now.mono = due;
        node_.on_deadline(shard_.now);
        drain();
    }
    shard_.now.wall +=
        std::chrono::duration_cast<std::chrono::milliseconds>(until - shard_.now.mono);
    shard_.now.mono = until;
}

void Rig::drain() {
    std::size_t count = 0;
    while (auto output = node_.poll()) {
        VBMC_CHECK(++count <= outputs_of_a_call_max);
        if (auto* sent = std::get_if<endpoint::Transmit>(&*output)) {
            VBMC_CHECK(sent->to == peer);
            VBMC_CHECK(!sent->bytes.empty() && sent->bytes.size() <= out_.size());
            transmitted_ = std::move(sent->bytes);
        } else if (const auto* intent = std::get_if<bmc::Intent>(&*output)) {
            if (const auto* power = std::get_if<bmc::SetPower>(intent)) {
                ticket_ = power->ticket;
                ++power_intents_;
            } else if (const auto* refresh = std::get_if<bmc::RefreshPower>(intent)) {
                ticket_ = refresh->ticket;
            }
        }
    }
    VBMC_CHECK(!node_.poll());
}

void Rig::check_persistence() {
    endpoint::VirtualBmc fresh(node_.model().config, node_.access(), shard_.shared, shard_.now);
    for (u8 i = 0; i < bmc::section_count; ++i) {
        const auto section = static_cast<bmc::Section>(i);
        const std::vector<u8> saved = node_.save(section, shard_.now);
        VBMC_CHECK(fresh.load(section, saved, shard_.now));
        VBMC_CHECK(equal(fresh.save(section, shard_.now), saved));
    }
}

} // namespace vbmc::fuzz
