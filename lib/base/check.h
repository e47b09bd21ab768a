#pragma once

// VBMC_CHECK: always on, ends the process: for what only a bug of ours can break, never for input.
// VBMC_DCHECK: the same in debug builds, for the path of a command.

namespace vbmc {

[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

} // namespace vbmc

#define VBMC_CHECK(condition)                                                                      \
    ((condition) ? static_cast<void>(0) : ::vbmc::check_failed(#condition, __FILE__, __LINE__))

#ifdef NDEBUG
#define VBMC_DCHECK(condition) static_cast<void>(0)
#else
#define VBMC_DCHECK(condition) VBMC_CHECK(condition)
#endif
