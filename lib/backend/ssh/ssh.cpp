#include "backend/ssh/ssh.h"

#include "backend/ssh/base_driver.h"
#include "backend/ssh/commands.h"
#include "backend/ssh/efi_boot.h"
#include "backend/ssh/machine_text.h"
#include "backend/ssh/sensor_text.h"

#include <utility>

namespace vbmc::backend::ssh {

namespace {

using bmc::BootDevice;
using bmc::PowerAction;
using bmc::PowerState;

const ConfigSchema& schema() {
    static const ConfigSchema all = [] {
        ConfigSchema s;
        s.options = login_options();
        s.options.push_back(
            {"reboot-timeout",
             OptionType::duration,
             false,
             "10m",
             "a reset that left the machine with its boot id for so long has failed"}
        );
        for (const Option& option : command_options()) {
            s.options.push_back(option);
        }
        return s;
    }();
    return all;
}

Verb verb_of(PowerAction action) {
    switch (action) {
    case PowerAction::on:
        return Verb::on;
    case PowerAction::off:
        return Verb::off;
    case PowerAction::diag:
        return Verb::nmi;
    case PowerAction::soft:
        return Verb::soft;
    case PowerAction::reset:
    case PowerAction::cycle:
        break;
    }
    return Verb::reset;
}

Error cannot(Verb verb) {
    const std::string word(word_of(verb));
    return Error(ErrorCode::unsupported, "this node has no command for '" + word + "'")
        .with_hint("set the option command-" + word);
}

std::string_view name_of(BootDevice device) {
    switch (device) {
    case BootDevice::pxe:
        return "network";
    case BootDevice::disk:
    case BootDevice::disk_safe:
        return "disk";
    case BootDevice::cdrom:
    case BootDevice::remote_cdrom:
        return "CD-ROM";
    default:
        return "removable-media";
    }
}

class SshDriver final : public BaseDriver {
  public:
    SshDriver(const DriverContext& context, const DriverConfig& config)
        : BaseDriver(context, config), commands_(config),
          reboot_limit_(std::chrono::duration_cast<Duration>(
              std::chrono::duration<double>(config.seconds("reboot-timeout"))
          )) {}

    bmc::Capabilities capabilities() const override {
        bmc::Capabilities c;
        c.power = commands_.can(Verb::on) || commands_.can(Verb::off);
        c.reset = commands_.can(Verb::reset);
        c.soft = commands_.can(Verb::soft);
        c.nmi = commands_.can(Verb::nmi);
        c.boot = commands_.can(Verb::boot_list);
        c.console = commands_.can(Verb::console);
        c.sensors = commands_.can(Verb::sensors);
        c.identify = commands_.can(Verb::identify);
        return c;
    }

    /// Of a host that works the machine a log-in proves nothing.
    bool tells_power() const override {
        return !commands_.by_another_host() || commands_.can(Verb::status);
    }

    Awaitable<Result<PowerState>> power_state(Mono deadline) override {
        const auto line = commands_.line(Verb::status);
        if (!line) { // that it takes a log-in is all there is to know
            Result<void> there = co_await host_->ready(deadline);
            if (there.has_error()) {
                co_return unreached(there.error());
            }
            co_return tells_power() ? PowerState::on : PowerState::unknown;
        }
        Result<Output> told = co_await host_->ask(*line, deadline);
        if (told.has_error()) {
            co_return unreached(told.error());
        }
        co_return judge_status(*told);
    }

    Awaitable<Result<void>> set_power(PowerAction action, Mono deadline) override {
        const Verb verb = verb_of(action);
        auto line = commands_.line(verb);
        if (!line) {
            co_return cannot(verb);
        }
        std::string what(word_of(verb));
        const Effect effect = verb == Verb::nmi ? Effect::may_hang : Effect::goes_away;
        Result<void> done = co_await act(std::move(*line), std::move(what), effect, deadline);
        if (done.has_value() && verb == Verb::reset) {
            reset_of_ = boot_id_;
            reset_at_ = host_->clock()().mono;
        }
        co_return done;
    }

