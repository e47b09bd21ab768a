// Micro-benchmarks of the steps of a packet: what each costs alone, without a socket.
//
//     build/release/bin/vbmc_bench_micro --benchmark_filter=status

#include "crypto/cipher.h"
#include "crypto/keys.h"
#include "crypto/mac.h"
#include "support/model_client.h"
#include "support/node_maker.h"
#include "wire/rmcp.h"
#include "wire/session_header.h"

#include <benchmark/benchmark.h>

using namespace vbmc;

namespace {

const Peer console = {IpAddress::v4(127, 0, 0, 1), 40000};

/// A node with a user, its state known, and a client that is logged in.
struct World {
    explicit World(u8 suite)
        : shared(entropy), node(test::node_config(), {}, shared, now),
          client(shared.tools, [suite] {
              test::ClientOptions options;
              options.suite = suite;
              options.user = "admin";
              options.password = "benchmark";
              return options;
          }()) {
        test::put_user(
            node, test::make_user(2, "admin", "benchmark", bmc::Privilege::administrator)
        );
        node.observe(now, bmc::PowerSeen{bmc::PowerState::on, false});
        drain();
    }

    void drain() {
        while (node.poll()) {
        }
    }

    std::optional<test::Packet> deliver(const test::Packet& sent) {
        test::Packet datagram = sent;
        const std::size_t size = node.receive(now, console, datagram, out);
        drain();
        return size > 0
                   ? std::optional(test::Packet(out.begin(), out.begin() + static_cast<long>(size)))
                   : std::nullopt;
    }

    bool log_in() {
        return client.log_in([this](const test::Packet& packet) { return deliver(packet); });
    }

    Now now{Mono(std::chrono::hours(1)), {}};
    SystemEntropy entropy;
    rmcp::Shared shared;
    endpoint::VirtualBmc node;
    test::ModelClient client;
    ByteArray<512> out{};
};

u8 suite_of(const benchmark::State& state) {
    return static_cast<u8>(state.range(0));
}

void parse_header(benchmark::State& state) {
    World world(suite_of(state));
    world.log_in();
    const test::Packet packet = world.client.request(0x00, 0x01);
    for (auto _ : state) {
        const auto rmcp = wire::parse_rmcp(packet);
        benchmark::DoNotOptimize(wire::parse_packet20(rmcp->body));
    }
}

/// What the cryptography of a command costs alone: verify, decrypt, encrypt, sign.
void crypto_both_ways(benchmark::State& state) {
    crypto::Toolbox tools;
    const crypto::Suite& suite = *crypto::find_suite(suite_of(state));
    const ByteArray<crypto::digest_size_max> k1{};
    crypto::SessionKeys keys;
    keys.set_integrity_key(
        suite.integrity, Bytes(k1).first(crypto::digest_size(suite.authentication))
    );
    ByteArray<52> packet{};
    ByteArray<16> code{};
    const MutableBytes used = MutableBytes(code).first(crypto::code_size(suite.integrity));
    const MutableBytes room = MutableBytes(packet).subspan(12, 32);
    crypto::encrypt(tools, keys, room, 7);
    crypto::sign(tools, suite.integrity, keys, packet, used);
    for (auto _ : state) {
        benchmark::DoNotOptimize(crypto::verify(tools, suite.integrity, keys, packet, used));
        benchmark::DoNotOptimize(crypto::decrypt(tools, keys, room));
        benchmark::DoNotOptimize(crypto::encrypt(tools, keys, room, 7));
        benchmark::DoNotOptimize(crypto::sign(tools, suite.integrity, keys, packet, used));
    }
}

/// A whole Chassis Status: open, look up, handle, seal; and what the host does afterwards.
void status(benchmark::State& state) {
    World world(suite_of(state));
    world.log_in();
    std::size_t answered = 0;
    for (auto _ : state) {
        state.PauseTiming();
        test::Packet packet = world.client.request(0x00, 0x01);
        state.ResumeTiming();
        answered += world.node.receive(world.now, console, packet, world.out) > 0 ? 1 : 0;
        world.drain();
        benchmark::DoNotOptimize(world.node.next_deadline());
    }
    if (answered != static_cast<std::size_t>(state.iterations())) {
        state.SkipWithError("not every request was answered");
    }
}

/// What is dropped costs little.
void garbage(benchmark::State& state) {
    World world(3);
    test::Packet packet(64, 0x5a);
    packet[0] = 0x06;
    packet[2] = 0xff;
    packet[3] = 0x07;
    for (auto _ : state) {
        benchmark::DoNotOptimize(world.node.receive(world.now, console, packet, world.out));
    }
}

/// A log-in and its end, both sides: Open Session, RAKP, Close Session.
void log_in_and_out(benchmark::State& state) {
    World world(suite_of(state));
    bool good = true;
    for (auto _ : state) {
        good = world.log_in() && good;
        world.node.sessions().close_all();
        world.drain();
        world.now.mono += std::chrono::milliseconds(20); // not what the throttle is for
    }
    if (!good) {
        state.SkipWithError("a log-in failed");
    }
}

BENCHMARK(parse_header)->Arg(3)->Arg(17);
BENCHMARK(crypto_both_ways)->Arg(3)->Arg(17);
BENCHMARK(status)->Arg(3)->Arg(17);
BENCHMARK(garbage);
BENCHMARK(log_in_and_out)->Arg(3)->Arg(17);

} // namespace

BENCHMARK_MAIN();
