#pragma once
// A machine that is only numbers: power, phases of a start, temperatures, a console. Time is an
// argument and nothing runs while nothing changes: every value is computed when somebody looks.
// Owned by one SimDriver, on its node's shard.

#include "base/time.h"
#include "bmc/observation.h"
#include "bmc/power_types.h"

#include <memory>
#include <string>
#include <vector>

namespace vbmc::backend::sim {

enum class Phase : u8 { off, starting, post, boot, running, stopping };

class Machine {
  public:
    /// `speed` divides all durations. `name` appears on the console.
    Machine(std::string name, double speed, bool on, Mono now);
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    /// As a power meter sees it: a starting machine is still off, a stopping one still on.
    bmc::PowerState power() const noexcept;

    Phase phase() const noexcept { return phase_; }

    /// Presses the buttons. False: not possible now (a reset while off).
    bool press(bmc::PowerAction action, Mono now);

    /// The firmware's boot order. A one-time choice is used up by the next start.
    void set_boot(const bmc::BootRequest& boot) noexcept;

    /// What the next start will boot from.
    bmc::BootDevice next_boot() const noexcept;

    /// What the last start booted from; none before the first.
    bmc::BootDevice booted_from() const noexcept { return booted_; }

    void set_medium(std::string image);

    bool has_medium() const noexcept { return medium_ != nullptr; }

    /// Goes through the phases that ended by `now`. True when the power changed or it started anew.
    bool advance(Mono now);

    /// When advance() has something to do; `never` when nothing is under way.
    Mono next_change() const noexcept { return change_at_; }

    /// How many starts it has seen: tells a restart that left the power on.
    u32 starts() const noexcept { return starts_; }

    double reading(u8 sensor, Mono now) const;

    /// Console output is kept only while a console is open.
    void open_console(Mono now);
    void close_console() noexcept;
    void type(Bytes keys, Mono now);
    void send_break();

    /// What the console printed since the last call.
    std::string take_output();

  private:
    void enter(Phase phase, Mono now);
    void start_over(Mono now);
    void print(std::string_view text);
    void run_line(std::string_view line, Mono now);
    Duration scaled(double seconds) const noexcept;
    double heat(Mono now) const noexcept;

    struct Terminal {
        std::string output;
        std::string line;
    };

    std::string name_;
    std::unique_ptr<const std::string> medium_; // null: none
    std::unique_ptr<Terminal> terminal_;        // null: no console is open
    Mono since_{};
    Mono change_at_ = never;
    float speed_;
    float heat_ = 0; // 0 cold .. 1 warm, when the power changed last
    Mono heat_at_{};
    u32 starts_ = 0;
    Phase phase_ = Phase::off;
    bmc::BootRequest once_;
    bmc::BootRequest always_;
    bmc::BootDevice booted_ = bmc::BootDevice::none;
    bool efi_ = false;
};

/// "pxe", "disk", "cdrom" ...: the word on the console after `boot=`.
std::string_view boot_word(bmc::BootDevice device) noexcept;

/// What the simulated machine's shell answers to one line; without a line end.
std::string shell_answer(std::string_view line);

} // namespace vbmc::backend::sim
