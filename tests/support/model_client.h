#pragma once
// A remote console for tests: builds the packets of an RMCP+ or IPMI 1.5 client and checks what
// comes back, without a socket. Used by the unit tests, the simulation, the fuzz targets and the
// benchmark. It shares wire and crypto with the server: tests/golden is what catches an error of
// both.
//
//     ModelClient client(tools, options);
//     if (client.log_in(send)) { auto reply = client.call(send, 0x00, 0x01, {}); }

#include "base/entropy.h"
#include "crypto/keys.h"
#include "crypto/suite.h"
#include "wire/rakp.h"
#include "wire/session_header.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace vbmc::test {

using Packet = std::vector<u8>;

/// Delivers a datagram and gives the answer; nullopt when there is none.
using Send = std::function<std::optional<Packet>(const Packet&)>;

/// Repeatable numbers: the same seed gives the same ids, nonces and IVs.
class SeededEntropy final : public Entropy {
  public:
    explicit SeededEntropy(u64 seed = 1) noexcept : state_(seed) {}

    void fill(MutableBytes out) noexcept override;

  private:
    u64 state_;
};

struct Reply {
    wire::PayloadType payload_type = wire::PayloadType::ipmi;
    u32 session_sequence = 0;
    u8 net_fn = 0;
    u8 command = 0;
    u8 rq_sequence = 0;
    u8 completion_code = 0;
    std::vector<u8> data;    // behind the completion code
    std::vector<u8> payload; // all of it, decrypted
};

struct ClientOptions {
    std::string user = "admin";
    std::string password = "password";
    std::vector<u8> bmc_key; // K_g; empty: one-key log-in
    u8 suite = 17;
    bool any_suite = false; // algorithm payloads of length 0
    u8 privilege_asked = 0; // in Open Session
    u8 role = 0x14;         // in RAKP 1: administrator, name-only lookup
    u8 tag = 0;
    u32 console_id = 0xa0a2a3a4; // what ipmitool always sends
    u64 seed = 1;
};

/// An RMCP+ client.
class ModelClient {
  public:
    ModelClient(crypto::Toolbox& tools, ClientOptions options);

    // The handshake, step by step; take_*() is false when the answer is wrong or a refusal.

    Packet open_session() const;
    bool take_open_session(Bytes datagram);
    Packet rakp1() const;
    bool take_rakp2(Bytes datagram);
    Packet rakp3() const;
    bool take_rakp4(Bytes datagram);

    /// All of it; false at the first answer that is missing, wrong or a refusal.
    bool log_in(const Send& send);

    /// The keys of a recorded handshake, instead of an own one.
    void adopt(const crypto::Exchange& recorded);

    wire::Status status() const { return status_; } // of the last answer

    u8 privilege_granted() const { return privilege_granted_; }

    u32 bmc_id() const { return bmc_id_; }

    bool active() const { return active_; }

    const crypto::SessionKeys& keys() const { return keys_; }

    // Inside the session.

    /// A new request under the next rqSeq.
    Packet request(u8 net_fn, u8 command, const std::vector<u8>& data = {});

    /// The last request once more, as clients do it: a new session sequence number, the same rqSeq.
    Packet retransmit();

    /// Any payload, protected as the suite wants it.
    Packet seal(wire::PayloadType type, Bytes payload);

    /// Checked, decrypted and taken apart; nullopt when it is not from this session or forged.
    std::optional<Reply> open(Bytes datagram) const;

    std::optional<Reply>
    call(const Send& send, u8 net_fn, u8 command, const std::vector<u8>& data = {});

    ClientOptions options;
    u32 session_sequence = 0; // the last one sent
    u8 rq_sequence = 0;

  private:
    crypto::Exchange exchange() const;
    ByteArray<20> user_key() const;
    Bytes payload_of(Bytes datagram, wire::PayloadType type) const;

    crypto::Toolbox& tools_;
    mutable SeededEntropy entropy_;
    const crypto::Suite* suite_;
    wire::Status status_ = wire::Status::ok;
    u8 privilege_granted_ = 0;
    u32 bmc_id_ = 0;
    ByteArray<16> console_random_{};
    ByteArray<16> bmc_random_{};
    ByteArray<16> guid_{};
    crypto::SessionKeys keys_;
    bool active_ = false;
    std::vector<u8> last_message_;
};

/// An IPMI 1.5 client.
class ModelClient15 {
  public:
    ModelClient15(crypto::Toolbox& tools, ClientOptions options, wire::AuthType auth_type);

    bool log_in(const Send& send);
    Packet get_challenge() const;
    bool take_challenge(Bytes datagram);
    Packet activate();
    bool take_activation(Bytes datagram);
    Packet request(u8 net_fn, u8 command, const std::vector<u8>& data = {});
    Packet retransmit();
    std::optional<Reply> open(Bytes datagram) const;
    std::optional<Reply>
    call(const Send& send, u8 net_fn, u8 command, const std::vector<u8>& data = {});

    ClientOptions options;
    u32 session_id = 0;
    u32 session_sequence = 0; // the next one
    u8 completion_code = 0;   // of the last answer of the log-in

  private:
    Packet seal(Bytes message, u32 sequence) const;
    ByteArray<16> password() const;

    crypto::Toolbox& tools_;
    wire::AuthType auth_type_;
    ByteArray<16> challenge_{};
    u8 rq_sequence_ = 0;
    std::vector<u8> last_message_;
};

/// A request without a session, in either framing.
Packet
sessionless(bool rmcp_plus, u8 net_fn, u8 command, const std::vector<u8>& data, u8 rq_sequence = 0);

std::optional<Reply> open_sessionless(Bytes datagram);

/// "06 00 ff" or "0600ff"; throws on anything else.
std::vector<u8> from_hex(std::string_view text);
std::string to_hex(Bytes bytes);

} // namespace vbmc::test
