// Serial over LAN's data transfer alone. Input: four bytes of timing, then operations: a packet of
// the remote console, characters of the machine, time, the console's presence.

#include "endpoint/sol.h"

#include "fuzz/rig.h"
#include "wire/sol.h"

using namespace vbmc;
using namespace std::chrono_literals;

namespace {

/// Everything that wants to go out now does, as the endpoint sends it.
void pump(endpoint::Sol& sol, Now now) {
    ByteArray<endpoint::Sol::packet_bytes_max> out{};
    for (int packets = 0;; ++packets) {
        const std::size_t n = sol.transmit(now, out);
        if (n == 0) {
            break;
        }
        VBMC_CHECK(packets < 4096); // else it floods
        const auto packet = wire::parse_sol(Bytes(out).first(n));
        VBMC_CHECK(packet.has_value());
        VBMC_CHECK((packet->sequence == 0) == packet->characters.empty());
    }
    VBMC_CHECK(sol.next_deadline() > now.mono);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size) {
    fuzz::Input input(Bytes(data, size));
    const endpoint::SolTiming timing{
        input.byte() * Duration(5ms),
        input.byte(),
        static_cast<u8>(input.byte() & 7),
        input.byte() * Duration(10ms),
    };
    endpoint::Sol sol(1, timing);
    Now now{Mono(1h), {}};
    u64 typed = 0;
    while (input.more()) {
        switch (input.byte() % 5) {
        case 0: {
            const std::vector<u8> payload = input.bytes(input.byte());
            const endpoint::SolInput got = sol.receive(payload);
            VBMC_CHECK(
                got.characters.size() + wire::sol_header_size <=
                std::max<std::size_t>(payload.size(), 4)
            );
            typed += got.characters.size();
            break;
        }
        case 1:
            sol.console_output(now, input.bytes(input.byte()));
            break;
        case 2:
            sol.console_output(now, std::vector<u8>(input.word(), 'x'));
            break;
        case 3:
            now.mono += input.byte() * 10ms;
            break;
        case 4:
            sol.set_console_available((input.byte() & 1) != 0);
            break;
        }
        pump(sol, now);
    }
    VBMC_CHECK(typed <= size);
    return 0;
}
