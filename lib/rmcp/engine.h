#pragma once
// The RMCP and RMCP+ protocol of one endpoint: discovery, log-in, sessions, integrity, encryption,
// replay, retransmission. Pure: datagram and time in, bytes out. Owned by one VirtualBmc, used on
// its shard only; what is big or shared by a shard's endpoints is in Shared.
//
//     const Incoming in = engine.open(now, peer, datagram, out);
//     Answered{n}  -> send out[0, n)
//     Request      -> handle it; n = engine.reply(now, request.ret, {cc, data...}, out); send if n
//     > 0 Sol          -> console; engine.send_sol(session, payload, out) Dropped      -> nothing
//
// 06/39 and 06/3A (IPMI 1.5 log-in) are answered here; every other command comes out as a Request.
// Outside a session only 06/37, 06/38 and 06/54 do.

#include "base/inline_bytes.h"
#include "rmcp/incoming.h"
#include "rmcp/session_pool.h"
#include "rmcp/shared.h"
#include "wire/open_session.h"
#include "wire/session_header.h"

namespace vbmc::wire {
struct LanMessage;
struct Packet15;
struct Rakp1;
struct Rakp3;
struct Rakp4;
} // namespace vbmc::wire

namespace vbmc::rmcp {

struct HalfOpen;
struct Session;

/// Whether a reply may be repeated from memory when its request comes again within 10 s.
enum class Repeat : u8 {
    cached, // the command ran once and must not run twice
    rerun,  // a pure read: run it again, the answer is fresher
};

struct SessionInfo {
    u32 id = 0;
    u8 handle = 0; // 1.., unique on the node (IPMI 2.0 §22.20)
    u8 user_id = 0;
    Privilege privilege = Privilege::none;     // now
    Privilege privilege_max = Privilege::none; // of this session
    Framing framing = Framing::rmcp_plus;
    u8 suite_id = 0; // 0: IPMI 1.5
    Peer peer;
    Mono opened{};
    Mono last_used{};
};

/// The answer to Set Session Privilege Level.
struct PrivilegeAnswer {
    u8 completion_code = 0;
    Privilege privilege = Privilege::none;
};

class Engine {
  public:
    using Reason = SessionEvent::Reason;

    Engine(Shared& shared, Directory& directory) noexcept;
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine();

    /// Decrypts in place: `datagram` is used up. `out` should have 512 bytes and be memory of its
    /// own. An acknowledgement that the RMCP header asks for is apart:
    /// wire::rmcp_acknowledgement().
    Incoming open(Now now, const Peer& peer, MutableBytes datagram, MutableBytes out) noexcept;

    /// Seals a completion code and data as the reply to `to`; 0 when the session is gone or it does
    /// not fit. The peer of a parked reply is peer_of(to.session_id).
    std::size_t reply(
        Now now,
        const Return& to,
        Bytes completion_code_and_data,
        MutableBytes out,
        Repeat repeat = Repeat::cached
    ) noexcept;

    /// The request is given up without a reply: its retransmission runs it anew.
    void forget(const Return& to) noexcept;

    /// A SOL payload (wire/sol.h) to this session's console; 0 when the session is gone.
    std::size_t send_sol(u32 session_id, Bytes payload, MutableBytes out) noexcept;

    /// Of the shard: the endpoint adds what only it can see.
    Counters& counters() noexcept { return shared_.counters; }

    // Sessions, for the session commands and the control API.

    std::size_t session_count() const noexcept { return session_count_; }

    std::optional<SessionInfo> session(u32 id) const noexcept;
    std::optional<SessionInfo> session_by_handle(u8 handle) const noexcept;

    /// The index-th active session in the order of their handles, from 1 (IPMI 2.0 §22.20).
    std::optional<SessionInfo> session_by_index(u8 index) const noexcept;

    std::optional<Peer> peer_of(u32 session_id) const noexcept;

    template <class F>
    void for_each_session(F&& visit) const {
        for (u32 slot = sessions_; slot != no_slot; slot = next_session(slot)) {
            visit(info(slot));
        }
    }

    /// Set Session Privilege Level (IPMI 2.0 §22.18); 0 asks for the present one.
    PrivilegeAnswer set_privilege(u32 session_id, u8 asked) noexcept;

    /// Restarts the idle time-out, as an authentic packet does.
    void touch(Now now, u32 session_id) noexcept;

    bool close(u32 session_id, Reason reason = Reason::by_command) noexcept;

    /// Closes all of one user, e.g. after a change of password; returns how many.
    std::size_t close_user(u8 user_id) noexcept;

    /// Closes every session but `kept` (0: none is kept) and every half-open one (reset of the
    /// controller, stop of the node).
    void close_all(u32 kept = 0) noexcept;

    // Facts for the commands that answer strangers.

    /// Data of Get Channel Authentication Capabilities after the channel number (IPMI 2.0 §22.13):
    /// `extended` is bit 7 of the request's channel byte, `level` the one that is asked about.
    ByteArray<7> authentication_capabilities(bool extended, Privilege level) const noexcept;

    /// Up to 16 record bytes of Get Channel Cipher Suites (IPMI 2.0 §22.15). `list_index` is the
    /// request's third byte: bit 7 lists by suite, bits 5:0 are the index.
    InlineBytes<16> cipher_suite_records(u8 list_index) const noexcept;

    /// The earliest moment at which on_deadline() may have something to do; `never` when idle.
    Mono next_deadline() const noexcept { return deadline_; }

    /// Ends idle sessions and abandoned handshakes.
    void on_deadline(Now now) noexcept;

