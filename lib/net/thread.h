#pragma once
// A named thread that takes no signals (main does). Joined by its destructor.

#include <functional>
#include <string>
#include <thread>

namespace vbmc::net {

class NamedThread {
  public:
    NamedThread() = default;

    /// The name is cut to the 15 characters that the kernel keeps.
    NamedThread(const std::string& name, std::function<void()> body);

    ~NamedThread() { join(); }

    NamedThread(NamedThread&&) = default;
    NamedThread& operator=(NamedThread&&) = delete;

    void join();

    /// Lets it run on by itself: it must own all that it uses.
    void detach() { thread_.detach(); }

    bool is_current() const noexcept { return thread_.get_id() == std::this_thread::get_id(); }

  private:
    std::thread thread_;
};

/// Names the calling thread, for main.
void name_this_thread(const std::string& name);

} // namespace vbmc::net
