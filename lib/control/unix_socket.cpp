#include "control/unix_socket.h"

#include "base/blocked_signals.h"
#include "base/log.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <grp.h>
#include <memory>
#include <optional>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

namespace vbmc::control {

namespace {

constexpr int backlog = 128;
constexpr int full_pause_ms = 100; // when there are no descriptors left

class Fd {
  public:
    explicit Fd(int fd) noexcept : fd_(fd) {}

    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

    Fd& operator=(Fd&&) = delete;

    ~Fd() {
        if (fd_ >= 0) {
            close(fd_);
        }
    }

    int get() const noexcept { return fd_; }

  private:
    int fd_;
};

std::string why(int error) {
    return std::system_category().message(error);
}

Error cannot(const std::string& what, const std::string& path, int error) {
    return Error(
        ErrorCode::failed_precondition,
        "SOCKET_FAILED",
        "cannot " + what + " the control socket " + path + ": " + why(error)
    );
}

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        return Error(
                   ErrorCode::invalid_argument,
                   "BAD_SOCKET_PATH",
                   "the control socket's path is empty or longer than 107 bytes: " + path
        )
            .with_hint("choose a shorter one with --socket or socket.path");
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

const sockaddr* generic(const sockaddr_un& address) {
    return static_cast<const sockaddr*>(static_cast<const void*>(&address));
}

/// Removes what a crashed daemon left behind.
Result<void> remove_stale(const std::string& path, const sockaddr_un& address) {
    struct stat info {};

    if (lstat(path.c_str(), &info) != 0) {
        return errno == ENOENT ? Result<void>() : Result<void>(cannot("look at", path, errno));
    }
    if (!S_ISSOCK(info.st_mode)) {
        return Error(
            ErrorCode::failed_precondition,
            "SOCKET_FAILED",
            path + " is in the way of the control socket and is not a socket"
        );
    }
    const Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const bool answers = connect(probe.get(), generic(address), sizeof address) == 0;
    const int error = answers ? 0 : errno;
    if (answers || error == EAGAIN) { // EAGAIN: its backlog is full
        return Error(
                   ErrorCode::already_exists, "ALREADY_RUNNING", "another vbmcd answers at " + path
        )
            .with_hint("stop it, or choose another --state-dir");
    }
    if (error != ECONNREFUSED) {
        return cannot("look at", path, error);
    }
    if (unlink(path.c_str()) != 0 && errno != ENOENT) {
        return cannot("remove the stale file of", path, errno);
    }
    return {};
}

Result<gid_t> gid_of(const std::string& group) {
    ::group entry{};
    ::group* found = nullptr;
    std::vector<char> buffer(65536);
    getgrnam_r(group.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr) {
        return Error(
                   ErrorCode::invalid_argument,
                   "BAD_SOCKET_GROUP",
                   "there is no group \"" + group + "\" for the control socket"
        )
            .with_field("socket.group");
    }
    return found->gr_gid;
}

/// Group first: the mode that lets the group in must not apply to another one.
Result<void> give_access(const UnixListener::Options& options) {
    if (!options.group.empty()) {
        const auto gid = gid_of(options.group);
        if (!gid) {
            return gid.error();
        }

        struct stat made {};

        // Mostly it is vbmcd's own, and a sandbox may not know chown(2) at all.
        const bool has_it = stat(options.path.c_str(), &made) == 0 && made.st_gid == *gid;
        if (!has_it && chown(options.path.c_str(), static_cast<uid_t>(-1), *gid) != 0) {
            const int reason = errno;
            return cannot("give group " + options.group + " access to", options.path, reason)
                .with_hint(
                    reason == EPERM ? "the user that runs vbmcd has to be in that group" : ""
                );
        }
    }
    if (chmod(options.path.c_str(), options.mode) != 0) {
        return cannot("set the mode of", options.path, errno);
    }
    return {};
}

} // namespace

class UnixListener::Impl {
  public:
    Impl(Fd listener, Fd wake, std::string path)
        : listener_(std::move(listener)), wake_(std::move(wake)), path_(std::move(path)) {
        if (!path_.empty()) {
            stat(path_.c_str(), &ours_);
        }
    }

    ~Impl() {
        stop();

        struct stat now {};

        if (!path_.empty() && stat(path_.c_str(), &now) == 0 && now.st_ino == ours_.st_ino &&
            now.st_dev == ours_.st_dev) {
            unlink(path_.c_str());
        }
    }

    void start(std::function<void(int fd)> connected) {
        const BlockedSignals quiet;
        thread_ = std::thread([this, connected = std::move(connected)] {
            pthread_setname_np(pthread_self(), "control-accept");
            run(connected);
        });
    }

    void stop() {
        if (thread_.joinable()) {
            eventfd_write(wake_.get(), 1);
            thread_.join();
        }
    }

    std::string name() const { return "unix:" + (path_.empty() ? "(inherited)" : path_); }

    Result<void> listen_now() {
        return listen(listener_.get(), backlog) == 0
                   ? Result<void>()
                   : Result<void>(cannot("listen on", path_, errno));
    }

  private:
    void run(const std::function<void(int fd)>& connected) {
        while (true) {
            pollfd waits[2] = {{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
            poll(waits, 2, -1);
            if (waits[1].revents != 0) {
                return;
            }
            const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (fd >= 0) {
                connected(fd);
            } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                log(Level::error, "control.accept_failed", {{"why", why(errno)}});
                pollfd pause{wake_.get(), POLLIN, 0};
                poll(&pause, 1, full_pause_ms);
            }
        }
    }

    Fd listener_;
    Fd wake_;
    std::string path_; // empty: not ours to remove

    struct stat ours_ {};

    std::thread thread_;
};

UnixListener::UnixListener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

UnixListener::~UnixListener() = default;

Result<std::unique_ptr<UnixListener>> UnixListener::open(const Options& options) {
    Fd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (options.fd >= 0) {
        fcntl(options.fd, F_SETFL, O_NONBLOCK);
        auto impl = std::make_unique<Impl>(Fd(options.fd), std::move(wake), "");
        return std::unique_ptr<UnixListener>(new UnixListener(std::move(impl)));
    }
    const auto address = address_of(options.path);
    if (!address) {
        return address.error();
    }
    if (auto removed = remove_stale(options.path, *address); !removed) {
        return removed.error();
    }
    Fd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    fchmod(listener.get(), 0600); // Linux makes the file with this mode: nobody slips in before
    if (bind(listener.get(), generic(*address), sizeof *address) != 0) {
        return cannot("bind", options.path, errno);
    }
    auto impl = std::make_unique<Impl>(std::move(listener), std::move(wake), options.path);
    if (auto given = give_access(options); !given) {
        return given.error();
    }
    auto made = std::unique_ptr<UnixListener>(new UnixListener(std::move(impl)));
    if (auto listening = made->impl_->listen_now(); !listening) {
        return listening.error();
    }
    return made;
}

void UnixListener::start(std::function<void(int fd)> connected) {
    impl_->start(std::move(connected));
}

void UnixListener::stop() {
    impl_->stop();
}

std::string UnixListener::name() const {
    return impl_->name();
}

} // namespace vbmc::control