  private:
    /// One datagram on its way through open().
    struct Arrival {
        Now now;
        const Peer& peer;
        MutableBytes datagram;
        MutableBytes out;
    };

    /// What stays the same from RAKP 1 to RAKP 3: who asks, with which key, and whether he may.
    struct Claimant;

    Incoming drop(Drop reason) const noexcept;

    // engine.cpp: dispatch, strangers, requests of a session
    Incoming open_asf(const Arrival& arrival, Bytes body) noexcept;
    Incoming open_rmcp_plus(const Arrival& arrival, Bytes body) noexcept;
    Incoming open_ipmi15(const Arrival& arrival, Bytes body) noexcept;
    Incoming from_stranger(const Arrival& arrival, Framing framing, Bytes payload) noexcept;
    Incoming in_session(const Arrival& arrival, const wire::Packet20& packet) noexcept;
    Incoming in_session15(const Arrival& arrival, const wire::Packet15& packet) noexcept;
    Incoming
    deliver(const Arrival& arrival, Session& session, u32 sequence, Bytes payload) noexcept;
    std::size_t
    seal(Session& session, wire::PayloadType type, Bytes payload, MutableBytes out) noexcept;
    static std::size_t
    write_sessionless(Framing framing, const wire::LanMessage& message, MutableBytes out) noexcept;
    std::size_t
    seal_lan(Session& session, const wire::LanMessage& message, MutableBytes out) noexcept;

    // engine_handshake.cpp: Open Session and RAKP
    Incoming handshake(const Arrival& arrival, const wire::Packet20& packet) noexcept;
    Incoming open_session(const Arrival& arrival, Bytes payload) noexcept;
    Incoming rakp1(const Arrival& arrival, Bytes payload) noexcept;
    Incoming rakp3(const Arrival& arrival, Bytes payload) noexcept;
    Incoming repeat_rakp4(const Arrival& arrival, const wire::Rakp3& message) noexcept;
    Incoming answer_rakp4(const Arrival& arrival, const wire::Rakp4& message) noexcept;
    void rakp1_refused(
        const Arrival& arrival, HalfOpen& half, const wire::Rakp1& message, wire::Status status
    ) noexcept;
    Incoming rakp3_refused(
        const Arrival& arrival,
        HalfOpen& half,
        const wire::Rakp3& message,
        wire::Status status,
        Reason reason
    ) noexcept;
    Incoming activate(
        const Arrival& arrival, u32 half_slot, const wire::Rakp3& message, const Claimant& who
    ) noexcept;
    bool is_copy(const Arrival& arrival, HalfOpen& half, wire::PayloadType type, u8 tag) noexcept;
    Claimant claimant(const HalfOpen& half, u8 role, Bytes name) const noexcept;

    // engine15.cpp: IPMI 1.5 log-in and packets
    bool
    authentic15(wire::AuthType type, Bytes password, const wire::Packet15& packet) const noexcept;
    std::size_t seal15(Session& session, Bytes payload, MutableBytes out) noexcept;
    std::optional<Credentials> find_user15(Bytes name) const noexcept;
    Incoming get_challenge(const Arrival& arrival, const wire::LanMessage& request) noexcept;
    Incoming
    activate15(const Arrival& arrival, u32 half_slot, const wire::Packet15& packet) noexcept;
    Incoming activate15_proven(
        const Arrival& arrival,
        u32 half_slot,
        const wire::Packet15& packet,
        const Credentials& user,
        Bytes password
    ) noexcept;
    Incoming repeat_activation15(
        const Arrival& arrival, Session& session, const wire::Packet15& packet
    ) noexcept;
    Incoming answer15(
        const Arrival& arrival, const wire::LanMessage& request, Bytes completion_code_and_data
    ) noexcept;

    // engine_sessions.cpp: the lists
    u32 find_half_open(u32 id, const Peer& peer) const noexcept;
    u32 find_same_request(const Peer& peer, const wire::OpenSessionRequest& request) const noexcept;
    u32 find_same_challenge(const Peer& peer, wire::AuthType type, Bytes name) const noexcept;
    u32 find_session(u32 id) const noexcept;
    u32 make_half_open(const Arrival& arrival) noexcept;
    u32
    make_session(const Arrival& arrival, const HalfOpen& half, const Credentials& user) noexcept;
    u32 new_id() noexcept;
    u8 free_handle() const noexcept;
    bool room_for_session(Mono now) const noexcept;
    /// Of this user, or of all (0).
    u32 longest_idle(Mono now, u8 user_id = 0) const noexcept;
    bool make_room_for(const Credentials& user, Mono now) noexcept;
    void end_half_open(u32 slot) noexcept;
    void end_session(u32 slot, Reason reason) noexcept;
    void opened(const Session& session, Bytes name) noexcept;
    void refused(
        const Peer& peer, Reason reason, Bytes name, u8 suite_id, Privilege privilege_max
    ) noexcept;

    void wake_at(Mono when) noexcept { deadline_ = std::min(deadline_, when); }

    static SessionInfo info_of(const Session& session) noexcept;
    u32 next_session(u32 slot) const noexcept;
    SessionInfo info(u32 slot) const noexcept;

    Shared& shared_;
    Directory& directory_;
    u32 salt_;                // tells this engine's sources from other engines' in the throttle
    u32 sessions_ = no_slot;  // list in the shared pool, newest first
    u32 half_open_ = no_slot; // list in the shared pool, newest first
    u16 session_count_ = 0;
    u16 half_open_count_ = 0;
    Mono deadline_ = never;
};

} // namespace vbmc::rmcp