    Awaitable<Result<void>> set_boot(bmc::BootRequest boot, Mono deadline) override {
        if (boot.device == BootDevice::diagnostics ||
            (boot.device == BootDevice::bios_setup && boot.persistent)) {
            co_return Error(
                ErrorCode::unsupported, "a machine's own tools cannot choose this boot device"
            );
        }
        if (boot.device == BootDevice::bios_setup) {
            co_return co_await enter_setup(true, deadline);
        }
        if (setup_armed_) {
            Result<void> done = co_await enter_setup(false, deadline);
            if (done.has_error()) {
                co_return done;
            }
        }
        Result<EfiBoot> list = co_await read_entries(deadline);
        if (list.has_error()) {
            co_return std::move(list).error();
        }
        if (boot.device == BootDevice::none || boot.persistent) {
            Result<void> done = co_await forget_next(*list, deadline);
            if (done.has_error() || boot.device == BootDevice::none) {
                co_return done;
            }
        }
        co_return co_await boot_from(std::move(*list), boot, deadline);
    }

    Awaitable<Result<std::vector<bmc::SensorReading>>> sensors(Mono deadline) override {
        auto line = commands_.line(Verb::sensors);
        if (!line) {
            co_return cannot(Verb::sensors);
        }
        Result<std::string> text = co_await ask(std::move(*line), "sensors", deadline);
        if (text.has_error()) {
            co_return std::move(text).error();
        }
        auto found = parse_sensors_json(*text);
        if (!found) {
            found = parse_hwmon(*text);
        }
        co_return book_.update(*found);
    }

    std::shared_ptr<const bmc::SensorSet> sensor_set() const override {
        return book_.set() ? book_.set() : no_sensors();
    }

    Awaitable<Result<bmc::IdentitySeen>> identity(Mono deadline) override {
        auto line = commands_.line(Verb::identity);
        if (!line) {
            co_return cannot(Verb::identity);
        }
        Result<std::string> text = co_await ask(std::move(*line), "identity", deadline);
        if (text.has_error()) {
            co_return std::move(text).error();
        }
        co_return parse_dmi(*text);
    }

    Awaitable<Result<void>> identify(bmc::Identify request, Mono deadline) override {
        const unsigned seconds = request.indefinite ? 86400U : request.seconds;
        auto line = commands_.line(Verb::identify, std::to_string(seconds));
        if (!line) {
            co_return cannot(Verb::identify);
        }
        co_return co_await act(std::move(*line), "identify", Effect::stays, deadline);
    }

    Awaitable<Result<std::unique_ptr<Console>>>
    open_console(ConsoleSink sink, Mono deadline) override {
        auto line = commands_.line(Verb::console);
        if (!line) {
            co_return cannot(Verb::console);
        }
        std::string on_break = commands_.line(Verb::brk).value_or("");
        co_return co_await open_terminal(
            std::move(*line), std::move(on_break), std::move(sink), deadline
        );
    }

  private:
    /// A boot id proves that it runs; another one than before, that it was started meanwhile.
    Result<PowerState> judge_status(const Output& told) {
        if (const auto id = parse_boot_id(told.out)) {
            const bool restarted = !boot_id_.empty() && boot_id_ != *id;
            boot_id_ = *id;
            if (restarted) {
                tell(bmc::PowerSeen{PowerState::on, true});
            }
            judge_reset();
            return PowerState::on;
        }
        if (commands_.is_set(Verb::status)) {
            const PowerState state = parse_power_word(told.out);
            if (state == PowerState::unknown) {
                if (auto why = complaint(told, "status")) {
                    return *why;
                }
            }
            return state;
        }
        if (told.lost || told.unended) {
            return *complaint(told, "status");
        }
        return PowerState::on; // it took a log-in and a command
    }

