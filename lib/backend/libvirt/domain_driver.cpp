#include "backend/libvirt/domain_driver.h"

#include "backend/libvirt/machine.h"
#include "backend/libvirt/media.h"
#include "backend/libvirt/text.h"
#include "backend/libvirt/uri.h"

#include <algorithm>
#include <utility>

namespace vbmc::backend::libvirt {

namespace {

constexpr int looks_max = 4; // of one power_state(), while events overtake it

} // namespace

DomainDriver::DomainDriver(const DriverContext& context, const DriverConfig& config)
    : shard_(context.shard), commons_(context.commons),
      config_(config), whom_{config.text("domain"), shown(config.text("uri"))} {
    auto access = access_from(config_);
    hub_ = Hub::get(context.commons, std::move(*access));
}

DomainDriver::~DomainDriver() = default;

bmc::Capabilities DomainDriver::capabilities() const {
    bmc::Capabilities c;
    c.media = true;
    c.console = true;
    c.sensors = true;
    c.pushes_power = true;
    return c;
}

template <class T>
Awaitable<Result<T>>
DomainDriver::ask(Mono deadline, std::function<Result<T>(virConnectPtr)> work) {
    return call<T>(hub_, shard_, Place{whom_, "domain " + whom_.domain}, deadline, std::move(work));
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
    // Turning it off ends what hangs in a call to it, so it must not wait behind that.
    const bool off = action == bmc::PowerAction::off;
    const Place place{whom_, (off ? "off " : "domain ") + whom_.domain};
    co_return co_await call<void>(hub_, shard_, place, deadline, std::move(work));
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

Awaitable<Result<std::vector<bmc::SensorReading>>> DomainDriver::sensors(Mono deadline) {
    std::function<Result<Load>(virConnectPtr)> work = [whom = whom_](virConnectPtr connection) {
        return read_load(connection, whom);
    };
    const Place place{whom_, "sensors " + whom_.domain}; // a poll that hangs delays no action
    Result<Load> load = co_await call<Load>(hub_, shard_, place, deadline, std::move(work));
    if (load.has_error()) {
        co_return load.error();
    }
    auto readings = readings_of(drives_, load_, *load);
    load_ = std::move(*load);
    co_return readings;
}

Awaitable<Result<bmc::IdentitySeen>> DomainDriver::identity(Mono deadline) {
    std::function<Result<Facts>(virConnectPtr)> work = [whom = whom_](virConnectPtr connection) {
        return read_facts(connection, whom);
    };
    Result<Facts> facts = co_await ask<Facts>(deadline, std::move(work));
    if (facts.has_error()) {
        co_return facts.error();
    }
    boot_is_stale_ = facts->boot_is_stale;
    if (!sensors_ || drives_ != facts->drives) {
        drives_ = std::move(facts->drives);
        sensors_ = make_sensors(commons_, drives_);
    }
    co_return std::move(facts->identity);
}

Awaitable<Result<void>> DomainDriver::change(std::optional<std::string> image, Mono deadline) {
    std::function<Result<void>(virConnectPtr)> work =
        [whom = whom_, drive = config_.text("cdrom"), image](virConnectPtr connection) {
            return change_media(connection, whom, drive, image);
        };
    co_return co_await ask<void>(deadline, std::move(work));
}

Awaitable<Result<void>> DomainDriver::insert_media(Media media, Mono deadline) {
    if (media.writable) {
        co_return trouble(whom_, ErrorCode::unsupported, "a CD-ROM cannot be made writable");
    }
    Result<std::string> full = full_image(media.image, config_.text("media-dir"));
    if (full.has_error()) {
        co_return trouble(whom_, full.error().code, full.error().message, full.error().hint);
    }
    std::optional<std::string> image = std::move(*full);
    co_return co_await change(std::move(image), deadline);
}

Awaitable<Result<void>> DomainDriver::eject_media(Mono deadline) {
    std::optional<std::string> nothing;
    co_return co_await change(std::move(nothing), deadline);
}

Awaitable<Result<std::unique_ptr<Console>>>
DomainDriver::open_console(ConsoleSink sink, Mono deadline) {
    auto ear = std::make_shared<ConsoleEar>(shard_);
    ear->sink.bytes = std::move(sink.bytes);
    ear->sink.closed = [this, here = std::weak_ptr<bool>(here_), tell = std::move(sink.closed)] {
        if (!here.expired()) {
            console_lost_ = true;
        }
        if (tell) {
            tell();
        }
    };
    // Whoever had it before us loses it; whoever took it from us keeps it until he goes.
    const bool take = config_.boolean("take-console") && !console_lost_;
    const ConsoleWish wish{config_.text("console"), take};
    const ConsolePlace place{hub_->desk(), hub_->pool(), ear};
    using Line = std::shared_ptr<ConsoleLine>;
    std::function<Result<Line>(virConnectPtr)> work =
        [whom = whom_, wish, place](virConnectPtr connection) {
            return open_line(connection, whom, wish, place);
        };
    Result<Line> line = co_await ask<Line>(deadline, std::move(work));
    if (line.has_error()) {
        co_return line.error();
    }
    console_lost_ = false;
    std::unique_ptr<Console> console = std::make_unique<LibvirtConsole>(std::move(*line), ear);
    co_return console;
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
    if (notice.what != Notice::What::restarted) { // the stream ended with the machine, or the host
        console_lost_ = false;
    }
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
