#include "process.h"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace vbmc::daemon {

void protect_secrets() noexcept {
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::umask(0077);
}

void survive_broken_pipes() noexcept {
    std::signal(SIGPIPE, SIG_IGN);
}

void notify_ready(const std::string& status) {
    ::sd_notifyf(0, "READY=1\nSTATUS=%s", status.c_str());
}

void notify_status(const std::string& status) {
    ::sd_notifyf(0, "STATUS=%s", status.c_str());
}

void notify_reloading() {
    ::sd_notify(0, "RELOADING=1");
}

void notify_stopping() {
    ::sd_notify(0, "STOPPING=1");
}

void notify_alive() {
    ::sd_notify(0, "WATCHDOG=1");
}

double watchdog_period_s() noexcept {
    std::uint64_t microseconds = 0;
    if (::sd_watchdog_enabled(0, &microseconds) <= 0) {
        return 0;
    }
    return static_cast<double>(microseconds) /
           2e6; // half of what is allowed, as sd_watchdog_enabled(3) advises
}

void give_back_memory() noexcept {
    constexpr std::size_t worth_it = std::size_t{1} << 20;
    constexpr unsigned rest_max = 64;
    static std::size_t unused_after = 0; // what cannot be given back: it lies between what is used
    static unsigned rest = 1;            // beats from one look to the next
    static unsigned beats = 0;
    if (++beats < rest) {
        return;
    }
    beats = 0;
    // A look goes through every free piece of memory: a tenth of a second with ten thousand nodes.
    const std::size_t unused = ::mallinfo2().fordblks;
    if (unused > unused_after + worth_it) {
        ::malloc_trim(0);
        unused_after = ::mallinfo2().fordblks;
        rest = 1;
    } else {
        unused_after = std::min(unused_after, unused);
        rest = std::min(2 * rest, rest_max);
    }
}

bool runs_under_journal() noexcept {
    return std::getenv("JOURNAL_STREAM") != nullptr;
}

} // namespace vbmc::daemon
