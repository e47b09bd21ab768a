#pragma once
// The control socket: we accept ourselves, because gRPC would not tell who connects. The accept
// loop has a thread of its own, "control-accept", which does nothing else.

#include "base/result.h"

#include <functional>
#include <memory>
#include <string>

namespace vbmc::control {

class UnixListener {
  public:
    struct Options {
        std::string path;
        unsigned mode = 0660;
        std::string group; // empty: the process's
        int fd = -1; // already listening (socket activation): path, mode and group are ignored
    };

    /// Binds and listens. A socket file at the path is removed only when nobody answers behind it.
    static Result<std::unique_ptr<UnixListener>> open(const Options& options);

    /// Stops, and removes the socket file unless somebody else has put another one there.
    ~UnixListener();
    UnixListener(const UnixListener&) = delete;
    UnixListener& operator=(const UnixListener&) = delete;

    /// `connected` owns the descriptor that it gets; it is called on the accept thread.
    void start(std::function<void(int fd)> connected);

    /// Waits for the thread.
    void stop();

    std::string name() const; // "unix:PATH"

  private:
    class Impl;
    explicit UnixListener(std::unique_ptr<Impl> impl);

    std::unique_ptr<Impl> impl_;
};

} // namespace vbmc::control
