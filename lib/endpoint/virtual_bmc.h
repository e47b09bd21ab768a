#pragma once
// One emulated BMC as a pure value: datagrams, observations and time in; datagrams and intents out.
// The host's contract (after h11 and quinn): one call, then drain poll(), then re-arm one timer for
// next_deadline(). Lives on one shard for life; allocates nothing on the path of a command.

#include "base/inline_bytes.h"
#include "bmc/bmc.h"
#include "endpoint/access.h"
#include "endpoint/output.h"
#include "endpoint/sol.h"
#include "ipmi/command.h"
#include "rmcp/engine.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vbmc::endpoint {

class VirtualBmc final : private rmcp::Directory {
  public:
    /// `shared` belongs to the shard and outlives this.
    VirtualBmc(const bmc::Config& config, const Access& access, rmcp::Shared& shared, Now now);

    ~VirtualBmc() override { wipe(bmc_key_); }

    /// A datagram, decrypted in place. Returns how many bytes of `out` go back to `peer`; 0: none.
    /// `out` should have 512 bytes.
    std::size_t receive(Now now, const Peer& peer, MutableBytes in, MutableBytes out);

    void observe(Now now, const bmc::Observation& observation);

    /// What to do next, or nothing.
    std::optional<Output> poll();

    Mono next_deadline() const noexcept;
    void on_deadline(Now now);

    /// The owner's rules changed; sessions that go on keep what they had.
    void set_access(const Access& access);

    /// Saved sections come back, before the first datagram; false when the bytes cannot be read.
    bool load(bmc::Section section, Bytes saved, Now now);

    std::vector<u8> save(bmc::Section section, Now now) const { return model_.save(section, now); }

    bmc::Bmc& model() noexcept { return model_; }

    const bmc::Bmc& model() const noexcept { return model_; }

    /// After the owner changed the model's users or K_g directly.
    void users_changed();

    rmcp::Engine& sessions() noexcept { return engine_; }

    const rmcp::Engine& sessions() const noexcept { return engine_; }

    const Access& access() const noexcept { return access_; }

    /// Ends every session but `kept` (0: none is kept) and every console: the endpoint is about to
    /// go, was quarantined, or reset.
    void close_all(u32 kept = 0);

    // The payload commands act on these (endpoint/payload_commands.cpp).

    const Sol* sol() const noexcept { return sol_.get(); }

    void activate_sol(u32 session);
    void deactivate_sol();

    /// How many datagrams were received, and how many of them got no answer.
    u64 datagrams() const noexcept { return datagrams_; }

    u64 dropped() const noexcept { return dropped_; }

    /// Requests whose answer waits for an intent's end.
    std::size_t parked_count() const noexcept { return parked_.size(); }

  private:
    /// A request whose answer waits for an intent's end: run again then.
    struct Parked {
        rmcp::Return to;
        bmc::Ticket ticket;
        Mono deadline;
        ipmi::Context context;
        InlineBytes<16> data;
        bool raw; // passed on: nothing to run again
    };

    static constexpr std::size_t reply_bytes_max = 272; // completion code and data
    static constexpr std::size_t parked_max = 64;
    static constexpr std::size_t outputs_max = 256;

    std::size_t answer(Now now, const rmcp::Request& request, MutableBytes out);
    ipmi::Ran
    dispatch(const ipmi::Context& context, ipmi::CommandId id, Bytes data, ByteWriter& reply);
    std::size_t park(
        Now now,
        const rmcp::Request& request,
        const ipmi::Context& context,
        bmc::Ticket ticket,
        bool raw,
        MutableBytes out
    );
    ipmi::Ran pass_on(const ipmi::Context& context, const rmcp::Request& request);
    void finish_raw(Now now, const bmc::RawDone& done);
    void send_late(Now now, const Parked& parked, Bytes completion_code_and_data);
    void send(const Peer& to, Bytes datagram);
    void finish_parked(Now now, std::size_t index, const ipmi::Completion& completion);
    void finish_ticket(Now now, const bmc::Done& done);
    void after_command(Now now, const rmcp::Request& request, ipmi::CompletionCode code);
    std::size_t on_sol(Now now, const rmcp::Sol& sol, MutableBytes out);
    void pump_sol(Now now);
    void send_sol(Bytes payload);
    void end_sol();
    void observe_console(Now now, const bmc::Observation& observation);
    void obey_settings();
    void record_action(const rmcp::Request& request);
    void record_raw(const rmcp::Request& request);
    void record(Audit::Kind kind, const rmcp::Request& request, std::string detail);
    void close_asked(const rmcp::Request& request);
    void end_other_sessions(const rmcp::Request& request);
    static bool changes_users(u8 app_command) noexcept;

    // rmcp::Directory
    const rmcp::Policy& policy() const noexcept override { return policy_; }

    std::optional<rmcp::Credentials>
    find_user(Bytes name, std::optional<rmcp::Privilege> exact) const noexcept override;

    const ByteArray<20>& bmc_key() const noexcept override { return bmc_key_; }

    const ByteArray<16>& guid() const noexcept override { return model_.config.guid; }

    bool allowed(const IpAddress& address) const noexcept override;
    void on_session_event(const rmcp::SessionEvent& event) noexcept override;

    bmc::Bmc model_;
    Access access_;
    rmcp::Policy policy_;
    ByteArray<20> bmc_key_{};
    rmcp::Engine engine_;
    std::unique_ptr<Sol> sol_;
    std::vector<Parked> parked_;
    std::vector<Output> outputs_; // newest last; emptied by poll()
    std::size_t outputs_taken_ = 0;
    u64 datagrams_ = 0;
    u64 dropped_ = 0;
};

} // namespace vbmc::endpoint
