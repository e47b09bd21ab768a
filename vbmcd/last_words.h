#pragma once

// What is said when the process dies of a fault of its own: no core file may be written, since one
// would hold every secret, so a few lines are all that is left of it.

namespace vbmc::daemon {

/// From now on SIGSEGV and its like write the signal, the thread and where it was to standard error
/// before the process ends by that signal. A handler that is there (a sanitizer's) stays.
void leave_last_words() noexcept;

} // namespace vbmc::daemon
