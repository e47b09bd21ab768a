#pragma once
// A remote console's session with one BMC, as a pure value: datagrams, requests and time in;
// datagrams and events out. Logs in, raises its privilege, keeps several requests under way, sends
// again what is not answered, notices that the BMC has forgotten it, and says so. The host's
// contract is VirtualBmc's: one call, drain poll(), re-arm one timer for next_deadline().

#include "client/login.h"
#include "client/sol.h"

#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace vbmc::client {

using RequestId = u32;

struct Request {
    u8 netfn = 0;
    u8 lun = 0;
    u8 command = 0;
    std::vector<u8> data;
    bool repeatable = true; // doing it twice does no harm: goes on in the next session, too
    bool retry_busy = true; // C0h and C3h are not an answer while there is time
    Mono deadline = never;

    Request() = default;

    Request(u8 netfn_, u8 command_, std::vector<u8> data_)
        : netfn(netfn_), command(command_), data(std::move(data_)) {}
};

struct Transmit {
    Packet bytes;
};

struct Answer {
    RequestId id = 0;
    u8 completion = 0;
    std::vector<u8> data;
};

struct Failed {
    RequestId id = 0;
    Trouble why;
};

struct LoggedIn {
    u8 suite = 0;
};

/// The log-in failed, or the session is gone. What may be repeated waits for the next log-in when
/// the session was lost, and has Failed when the log-in did.
struct LoggedOut {
    Trouble why;
};

struct SolBytes {
    std::vector<u8> bytes;
};

/// The payload is no longer active: deactivated, lost, or the session with it.
struct SolEnded {};

using Output = std::variant<Transmit, Answer, Failed, LoggedIn, LoggedOut, SolBytes, SolEnded>;

class Session {
  public:
    enum class State : u8 { closed, logging_in, ready };

    static constexpr std::size_t requests_max = 64;

    /// `tools` and `entropy` belong to the shard and outlive this.
    Session(crypto::Toolbox& tools, Entropy& entropy, const Settings& settings);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    State state() const noexcept { return state_; }

    /// Only while closed.
    void log_in(Mono now, Credentials credentials);

    /// Goes out when there is a session; ends with an Answer or a Failed of this id.
    RequestId submit(Mono now, Request request);

    /// Nobody waits for it any more.
    void cancel(RequestId id);

    bool has_requests() const noexcept { return !pending_.empty(); }

    /// A datagram from the BMC's address, decrypted in place.
    void receive(Mono now, MutableBytes datagram);

    void on_deadline(Mono now);
    Mono next_deadline() const noexcept;
    std::optional<Output> poll();

    /// Says good-bye, once, and forgets everything. Requests fail as `closed`.
    void close(Mono now);

    /// All requests fail for this reason: there will be no log-in soon.
    void fail_all(Trouble why);

    // Serial over LAN: after Activate Payload was answered.

    void start_sol(const SolSettings& settings);

    void stop_sol() noexcept { sol_.reset(); }

    bool has_sol() const noexcept { return sol_ != nullptr; }

    bool write_sol(Mono now, Bytes keys);
    void break_sol(Mono now);

    bool encrypts() const noexcept { return channel_ && channel_->suite->encrypts(); }

    /// What the BMC calls this session; 0: there is none.
    u32 id() const noexcept { return channel_ ? channel_->bmc_id : 0; }

    /// As the BMC gave it in RAKP 2.
    const ByteArray<16>& guid() const noexcept { return guid_; }

  private:
    enum class Purpose : u8 { caller, privilege, keep_alive };

    struct Pending {
        RequestId id = 0;
        Purpose purpose = Purpose::caller;
        Request request;
        bool sent = false;
        u8 rq_sequence = 0;
        u8 tries = 0;
        Mono first_sent{};
        Mono next_at = Mono::min(); // sent: again then; else: not before
        Duration gap{};
    };

    void check_login(Mono now);
    void established(Mono now);
    void enter_ready(Mono now);
    void on_message(Mono now, Bytes payload);
    void on_answer(Mono now, std::size_t index, u8 completion, Bytes data);
    void on_sol(Mono now, Bytes payload);
    void on_unanswered(Mono now, std::size_t index);
    void expire(Mono now);
    void pump(Mono now);
    void pump_sol(Mono now);
    void transmit(Mono now, Pending& pending);
    void lose(Trouble why);
    void log_in_failed(Trouble why);
    void say_good_bye();
    void fail(std::size_t index, Trouble why);
    u8 free_rq_sequence() noexcept;
    std::size_t under_way() const noexcept;
    void out_sealed(wire::PayloadType type, Bytes payload);

    crypto::Toolbox& tools_;
    Entropy& entropy_;
    const Settings settings_;
    State state_ = State::closed;
    std::unique_ptr<Login> login_;
    std::unique_ptr<Channel> channel_;
    std::unique_ptr<Sol> sol_;
    u8 sol_number_ = 0;            // that its last packet had, or the one of the activation before
    std::vector<Pending> pending_; // oldest first
    std::vector<Output> outputs_;
    std::size_t outputs_taken_ = 0;
    ByteArray<16> guid_{};
    RequestId last_id_ = 0;
    u8 known_suite_ = 0;
    u8 rq_sequence_ = 0;
    Mono heard_at_{}; // the last authentic packet
    Mono keep_alive_at_ = never;
};

} // namespace vbmc::client
