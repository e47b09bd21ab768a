#pragma once
// The driver of one domain, on its node's shard. Every call goes to the hub that the nodes of the
// same host share; what libvirt tells by itself comes back from there.

#include "backend/driver.h"
#include "backend/libvirt/console.h"
#include "backend/libvirt/facts.h"
#include "backend/libvirt/hub.h"

#include <functional>
#include <memory>
#include <string>

namespace vbmc::backend::libvirt {

class DomainDriver final : public Driver {
  public:
    DomainDriver(const DriverContext& context, const DriverConfig& config);
    ~DomainDriver() override;
    DomainDriver(const DomainDriver&) = delete;
    DomainDriver& operator=(const DomainDriver&) = delete;

    bmc::Capabilities capabilities() const override;
    Awaitable<Result<bmc::PowerState>> power_state(Mono deadline) override;
    Awaitable<Result<void>> set_power(bmc::PowerAction action, Mono deadline) override;
    Awaitable<Result<void>> set_boot(bmc::BootRequest boot, Mono deadline) override;

    bool boot_needs_power_cycle() const override { return true; }

    /// Firmware may reset itself while it starts (OVMF does): that is still the same start.
    Duration boot_settle_time() const override { return std::chrono::seconds(10); }

    bool boot_is_stale() const override { return boot_is_stale_; }

    Awaitable<Result<std::vector<bmc::SensorReading>>> sensors(Mono deadline) override;

    std::shared_ptr<const bmc::SensorSet> sensor_set() const override { return sensors_; }

    Awaitable<Result<bmc::IdentitySeen>> identity(Mono deadline) override;
    Awaitable<Result<void>> insert_media(Media media, Mono deadline) override;
    Awaitable<Result<void>> eject_media(Mono deadline) override;
    Awaitable<Result<std::unique_ptr<Console>>>
    open_console(ConsoleSink sink, Mono deadline) override;
    void on_change(std::function<void(const bmc::Observation&)> sink) override;

  private:
    template <class T>
    Awaitable<Result<T>> ask(Mono deadline, std::function<Result<T>(virConnectPtr)> work);

    Awaitable<Result<void>> change(std::optional<std::string> image, Mono deadline);
    void hear(const Notice& notice);

    boost::asio::io_context& shard_;
    Commons* commons_;
    DriverConfig config_;
    Whom whom_;
    std::shared_ptr<Hub> hub_;
    std::shared_ptr<Listener> listener_; // null: nobody wants to hear
    std::function<void(const bmc::Observation&)> sink_;
    u32 heard_ = 0; // notices so far: a look that one overtook is repeated
    bool boot_is_stale_ = false;
    bool console_lost_ = false; // while the machine ran on: somebody else may have it now
    std::vector<std::string> drives_;
    std::shared_ptr<const bmc::SensorSet> sensors_;             // null before identity()
    std::optional<Load> load_;                                  // when the sensors were read last
    std::shared_ptr<bool> here_ = std::make_shared<bool>(true); // for callbacks of the console
};

/// How to reach the host that these options name.
Result<Access> access_from(const DriverConfig& config);

} // namespace vbmc::backend::libvirt
