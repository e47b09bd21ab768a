#pragma once
// One log-in of a remote console: capabilities, the cipher suites on offer, Open Session and RAKP 1
// to 4 (IPMI 2.0 §13.17 to §13.24). Everything the BMC claims is checked, its proofs in constant
// time; keys exist only once both sides have proved themselves. Pure: datagrams and time in, the
// packet to send and the end out. Owned by a Session.

#include "base/entropy.h"
#include "client/packets.h"
#include "client/settings.h"
#include "wire/open_session.h"

#include <variant>

namespace vbmc::client {

class Login {
  public:
    /// `known_suite`: what worked last time; tried first, without asking for the list. 0: none.
    Login(
        crypto::Toolbox& tools,
        Entropy& entropy,
        const Settings& settings,
        Credentials credentials,
        u8 known_suite,
        Mono now
    );
    Login(const Login&) = delete;
    Login& operator=(const Login&) = delete;

    void receive(Mono now, Bytes datagram);
    void on_deadline(Mono now);

    Mono next_deadline() const noexcept { return resend_at_; }

    /// The packet to send now, once; empty: none.
    Packet take_packet();

    /// Established: the keys; the log-in has nothing more to do.
    const Channel* channel() const noexcept { return std::get_if<Channel>(&step_); }

    const Trouble& trouble() const noexcept { return trouble_; }

    const ByteArray<16>& guid() const noexcept { return guid_; }

  private:
    struct AskCapabilities {};

    struct ListSuites {
        u8 index = 0;
        std::vector<u8> records;
    };

    struct Opening {
        const crypto::Suite* suite;
    };

    struct AwaitProof { // RAKP 1 is out
        const crypto::Suite* suite;
        u32 bmc_id;
        ByteArray<16> console_random;
    };

    struct AwaitKeys { // RAKP 3 is out
        Channel channel;
        crypto::Code check_value;
    };

    using Step = std::variant<AskCapabilities, ListSuites, Opening, AwaitProof, AwaitKeys, Channel>;

    void take(Mono now, const AskCapabilities& step, const Unsealed& answer);
    void take(Mono now, ListSuites& step, const Unsealed& answer);
    void take(Mono now, const Opening& step, const Unsealed& answer);
    void take(Mono now, const AwaitProof& step, const Unsealed& answer);
    void take(Mono now, const AwaitKeys& step, const Unsealed& answer);

    void take(Mono, const Channel&, const Unsealed&) {}

    void ask(Mono now, bool rmcp_plus, u8 command, Bytes data);
    void ask_suites(Mono now, u8 index);
    Bytes answer_to(u8 command, const Unsealed& answer) const noexcept;
    void choose_suites(const std::vector<u8>& records);
    void next_suite(Mono now, Trouble why);
    void open(Mono now, const crypto::Suite& suite);
    void refused(Mono now, wire::Status status);
    bool is_short_refusal(Bytes payload) const noexcept;
    crypto::Exchange exchange(const AwaitProof& step, const ByteArray<16>& bmc_random) const;
    void send(Mono now, Packet packet);
    void fail(Trouble why) noexcept;
    ByteArray<20> user_key() const noexcept;
    u8 role() const noexcept;

    crypto::Toolbox& tools_;
    Entropy& entropy_;
    const Settings& settings_;
    Credentials credentials_;
    Step step_;
    std::vector<u8> candidates_; // suites that are left to try
    bool known_first_ = false;   // the first candidate is a memory: on refusal ask for the list
    Trouble trouble_;
    ByteArray<16> guid_{};
    u32 console_id_ = 0;
    u8 tag_ = 0;
    u8 rq_sequence_ = 0;

    Packet packet_; // of this step
    bool to_send_ = false;
    u8 sent_ = 0;
    Mono resend_at_ = never;
    Duration resend_gap_{};
};

} // namespace vbmc::client
