// Floods one BMC for the overload part of the bench: garbage, or Open Sessions that are never gone
// on with, each from a port of its own as far as ports reach. Until it is killed.
//
//     vbmc_bench_flood garbage|open 127.0.0.1:6230 100000

#include "crypto/suite.h"
#include "socket_set.h"
#include "wire/open_session.h"
#include "wire/session_header.h"

#include <chrono>
#include <cstdio>
#include <string>

using namespace vbmc;

namespace {

constexpr const char* stranger = "127.77.0.9";

std::size_t garbage(MutableBytes out, u32 number) {
    ByteWriter packet(out);
    packet.write_u32(0x07ff0006); // passes for RMCP, so that more than the first byte is looked at
    while (packet.size() < 64) {
        number = number * 1664525U + 1013904223U;
        packet.write_u32(number);
    }
    return packet.size();
}

std::size_t open_session(MutableBytes out, u32 number) {
    wire::OpenSessionRequest request;
    request.tag = static_cast<u8>(number);
    request.console_session_id = number;
    request.authentication = {false, 3};
    request.integrity = {false, 4};
    request.confidentiality = {false, 1};
    ByteArray<wire::open_session_request_size> room{};
    ByteWriter payload(room);
    wire::write(payload, request);
    wire::Packet20 header;
    header.payload_type = wire::PayloadType::open_session_request;
    ByteWriter packet(out);
    wire::write_header20(packet, header, payload.size());
    packet.write(payload.written());
    return packet.size();
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: vbmc_bench_flood garbage|open HOST:PORT PACKETS_A_SECOND\n");
        return 2;
    }
    const std::string kind = argv[1];
    const std::string target = argv[2];
    const auto port = static_cast<u16>(std::stoul(target.substr(target.find(':') + 1)));
    const double rate = std::stod(argv[3]);
    bench::SocketSet sockets(64);
    sockets.bind_to(stranger); // what one address may have answered is bounded: not at the cost
                               // of whoever polls from another
    sockets.set_target(target.substr(0, target.find(':')), port);
    const auto begun = std::chrono::steady_clock::now();
    u32 number = 1;
    for (;;) {
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begun;
        while (number < elapsed.count() * rate) {
            sockets.queue(number % sockets.size(), port, [&](MutableBytes out) {
                return kind == "open" ? open_session(out, number) : garbage(out, number);
            });
            ++number;
        }
        sockets.flush();
        sockets.wait(1);
        sockets.receive([](MutableBytes) {}, [] {}); // answers are nobody's
    }
}
