// Datagrams from a stranger to a fresh endpoint. Input: an options byte, then datagrams, each
// behind its length (two bytes). What a stranger gets is bounded and never a session's.
//
// Options: bit 0 IPMI 1.5, bit 1 hide users, bit 2 two keys, bit 3 every suite, bit 4 the BMC's
// last session id is written into RAKP 1 and 3 (which no fuzzer could guess).

#include "fuzz/rig.h"
#include "wire/rmcp.h"

using namespace vbmc;

namespace {

constexpr std::size_t payload_at = wire::rmcp_size + wire::header20_size;
constexpr std::size_t payload_type_at = wire::rmcp_size + 1;
constexpr std::size_t session_id_at = payload_at + 4;     // in RAKP 1 and 3
constexpr std::size_t bmc_session_id_at = payload_at + 8; // in an Open Session Response

// The longest answer to a stranger is RAKP 2 with SHA-256; the shortest question that gets one is
// RAKP 1 (IPMI 2.0 §13.20, §13.21).
constexpr std::size_t growth_max = 60;

bool is_payload(Bytes datagram, wire::PayloadType type) {
    return datagram.size() >= bmc_session_id_at + 4 && datagram[3] == 0x07 &&
           datagram[payload_type_at] == static_cast<u8>(type);
}

void patch_session_id(MutableBytes datagram, Bytes id) {
    if (is_payload(datagram, wire::PayloadType::rakp1) ||
        is_payload(datagram, wire::PayloadType::rakp3)) {
        std::copy(id.begin(), id.end(), datagram.begin() + session_id_at);
    }
}

/// Nothing that belongs to a session, and no reflector.
void check_answer(Bytes answer, std::size_t asked) {
    VBMC_CHECK(answer.size() <= asked + growth_max);
    const auto rmcp = wire::parse_rmcp(answer);
    VBMC_CHECK(rmcp.has_value());
    if (rmcp->message_class == wire::MessageClass::asf) {
        return;
    }
    if (wire::auth_type_of(rmcp->body) == wire::AuthType::rmcp_plus) {
        const auto packet = wire::parse_packet20(rmcp->body);
        VBMC_CHECK(packet && packet->session_id == 0 && !packet->encrypted);
    } else {
        const auto packet = wire::parse_packet15(rmcp->body);
        VBMC_CHECK(packet && packet->session_id == 0);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size) {
    fuzz::Input input(Bytes(data, size));
    const u8 options = input.byte();
    fuzz::Rig::Options chosen;
    chosen.ipmi15 = (options & 0x01) != 0;
    chosen.hide_users = (options & 0x02) != 0;
    chosen.two_keys = (options & 0x04) != 0;
    if ((options & 0x08) != 0) {
        chosen.suites = {17, 3, 1, 2, 6, 7, 8, 11, 12, 15, 16};
    }
    fuzz::Rig rig(chosen);
    ByteArray<4> session_id{};
    while (input.more()) {
        std::vector<u8> datagram = input.bytes(input.word());
        if ((options & 0x10) != 0) {
            patch_session_id(datagram, session_id);
        }
        const std::size_t asked = datagram.size();
        const Bytes answer = rig.receive(datagram);
        if (answer.empty()) {
            continue;
        }
        check_answer(answer, asked);
        if (is_payload(answer, wire::PayloadType::open_session_response)) {
            std::copy_n(answer.begin() + bmc_session_id_at, session_id.size(), session_id.begin());
        }
    }
    VBMC_CHECK(rig.node().sessions().session_count() == 0);
    VBMC_CHECK(rig.power_intents() == 0);
    rig.pass(std::chrono::seconds(4));
    VBMC_CHECK(rig.node().next_deadline() == never); // no half-open session is left
    return 0;
}
