#include "last_words.h"

#include <array>
#include <csignal>
#include <cstring>
#include <execinfo.h>
#include <string_view>
#include <sys/prctl.h>
#include <unistd.h>

namespace vbmc::daemon {

namespace {

constexpr std::array<int, 5> fatal_signals = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
constexpr int frames_max = 64;
constexpr std::size_t thread_name_max = 16; // the kernel's

void say(std::string_view text) noexcept {
    static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
}

/// Only what is safe inside a signal handler (signal-safety(7)); backtrace() is, once it was called
/// before: the first call loads a library.
void speak(int signal) {
    std::array<char, thread_name_max> thread{};
    ::prctl(PR_GET_NAME, thread.data(), 0, 0, 0);
    const char* name = ::sigabbrev_np(signal);
    say("vbmcd: died of SIG");
    say(name == nullptr ? "?" : name);
    say(" in thread ");
    say({thread.data(), ::strnlen(thread.data(), thread.size())});
    say("; this is a bug, please report it with the lines below\n");
    std::array<void*, frames_max> frames{};
    const int count = ::backtrace(frames.data(), frames_max);
    ::backtrace_symbols_fd(frames.data(), count, STDERR_FILENO);
    ::raise(signal); // SA_RESETHAND: now the default is done
}

} // namespace

void leave_last_words() noexcept {
    std::array<void*, 1> frame{};
    ::backtrace(frame.data(), 1);

    struct sigaction action {};

    action.sa_handler = speak;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    sigemptyset(&action.sa_mask);
    for (const int signal : fatal_signals) {
        struct sigaction present {};

        ::sigaction(signal, nullptr, &present);
        if (present.sa_handler == SIG_DFL) {
            ::sigaction(signal, &action, nullptr);
        }
    }
}

} // namespace vbmc::daemon
