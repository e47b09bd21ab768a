// The worker's boot devices, media and identify light. A one-time boot device, for a backend that
// has only a lasting one: armed here, applied right before the next start, put back after it was
// seen.

#include "bmc/boot_text.h"
#include "fleet/worker.h"

#include <utility>

namespace vbmc::fleet {

using bmc::BootDevice;
using bmc::BootRequest;

namespace {

constexpr u8 boot_tries = 6;

/// Whoever reads it may have started the machine, long after somebody chose the device.
Error with_device(Error why, const BootRequest& boot) {
    if (boot.device == BootDevice::none) {
        return why;
    }
    why.message = "cannot " + boot_text(boot) + ": " + why.message;
    if (!is_silence(why)) {
        why.hint += (why.hint.empty() ? "" : "; ");
        why.hint += "`vbmcctl bootdev NODE none` takes the choice back";
    }
    return why;
}

} // namespace

void NodeWorker::want_boot(const BootRequest& boot) {
    const bool native = routes_.to(Route::boot)->one_time_boot_is_native();
    boot_at_ = Mono::min();
    boot_failures_ = 0;
    if (boot.device == BootDevice::none) {
        if (once_.device != BootDevice::none && !boot.persistent) { // only that is taken back
            const bool told = once_applied_ || (native && !tell_boot_);
            once_ = {};
            once_applied_ = false;
            tell_boot_.reset();
            restore_at_ = told ? now() : restore_at_;
        } else {
            once_ = {};
            once_applied_ = false;
            restore_at_ = never;
            standing_ = {};
            tell_boot_ = standing_;
        }
        return;
    }
    if (boot.persistent) {
        standing_ = boot;
        tell_boot_ = boot;
        once_ = {};
        restore_at_ = never;
    } else {
        once_ = boot;
        if (native) {
            tell_boot_ = boot;
        }
    }
    once_applied_ = false;
}

net::Awaitable<Result<void>> NodeWorker::set_boot(BootRequest boot) {
    const auto driver = routes_.to(Route::boot);
    auto make = [boot](backend::Driver& d, Mono deadline) { return d.set_boot(boot, deadline); };
    Result<void> result = co_await call<void>(Task::tell_boot, driver, limits_->call_limit, make);
    if (result.has_error()) {
        result = with_device(std::move(result).error(), boot);
    }
    co_return result;
}

/// Before a start: the backend has to have the boot device that this start is meant to take.
net::Awaitable<Result<void>> NodeWorker::prepare_boot() {
    Result<void> result;
    if (tell_boot_) {
        const BootRequest boot = *tell_boot_;
        result = co_await set_boot(boot);
        if (result.has_value() && tell_boot_ == boot) {
            tell_boot_.reset();
        }
        co_return result;
    }
    if (once_.device != BootDevice::none && !once_applied_ &&
        !routes_.to(Route::boot)->one_time_boot_is_native()) {
        const BootRequest boot = once_;
        result = co_await set_boot(boot);
        once_applied_ = result.has_value() && once_ == boot;
        co_return result;
    }
    if (restore_at_ != never && !once_applied_) {
        const BootRequest boot = standing_;
        result = co_await set_boot(boot);
        restore_at_ = result.has_value() ? never : restore_at_;
    }
    co_return result;
}

net::Awaitable<void> NodeWorker::tell_boot() {
    const BootRequest boot = *tell_boot_;
    Result<void> result = co_await set_boot(boot);
    if (host_ == nullptr || tell_boot_ != boot) {
        co_return; // something else is wanted by now
    }
    if (result.has_value()) {
        tell_boot_.reset();
        boot_failures_ = 0;
        co_return;
    }
    retry_boot(result.error());
    if (boot_failures_ == 0) {
        tell_boot_.reset();
    }
}

net::Awaitable<void> NodeWorker::restore_boot() {
    const BootRequest boot = standing_;
    Result<void> result = co_await set_boot(boot);
    if (host_ == nullptr) {
        co_return;
    }
    if (result.has_value()) {
        restore_at_ = never;
        boot_failures_ = 0;
        co_return;
    }
    retry_boot(result.error());
    if (boot_failures_ == 0) {
        restore_at_ = never;
    }
}

/// Later again, or never: then the failure count is back at zero.
void NodeWorker::retry_boot(const Error& why) {
    ++boot_failures_;
    if (boot_failures_ < boot_tries && is_silence(why)) {
        boot_at_ = now() + backoff(boot_failures_);
        return;
    }
    boot_failures_ = 0;
    host_->on_trouble("boot", why);
}

/// The machine went through a start: what was armed for it is used up.
void NodeWorker::start_seen() {
    if (once_.device == BootDevice::none) {
        return;
    }
    once_ = {};
    const auto& driver = routes_.to(Route::boot);
    if (driver->one_time_boot_is_native()) {
        tell_boot_.reset();
        observe(bmc::BootTaken());
        return;
    }
    if (std::exchange(once_applied_, false)) {
        restore_at_ = now() + driver->boot_settle_time();
        observe(bmc::BootTaken());
    }
}

net::Awaitable<void> NodeWorker::light_up() {
    const bmc::Identify wish = *identify_;
    identify_.reset();
    const auto driver = routes_.to(Route::identify);
    auto make = [wish](backend::Driver& d, Mono deadline) { return d.identify(wish, deadline); };
    Result<void> result = co_await call<void>(Task::identify, driver, limits_->call_limit, make);
    if (host_ != nullptr && result.has_error() && result.error().code != ErrorCode::unsupported) {
        host_->on_trouble("identify", result.error());
    }
}

net::Awaitable<void> NodeWorker::change_media() {
    const std::shared_ptr<const MediaWish> wish = std::move(media_);
    const auto driver = routes_.to(Route::media);
    auto make = [wish](backend::Driver& d, Mono deadline) {
        return wish->insert ? d.insert_media(*wish->insert, deadline) : d.eject_media(deadline);
    };
    Result<void> result = co_await call<void>(Task::media, driver, limits_->call_limit, make);
    if (host_ == nullptr) {
        co_return;
    }
    if (result.has_value()) {
        observe(bmc::MediaSeen{wish->insert.has_value()});
    } else {
        host_->on_trouble("media", result.error());
    }
}

} // namespace vbmc::fleet
