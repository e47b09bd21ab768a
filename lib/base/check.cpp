#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace vbmc {

void check_failed(const char* condition, const char* file, int line) noexcept {
    std::fprintf(stderr, "vbmc: internal check failed: %s at %s:%d\n", condition, file, line);
    std::abort();
}

} // namespace vbmc
