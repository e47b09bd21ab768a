#include "unit/client/rig.h"
#include "wire/rakp.h"
#include "wire/rmcp.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::test;
using client::Failure;
using client::Request;

namespace {

constexpr std::size_t payload_at = 16; // RMCP and RMCP+ headers

wire::PayloadType type_of(const Packet& packet) {
    return packet.size() > payload_at && packet[4] == 6
               ? static_cast<wire::PayloadType>(packet[5] & 0x3f)
               : wire::PayloadType::oem;
}

} // namespace

TEST_CASE("an impostor that does not know the password gets no session") {
    struct Row {
        const char* name;
        wire::PayloadType message;
        std::size_t at; // of the byte that is changed, in the payload
        Failure failure;
    };

    const Row row = GENERATE(
        Row{"another proof in RAKP 2", wire::PayloadType::rakp2, 41, Failure::wrong_password},
        Row{"another nonce in RAKP 2", wire::PayloadType::rakp2, 9, Failure::wrong_password},
        Row{"another GUID in RAKP 2", wire::PayloadType::rakp2, 25, Failure::wrong_password},
        Row{"another check value in RAKP 4", wire::PayloadType::rakp4, 9, Failure::wrong_bmc_key},
        Row{"another session id in Open Session",
            wire::PayloadType::open_session_response,
            9,
            Failure::refused}
    );
    INFO(row.name);
    Rig rig;
    rig.network = [&row](bool to_node, Packet& packet) {
        if (!to_node && type_of(packet) == row.message) {
            packet[payload_at + row.at] ^= 0x01;
        }
        return 1;
    };
    CHECK_FALSE(rig.log_in());
    REQUIRE_FALSE(rig.logged_out.empty());
    const bool as_expected =
        rig.logged_out[0].failure == row.failure || row.failure == Failure::refused;
    CHECK(as_expected);
}

TEST_CASE("a shorter proof is no proof") {
    for (const auto type : {wire::PayloadType::rakp2, wire::PayloadType::rakp4}) {
        Rig rig;
        rig.network = [type](bool to_node, Packet& packet) {
            if (!to_node && type_of(packet) == type) {
                const std::size_t keep = type == wire::PayloadType::rakp2 ? 40 : 8;
                packet.resize(payload_at + keep);
                packet[14] = static_cast<u8>(keep);
                packet[15] = 0;
            }
            return 1;
        };
        CHECK_FALSE(rig.log_in());
    }
}

TEST_CASE("algorithms that were not asked for are not taken") {
    Rig rig;
    rig.network = [](bool to_node, Packet& packet) {
        if (!to_node && type_of(packet) == wire::PayloadType::open_session_response) {
            packet[payload_at + 12 + 4] = 0; // no authentication
        }
        return 1;
    };
    CHECK_FALSE(rig.log_in());
    CHECK(rig.logged_out.at(0).failure == Failure::no_common_suite);
}

TEST_CASE("a list of suites cannot lead to one that is not wanted") {
    Rig rig;
    rig.network = [](bool to_node, Packet& packet) {
        if (!to_node && packet.size() > 30 && packet[4] == 6 && packet[21] == 0x54) {
            packet.back() = static_cast<u8>(packet.back() + packet[25] - 0);
            packet[25] = 0; // suite 0 instead of 17
        }
        return 1;
    };
    REQUIRE(rig.log_in());
    CHECK((rig.suite == 17 || rig.suite == 3));
}

TEST_CASE("no changed byte of an answer inside a session is believed") {
    Rig rig;
    REQUIRE(rig.log_in());
    rig.ask(Request(0x06, 0x01, {}));
    Packet genuine;
    rig.network = [&genuine](bool to_node, Packet& packet) {
        if (!to_node) {
            genuine = packet;
        }
        return to_node ? 1 : 0;
    };
    Request request(0x06, 0x01, {});
    const auto id = rig.submit(request);
    rig.pass(100ms);
    REQUIRE_FALSE(genuine.empty());
    for (std::size_t i = 4; i < genuine.size(); ++i) {
        for (const int change : {0x01, 0x40, 0x80, 0xff}) {
            Packet forged = genuine;
            forged[i] = static_cast<u8>(forged[i] ^ change);
            rig.session.receive(rig.now(), forged);
        }
    }
    for (std::size_t size = 0; size < genuine.size(); ++size) {
        Packet cut(genuine.begin(), genuine.begin() + static_cast<std::ptrdiff_t>(size));
        rig.session.receive(rig.now(), cut);
    }
    rig.pass(1ms);
    CHECK_FALSE(rig.result(id));
    rig.session.receive(rig.now(), genuine);
    rig.pass(1ms);
    CHECK(rig.result(id));
}

TEST_CASE("noise in every state changes nothing but time") {
    SeededEntropy dice(99);
    for (u64 seed = 1; seed <= 40; ++seed) {
        Rig rig({}, {}, seed);
        rig.network = [&](bool to_node, Packet& packet) {
            if (!to_node) {
                for (int i = 0; i < 8; ++i) { // changed copies come before the genuine one
                    Packet noise = packet;
                    const u32 at = dice.next_u32() % static_cast<u32>(noise.size());
                    noise[at] = static_cast<u8>(dice.next_u32());
                    if (type_of(noise) == type_of(packet) && at >= payload_at) {
                        continue; // a refusal that cannot be told from a genuine one
                    }
                    noise.resize(dice.next_u32() % (noise.size() + 1));
                    rig.session.receive(rig.now(), noise);
                }
            }
            return 1;
        };
        CHECK(rig.log_in());
        CHECK(rig.ask(Request(0x06, 0x01, {})).substr(0, 2) == "00");
    }
}

TEST_CASE("an endless list of suites ends") {
    Rig rig;
    int asked = 0;
    rig.network = [&](bool to_node, Packet& packet) {
        if (!to_node || packet.size() < 22 || packet[4] != 6 || packet[21] != 0x54) {
            return 1;
        }
        ++asked;
        std::vector<u8> data(18, 0x55);
        data[0] = 0;
        wire::LanMessage message;
        message.to_address = 0x81;
        message.net_fn = 0x07;
        message.from_address = 0x20;
        message.sequence = packet[20] >> 2;
        message.command = 0x54;
        message.data = data;
        Packet reply(64);
        ByteWriter out(reply);
        wire::write_header20(out, {}, data.size() + 7);
        wire::write(out, message);
        reply.resize(out.size());
        rig.session.receive(rig.now(), reply);
        return 0;
    };
    static_cast<void>(rig.log_in());
    CHECK(asked <= 64);
}
