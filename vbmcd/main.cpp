// The composition root: the only place that names concrete parts. daemon.h holds them.

#include "base/log.h"
#include "daemon.h"
#include "last_words.h"
#include "options.h"
#include "process.h"

#include <cstdio>

namespace {

vbmc::LogTarget log_target(const vbmc::daemon::Config& config) {
    const bool journal = config.log_target == "journal" ||
                         (config.log_target == "auto" && vbmc::daemon::runs_under_journal());
    return journal ? vbmc::LogTarget::journal : vbmc::LogTarget::standard_error;
}

} // namespace

int main(int argc, char** argv) {
    using namespace vbmc;
    daemon::protect_secrets();
    daemon::survive_broken_pipes();
    daemon::leave_last_words();
    const daemon::Parsed parsed = daemon::parse_options(argc, argv);
    if (!parsed.options) {
        return parsed.exit_code;
    }
    const daemon::Config& config = parsed.options->config;
    if (parsed.options->check_only) {
        std::printf("vbmcd: the configuration is good\n");
        return 0;
    }
    start_log(log_target(config), *daemon::parse_level(config.log_level));
    Result<void> outcome;
    {
        daemon::Daemon running(*parsed.options, [argc, argv] {
            return daemon::read_options_again(argc, argv);
        });
        outcome = running.run();
    }
    if (!outcome) {
        log(Level::error, "daemon.failed", {{"error", describe(outcome.error())}});
    }
    stop_log();
    if (!outcome) {
        std::fprintf(stderr, "vbmcd: %s\n", describe(outcome.error()).c_str());
        return 1;
    }
    return 0;
}
