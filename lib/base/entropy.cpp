#include "base/entropy.h"

#include "base/check.h"
#include "base/secret.h"

#include <cerrno>
#include <sys/random.h>

namespace vbmc {

namespace {

void get_random(MutableBytes out) noexcept {
    while (!out.empty()) {
        const ssize_t got = ::getrandom(out.data(), out.size(), 0);
        if (got < 0) {
            VBMC_CHECK(errno == EINTR); // nothing can go on without randomness
            continue;
        }
        out = out.subspan(static_cast<std::size_t>(got));
    }
}

} // namespace

SystemEntropy::~SystemEntropy() {
    wipe(buffer_);
}

void SystemEntropy::fill(MutableBytes out) noexcept {
    if (out.size() > buffer_.size()) {
        get_random(out);
        return;
    }
    if (buffer_.size() - used_ < out.size()) {
        get_random(buffer_);
        used_ = 0;
    }
    const MutableBytes source = MutableBytes(buffer_).subspan(used_, out.size());
    std::copy(source.begin(), source.end(), out.begin());
    wipe(source); // what was handed out is not kept
    used_ += out.size();
}

} // namespace vbmc
