#pragma once
// The process's limit of open files: an endpoint is one descriptor, and the usual soft limit is
// 1024.

#include "base/bytes.h"

namespace vbmc::net {

/// Raises the soft limit to the hard one; returns what holds now. Once, from main.
u64 raise_open_files_limit() noexcept;

u64 open_files_max() noexcept;

} // namespace vbmc::net
