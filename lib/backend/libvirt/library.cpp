#include "backend/libvirt/library.h"

#include "base/log.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

namespace vbmc::backend::libvirt {

namespace {

constexpr Duration pools_grace = std::chrono::seconds(2); // for what hangs in a library's call

void say_nothing(void*, virErrorPtr) {} // libvirt would print every error

void do_nothing(int, void*) {}

/// Once a process, before the first connection: libvirt keeps the event loop for good.
bool start_libvirt() {
    static const bool started = [] {
        virSetErrorFunc(nullptr, say_nothing);
        return virInitialize() == 0 && virEventRegisterDefaultImpl() == 0;
    }();
    return started;
}

void run_events(const std::atomic<bool>& ending) {
    // A timer keeps the loop from polling nothing at all, and its update wakes the loop up.
    constexpr int once_an_hour_ms = 3600 * 1000;
    const int tick = virEventAddTimeout(once_an_hour_ms, do_nothing, nullptr, nullptr);
    while (!ending.load()) {
        if (virEventRunDefaultImpl() < 0) {
            log(Level::error, "libvirt.events_failed");
            break;
        }
    }
    virEventRemoveTimeout(tick);
}

} // namespace

void Desk::start_pool(
    const std::string& name, unsigned threads, std::shared_ptr<boost::asio::io_context> work
) {
    for (unsigned i = 0; i < threads; ++i) {
        pools_.start(name, [work] { work->run(); });
    }
}

Library::Library()
    : guard_(desk_->context().get_executor()),
      desk_thread_("libvirt", [desk = desk_] { desk->context().run(); }) {
    if (start_libvirt()) {
        events_.emplace_back("libvirt-events", [ending = ending_] { run_events(*ending); });
    }
}

/// The pools get a moment to close their connections in order; a thread that hangs is left behind.
Library::~Library() {
    desk_->post([desk = desk_] {
        for (const auto& function : desk->at_stop_) {
            function();
        }
        desk->at_stop_.clear();
        desk->stopped_ = true;
        desk->context().stop();
    });
    desk_thread_.join();
    desk_->context().restart(); // what was posted before that still ends, here
    desk_->context().poll();
    desk_->pools_.wait(pools_grace);
    *ending_ = true;
    const int wake = virEventAddTimeout(0, do_nothing, nullptr, nullptr);
    events_.clear();
    virEventRemoveTimeout(wake);
}

std::shared_ptr<Library> Library::get(Commons* commons) {
    const std::function<std::shared_ptr<Library>()> make = [] {
        return std::make_shared<Library>();
    };
    return commons != nullptr ? commons->keep<Library>("libvirt", make) : make();
}

} // namespace vbmc::backend::libvirt
