#include "backend/libvirt/domain_driver.h"

#include "backend/libvirt/machine.h"

#include <algorithm>
#include <utility>

namespace vbmc::backend::libvirt {

namespace {

constexpr int looks_max = 4; // of one power_state(), while events overtake it

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return text;
}

} // namespace

DomainDriver::DomainDriver(const DriverContext& context, const DriverConfig& config)
    : shard_(context.shard),
      config_(config), whom_{config.text("domain"), shown(config.text("uri"))} {
    auto access = access_from(config_);
    hub_ = Hub::get(context.commons, std::move(*access));
}

DomainDriver::~DomainDriver() = default;

bmc::Capabilities DomainDriver::capabilities() const {
    bmc::Capabilities c;
    c.pushes_power = true;
    return c;
}

template <class T>
Awaitable<Result<T>>
DomainDriver::ask(Mono deadline, std::function<Result<T>(virConnectPtr)> work) {
    return call<T>(hub_, shard_, deadline, std::move(work));
}

Awaitable<Result<bmc::PowerState>> DomainDriver::power_state(Mono deadline) {
    const std::function<Result<bmc::PowerState>(virConnectPtr)> work =
        [whom = whom_](virConnectPtr connection) { return read_power(connection, whom); };
    for (int look = 1;; ++look) {
        const u32 before = heard_;
        Result<bmc::PowerState> state = co_await ask<bmc::PowerState>(deadline, work);
        if (state.has_error() || heard_ == before || look == looks_max) {
            co_return state;
        }
    }
}

Awaitable<Result<void>> DomainDriver::set_power(bmc::PowerAction action, Mono deadline) {
    std::function<Result<void>(virConnectPtr)> work = [whom = whom_,
                                                       action](virConnectPtr connection) {
        return press(connection, whom, action);
    };
    co_return co_await ask<void>(deadline, std::move(work));
}

Awaitable<Result<void>> DomainDriver::set_boot(bmc::BootRequest boot, Mono deadline) {
    std::function<Result<BootTold>(virConnectPtr)> work = [whom = whom_,
                                                           boot](virConnectPtr connection) {
        return tell_boot(connection, whom, boot);
    };
    Result<BootTold> told = co_await ask<BootTold>(deadline, std::move(work));
    if (told.has_error()) {
        co_return told.error();
    }
    boot_is_stale_ = told->stale;
    co_return Result<void>();
}

void DomainDriver::on_change(std::function<void(const bmc::Observation&)> sink) {
    sink_ = std::move(sink);
    if (!sink_) {
        listener_.reset();
        return;
    }
    if (!listener_) {
        listener_ = std::make_shared<Listener>(shard_);
        listener_->domain = whom_.domain;
        if (whom_.domain.size() == 36) {
            listener_->domain = lower(whom_.domain);
        }
        listener_->hear = [this](const Notice& notice) { hear(notice); };
        hub_->listen(listener_);
    }
}

void DomainDriver::hear(const Notice& notice) {
    ++heard_;
    bmc::Observation seen = bmc::PowerSeen{notice.state, false};
    switch (notice.what) {
    case Notice::What::power:
        break;
    case Notice::What::started:
        boot_is_stale_ = false;
        break;
    case Notice::What::restarted:
        seen = bmc::PowerSeen{notice.state, true};
        break;
    case Notice::What::lost:
        seen = bmc::Unreachable();
        break;
    }
    const auto sink = sink_; // may be replaced from within
    if (sink) {
        sink(seen);
    }
}

} // namespace vbmc::backend::libvirt
