// The kind ssh-ipmitool: a machine whose own BMC is out of reach but for `ipmitool -I open` on it.

#include "backend/ssh/base_driver.h"
#include "backend/ssh/ipmitool_text.h"
#include "backend/ssh/sensor_text.h"
#include "backend/ssh/ssh.h"

#include <utility>

namespace vbmc::backend::ssh {

namespace {

using bmc::PowerAction;

const ConfigSchema& schema() {
    static const ConfigSchema all = [] {
        using enum OptionType;
        ConfigSchema s;
        s.options = login_options();
        s.options.push_back({"sudo", boolean, false, "false", "run ipmitool through `sudo -n`"});
        s.options.push_back(
            {"ipmitool", text, false, "ipmitool -I open", "the command that reaches the BMC there"}
        );
        s.options.push_back(
            {"raw", boolean, false, "true", "pass on commands that the emulated BMC does not know"}
        );
        s.options.push_back(
            {"command-console",
             text,
             false,
             "",
             "the console, on a terminal (default: a login shell)"}
        );
        return s;
    }();
    return all;
}

std::string_view power_word(PowerAction action) {
    switch (action) {
    case PowerAction::off:
        return "off";
    case PowerAction::on:
        return "on";
    case PowerAction::cycle:
        return "cycle";
    case PowerAction::reset:
        return "reset";
    case PowerAction::diag:
        return "diag";
    case PowerAction::soft:
        break;
    }
    return "soft";
}

class IpmitoolDriver final : public BaseDriver {
  public:
    IpmitoolDriver(const DriverContext& context, const DriverConfig& config)
        : BaseDriver(context, config),
          base_((config.boolean("sudo") ? "sudo -n " : "") + config.text("ipmitool") + " "),
          console_(config.text("command-console")), raw_(config.boolean("raw")) {}

    bmc::Capabilities capabilities() const override {
        bmc::Capabilities c;
        c.console = true;
        c.sensors = true;
        c.identify = true;
        c.raw = raw_;
        return c;
    }

    Awaitable<Result<bmc::PowerState>> power_state(Mono deadline) override {
        Result<std::string> told = co_await ask(base_ + "chassis power status", "status", deadline);
        if (told.has_error()) {
            co_return unreached(told.error());
        }
        co_return parse_chassis_power(*told);
    }

    Awaitable<Result<void>> set_power(PowerAction action, Mono deadline) override {
        // Its own BMC takes the machine away from under the command, which may then never end.
        const bool orderly = action == PowerAction::on || action == PowerAction::soft;
        const Effect effect = orderly ? Effect::goes_away : Effect::may_hang;
        std::string line = base_ + "chassis power " + std::string(power_word(action));
        std::string what = "power " + std::string(power_word(action));
        co_return co_await act(std::move(line), std::move(what), effect, deadline);
    }

    Awaitable<Result<void>> set_boot(bmc::BootRequest boot, Mono deadline) override {
        const auto word = bootdev_word(boot.device);
        if (!word) {
            co_return Error(ErrorCode::unsupported, "ipmitool has no word for this boot device");
        }
        std::string line = base_ + "chassis bootdev " + *word;
        if (boot.persistent || boot.efi) {
            line += " options=";
            line += boot.persistent ? "persistent" : "";
            line += boot.persistent && boot.efi ? "," : "";
            line += boot.efi ? "efiboot" : "";
        }
        co_return co_await act(std::move(line), "bootdev", Effect::stays, deadline);
    }

    Awaitable<Result<std::vector<bmc::SensorReading>>> sensors(Mono deadline) override {
        Result<std::string> text = co_await ask(base_ + "sensor", "sensors", deadline);
        if (text.has_error()) {
            co_return std::move(text).error();
        }
        co_return book_.update(parse_ipmitool_sensors(*text));
    }

    std::shared_ptr<const bmc::SensorSet> sensor_set() const override {
        return book_.set() ? book_.set() : no_sensors();
    }

    Awaitable<Result<bmc::IdentitySeen>> identity(Mono deadline) override {
        Result<std::string> text = co_await ask(base_ + "fru print 0", "identity", deadline);
        if (text.has_error()) {
            co_return std::move(text).error();
        }
        co_return parse_fru(*text);
    }

    Awaitable<Result<void>> identify(bmc::Identify request, Mono deadline) override {
        const std::string how = request.indefinite ? "force" : std::to_string(request.seconds);
        co_return co_await act(
            base_ + "chassis identify " + how, "identify", Effect::stays, deadline
        );
    }

    Awaitable<Result<RawResponse>> raw(RawRequest request, Mono deadline) override {
        const std::shared_ptr<Host> host = host_;
        std::string line = base_ + raw_arguments(request);
        Result<Output> done = co_await host->tell(std::move(line), deadline);
        if (done.has_error()) {
            co_return std::move(done).error();
        }
        if (auto answer = parse_raw(done->status, done->out, done->error)) {
            co_return std::move(*answer);
        }
        if (auto why = complaint(*done, "raw")) {
            co_return std::move(*why);
        }
        co_return Error(ErrorCode::internal, "ipmitool's answer to a raw command cannot be read");
    }

    Awaitable<Result<std::unique_ptr<Console>>>
    open_console(ConsoleSink sink, Mono deadline) override {
        std::string line = console_;
        co_return co_await open_terminal(std::move(line), std::string(), std::move(sink), deadline);
    }

  private:
    std::string base_; // ends with a space
    std::string console_;
    bool raw_;
    SensorBook book_;
};

Result<std::unique_ptr<Driver>> create(const DriverContext& context, const DriverConfig& config) {
    const Result<void> checked = Host::check(config);
    if (checked.has_error()) {
        return checked.error();
    }
    return std::unique_ptr<Driver>(std::make_unique<IpmitoolDriver>(context, config));
}

} // namespace

const DriverKind ipmitool_kind = {
    "ssh-ipmitool",
    "a machine with a BMC of its own, by `ipmitool -I open` on it over ssh",
    schema(),
    create,
    no_sensors,
};

} // namespace vbmc::backend::ssh
