#pragma once
// Named threads that may have to be left behind: a blocking library's call that nothing can
// interrupt (a connect to a dead host) must not hold up the stop. What such a thread uses, its body
// owns. Used by one thread at a time.

#include "base/time.h"

#include <functional>
#include <future>
#include <string>
#include <vector>

namespace vbmc::net {

class LooseThreads {
  public:
    LooseThreads() = default;
    LooseThreads(const LooseThreads&) = delete;
    LooseThreads& operator=(const LooseThreads&) = delete;

    void start(const std::string& name, std::function<void()> body);

    /// Waits until all have ended. False: some have not within `grace` and are left behind.
    bool wait(Duration grace);

  private:
    std::vector<std::future<void>> ended_;
};

} // namespace vbmc::net
