#pragma once
// Packets as a remote console builds and opens them: outside a session in both framings, and inside
// one with its keys. Pure; everything that comes in is checked here before anything believes it.

#include "base/entropy.h"
#include "crypto/keys.h"
#include "wire/lan_message.h"
#include "wire/session_header.h"

#include <optional>
#include <vector>

namespace vbmc::client {

using Packet = std::vector<u8>;

inline constexpr std::size_t packet_max = 1024; // no BMC sends more

/// Which sequence numbers came in: each once, not far behind the highest. Any step ahead counts: a
/// signed packet after a burst that was lost is no replay. Asked after the code was verified.
class SequenceFilter {
  public:
    bool accept(u32 sequence) noexcept;

  private:
    u32 highest_ = 0;
    u64 seen_ = 0; // bit n: the number n steps below the highest
};

/// A session's secrets and counters.
struct Channel {
    const crypto::Suite* suite = nullptr;
    crypto::SessionKeys keys;
    u32 console_id = 0; // ours, random: what comes in names it
    u32 bmc_id = 0;
    u32 sequence = 0; // the last one that went out
    SequenceFilter filter;
};

/// The bytes of a request message (IPMI 2.0 §13.8).
std::vector<u8> request_message(u8 netfn, u8 lun, u8 command, Bytes data, u8 rq_sequence);

/// A request outside a session, framed as IPMI 1.5 or as RMCP+.
Packet sessionless_packet(bool rmcp_plus, Bytes message);

/// The payload of a handshake message.
template <class Message>
Packet handshake_packet(wire::PayloadType type, const Message& message) {
    ByteArray<128> room{};
    ByteWriter payload(room);
    write(payload, message);
    Packet packet(192);
    ByteWriter out(packet);
    wire::Packet20 header;
    header.payload_type = type;
    wire::write_header20(out, header, payload.size());
    out.write(payload.written());
    packet.resize(out.size());
    return packet;
}

struct Unsealed {
    wire::PayloadType type = wire::PayloadType::ipmi;
    Bytes payload; // a view into the datagram
};

/// Outside a session, either framing.
std::optional<Unsealed> open_sessionless(Bytes datagram) noexcept;

/// Encrypted and signed as the session's suite wants it, under the next sequence number.
Packet seal(
    crypto::Toolbox& tools,
    Entropy& entropy,
    Channel& channel,
    wire::PayloadType type,
    Bytes payload
);

/// Verified, decrypted in place, and new; nullopt for everything else.
std::optional<Unsealed>
open_sealed(crypto::Toolbox& tools, Channel& channel, MutableBytes datagram) noexcept;

} // namespace vbmc::client