    /// That a reset was taken is no proof: another boot id is, and the same one long after it says
    /// that there was none.
    void judge_reset() {
        if (reset_of_.empty()) {
            return;
        }
        const bool late = host_->clock()().mono - reset_at_ >= reboot_limit_;
        const bool same = boot_id_ == reset_of_;
        if (late || !same) {
            reset_of_.clear();
        }
        if (late && same) {
            tell(bmc::PowerFailed{PowerAction::reset, bmc::Outcome::failed});
        }
    }

    void tell(const bmc::Observation& what) {
        if (const auto sink = change_) { // may be replaced from within
            sink(what);
        }
    }

    Awaitable<Result<void>> enter_setup(bool enter, Mono deadline) {
        auto line = commands_.line(Verb::setup, enter ? "true" : "false");
        if (!line) {
            co_return cannot(Verb::setup);
        }
        Result<void> done = co_await act(std::move(*line), "setup", Effect::stays, deadline);
        if (done.has_value()) {
            setup_armed_ = enter;
        }
        co_return done;
    }

    Awaitable<Result<EfiBoot>> read_entries(Mono deadline) {
        auto line = commands_.line(Verb::boot_list);
        if (!line) {
            co_return cannot(Verb::boot_list);
        }
        Result<std::string> text = co_await ask(std::move(*line), "boot-list", deadline);
        if (text.has_error()) {
            co_return std::move(text).error();
        }
        auto list = parse_efi_boot(*text);
        if (!list) {
            co_return Error(
                ErrorCode::unsupported,
                "NO_BOOT_ENTRIES",
                "the machine lists no boot entries: it was not started by UEFI firmware"
            );
        }
        co_return std::move(*list);
    }

    Awaitable<Result<void>> forget_next(const EfiBoot& list, Mono deadline) {
        auto line = commands_.line(Verb::boot_forget);
        if (!list.next || !line) {
            co_return Result<void>();
        }
        co_return co_await act(std::move(*line), "boot-forget", Effect::stays, deadline);
    }

    Awaitable<Result<void>> boot_from(EfiBoot list, bmc::BootRequest boot, Mono deadline) {
        const auto entry = choose_entry(list, boot.device);
        if (!entry) {
            std::string names;
            for (const EfiEntry& e : list.entries) {
                names += (names.empty() ? "" : ", ") + tidy_name(e.name);
            }
            co_return Error(
                ErrorCode::not_found,
                "NO_BOOT_ENTRY",
                "the machine's firmware has no " + std::string(name_of(boot.device)) + " boot entry"
            )
                .with_hint("its entries are: " + names.substr(0, 400));
        }
        if (!boot.persistent) {
            auto next = commands_.line(Verb::boot_next, entry_text(*entry));
            if (!next) {
                co_return cannot(Verb::boot_next);
            }
            co_return co_await act(std::move(*next), "boot-next", Effect::stays, deadline);
        }
        std::string order;
        for (const u16 number : order_with_first(list, *entry)) {
            order += (order.empty() ? "" : ",") + entry_text(number);
        }
        auto line = commands_.line(Verb::boot_order, order);
        if (!line) {
            co_return cannot(Verb::boot_order);
        }
        co_return co_await act(std::move(*line), "boot-order", Effect::stays, deadline);
    }

    Commands commands_;
    SensorBook book_;
    Duration reboot_limit_;
    std::string boot_id_;  // as told last
    std::string reset_of_; // the boot id that a reset is to end; empty: none is under way
    Mono reset_at_{};
    bool setup_armed_ = false;
};

Result<std::unique_ptr<Driver>> create(const DriverContext& context, const DriverConfig& config) {
    const Result<void> checked = Host::check(config);
    if (checked.has_error()) {
        return checked.error();
    }
    return std::unique_ptr<Driver>(std::make_unique<SshDriver>(context, config));
}

} // namespace

const DriverKind kind = {
    "ssh",
    "a machine by a login on it: soft off, reboot, boot entries, sensors, console",
    schema(),
    create,
    no_sensors,
};

} // namespace vbmc::backend::ssh
