#include "counts.h"

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>

namespace vbmc::bench {

CpuTime cpu_time(int pid) {
    CpuTime time;
    timespec own{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    time.own_s = static_cast<double>(own.tv_sec) + static_cast<double>(own.tv_nsec) * 1e-9;
    if (pid == 0) {
        return time;
    }
    std::error_code error;
    const std::filesystem::path tasks = "/proc/" + std::to_string(pid) + "/task";
    for (const auto& task : std::filesystem::directory_iterator(tasks, error)) {
        std::ifstream schedstat(task.path() / "schedstat");
        double nanoseconds = 0;
        schedstat >> nanoseconds;
        time.server_s += nanoseconds * 1e-9;
    }
    return time;
}

double Counts::percentile_us(double share) const noexcept {
    const double wanted = static_cast<double>(done) * share;
    double seen = 0;
    for (std::size_t at = 0; at < times.size(); ++at) {
        seen += times[at];
        if (seen >= wanted && seen > 0) {
            return at < fine ? static_cast<double>(at) : static_cast<double>(at - fine) * 1000;
        }
    }
    return 0;
}

void Counts::print(const std::string& mode, int suite, u32 count, u32 slots) const {
    const auto units = static_cast<double>(done == 0 ? 1 : done);
    std::printf(
        "{\"mode\": \"%s\", \"suite\": %d, \"bmcs\": %u, \"slots\": %u, \"seconds\": %.3f, "
        "\"done\": %llu, \"per_s\": %.0f, \"p50_us\": %.0f, \"p99_us\": %.0f, \"lost\": %llu, "
        "\"errors\": %llu, \"ignored\": %llu, \"client_us\": %.3f, \"server_us\": %.3f}\n",
        mode.c_str(),
        suite,
        count,
        slots,
        seconds,
        static_cast<unsigned long long>(done),
        static_cast<double>(done) / (seconds > 0 ? seconds : 1),
        percentile_us(0.5),
        percentile_us(0.99),
        static_cast<unsigned long long>(lost),
        static_cast<unsigned long long>(errors),
        static_cast<unsigned long long>(ignored),
        cpu.own_s / units * 1e6,
        cpu.server_s / units * 1e6
    );
}

} // namespace vbmc::bench
