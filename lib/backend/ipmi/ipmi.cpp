#include "backend/ipmi/ipmi.h"

#include "backend/ipmi/commands.h"
#include "backend/ipmi/console.h"
#include "backend/ipmi/link.h"
#include "backend/ipmi/mirror.h"
#include "backend/ipmi/options.h"
#include "backend/ipmi/trouble.h"

#include <utility>

namespace vbmc::backend::ipmi {

namespace {

class IpmiDriver final : public Driver {
  public:
    IpmiDriver(const DriverContext& context, Upstream upstream, const Wishes& wishes)
        : link_(std::make_shared<Link>(context, std::move(upstream))),
          mirror_(std::make_shared<Mirror>(link_, context, wishes)), wishes_(wishes) {}

    ~IpmiDriver() override {
        mirror_->set_sink({});
        link_->shut_down();
    }

    IpmiDriver(const IpmiDriver&) = delete;
    IpmiDriver& operator=(const IpmiDriver&) = delete;

    bmc::Capabilities capabilities() const override {
        bmc::Capabilities c;
        c.identify = true;
        c.sensors = wishes_.sensors;
        c.console = wishes_.console;
        c.raw = wishes_.raw;
        c.raw_privilege = wishes_.raw_privilege;
        return c;
    }

    std::string host() const override { return link_->name(); }

    Awaitable<Result<bmc::PowerState>> power_state(Mono deadline) override {
        client::Request request = chassis_status();
        auto data = co_await link_->ask(std::move(request), "Get Chassis Status", deadline);
        if (data.has_error()) {
            co_return std::move(data).error();
        }
        const auto state = power_of(*data);
        if (!state) {
            co_return Error(
                ErrorCode::internal,
                "the BMC at " + link_->name() + " gave a chassis status that is too short"
            );
        }
        mirror_->kick();
        co_return *state;
    }

    Awaitable<Result<void>> set_power(bmc::PowerAction action, Mono deadline) override {
        client::Request request = chassis_control(action);
        auto data = co_await link_->ask(std::move(request), "Chassis Control", deadline);
        if (data.has_error()) {
            co_return std::move(data).error();
        }
        co_return Result<void>();
    }

    bool one_time_boot_is_native() const override { return true; }

    Awaitable<Result<void>> set_boot(bmc::BootRequest boot, Mono deadline) override {
        client::Request keep = keep_boot_flags(); // not every BMC knows it
        auto kept = co_await link_->call(std::move(keep), deadline);
        if (kept.has_error()) {
            co_return std::move(kept).error();
        }
        client::Request request = boot_flags(boot);
        auto data = co_await link_->ask(std::move(request), "Set System Boot Options", deadline);
        if (data.has_error()) {
            co_return std::move(data).error();
        }
        co_return Result<void>();
    }

    Awaitable<Result<void>> identify(bmc::Identify wish, Mono deadline) override {
        client::Request request = chassis_identify(wish);
        auto data = co_await link_->ask(std::move(request), "Chassis Identify", deadline);
        if (data.has_error()) {
            co_return std::move(data).error();
        }
        co_return Result<void>();
    }

    Awaitable<Result<std::vector<bmc::SensorReading>>> sensors(Mono deadline) override {
        return mirror_->read_sensors(deadline);
    }

    std::shared_ptr<const bmc::SensorSet> sensor_set() const override {
        return mirror_->sensor_set();
    }

    Awaitable<Result<bmc::IdentitySeen>> identity(Mono deadline) override {
        return mirror_->read_identity(deadline);
    }

    Awaitable<Result<std::unique_ptr<Console>>>
    open_console(ConsoleSink sink, Mono deadline) override {
        return ipmi::open_console(link_, wishes_.sol_takeover, std::move(sink), deadline);
    }

    void on_change(std::function<void(const bmc::Observation&)> sink) override {
        mirror_->set_sink(std::move(sink));
    }

    Awaitable<Result<RawResponse>> raw(RawRequest wanted, Mono deadline) override {
        client::Request request(wanted.netfn, wanted.command, std::move(wanted.data));
        request.lun = wanted.lun;
        request.repeatable = false; // nobody here knows what it does
        request.retry_busy = false; // the client hears what the BMC said
        auto answer = co_await link_->call(std::move(request), deadline);
        if (answer.has_error()) {
            co_return std::move(answer).error();
        }
        RawResponse response;
        response.completion = answer->completion;
        response.data = std::move(answer->data);
        co_return response;
    }

  private:
    std::shared_ptr<Link> link_;
    std::shared_ptr<Mirror> mirror_;
    const Wishes wishes_;
};

Result<std::unique_ptr<Driver>> create(const DriverContext& context, const DriverConfig& config) {
    Result<Upstream> upstream = upstream_of(config);
    if (upstream.has_error()) {
        return std::move(upstream).error();
    }
    return std::unique_ptr<Driver>(
        std::make_unique<IpmiDriver>(context, std::move(*upstream), wishes_of(config))
    );
}

} // namespace

const DriverKind kind = {
    "ipmi",
    "another BMC, over IPMI 2.0 on the network (RMCP+)",
    schema(),
    create,
    nullptr, // each BMC has its own: the driver tells when it has looked
};

} // namespace vbmc::backend::ipmi
