#pragma once
// What the process does about itself before it holds a secret or opens a socket.

#include "base/result.h"

#include <string>

namespace vbmc::daemon {

/// No core dumps, no ptrace by others, files private by default.
void protect_secrets() noexcept;

/// A peer that goes away while somebody writes to it is an error of that write, not the end of the
/// process: libraries write to pipes and sockets in ways of their own, and so does the log.
void survive_broken_pipes() noexcept;

/// systemd's sd_notify(3); does nothing where nobody asked to be told.
void notify_ready(const std::string& status);
void notify_status(const std::string& status);
void notify_reloading();
void notify_stopping();
void notify_alive();

/// How often systemd wants to hear notify_alive(), in seconds; 0: not at all.
double watchdog_period_s() noexcept;

/// Gives the system back what was needed once only: a start, a large apply. To be called now and
/// then; looks ever more rarely while there is nothing to give.
void give_back_memory() noexcept;

/// True when standard error is a journal stream of systemd's.
bool runs_under_journal() noexcept;

} // namespace vbmc::daemon
