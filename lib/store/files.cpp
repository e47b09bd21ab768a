#include "store/files.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace vbmc::store {

namespace {

std::string directory_of(const std::string& path) {
    const std::string parent = std::filesystem::path(path).parent_path().string();
    return parent.empty() ? "." : parent;
}

bool write_all(int fd, Bytes bytes) noexcept {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno != EINTR) {
            return false;
        }
        bytes = bytes.subspan(n > 0 ? static_cast<std::size_t>(n) : 0);
    }
    return true;
}

/// The pid that a lock file names; 0 when it names none.
int read_pid(int fd) noexcept {
    std::array<char, 16> text{};
    const ssize_t n = ::pread(fd, text.data(), text.size(), 0);
    int pid = 0;
    if (n > 0) {
        std::from_chars(text.data(), text.data() + n, pid);
    }
    return pid;
}

} // namespace

File::~File() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

Error file_error(int error_number, const std::string& verb, const std::string& path) {
    const std::string message =
        "cannot " + verb + " " + path + ": " + std::generic_category().message(error_number);
    switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return Error(ErrorCode::resource_exhausted, "DISK_FULL", message)
            .with_hint("make room on that file system");
    case EACCES:
    case EPERM:
        return Error(ErrorCode::permission_denied, message)
            .with_hint("it must belong to the user that runs vbmcd, and be writable for it");
    case EROFS:
        return Error(ErrorCode::failed_precondition, "READ_ONLY", message)
            .with_hint("mount the file system writable, or choose another --state-dir");
    default:
        return Error(ErrorCode::unavailable, "FILE_ERROR", message);
    }
}

Result<std::optional<FileFacts>> look_at(const std::string& path) {
    struct ::stat status {};

    if (::stat(path.c_str(), &status) != 0) {
        if (errno == ENOENT) {
            return std::optional<FileFacts>();
        }
        return file_error(errno, "look at", path);
    }
    FileFacts facts;
    facts.regular = S_ISREG(status.st_mode);
    facts.mode = status.st_mode & 07777;
    facts.size = static_cast<u64>(status.st_size);
    return std::optional<FileFacts>(facts);
}

Result<void> create_private(const std::string& path, Bytes content) {
    // O_EXCL and O_NOFOLLOW: nobody can have put a file or a link there for us to write into.
    const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)
    );
    if (!file.is_open()) {
        return file_error(errno, "create", path);
    }
    if (::fchmod(file.fd(), 0600) != 0 || !write_all(file.fd(), content) ||
        ::fsync(file.fd()) != 0) {
        const int why = errno;
        ::unlink(path.c_str());
        return file_error(why, "write", path);
    }
    return sync_directory_of(path);
}

Result<void> rename_durably(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) {
        return file_error(errno, "rename " + from + " to", to);
    }
    return sync_directory_of(to);
}

Result<void> sync_directory_of(const std::string& path) {
    const std::string directory = directory_of(path);
    const File file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!file.is_open() || ::fsync(file.fd()) != 0) {
        return file_error(errno, "sync", directory);
    }
    return {};
}

Result<void> remove_file(const std::string& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return file_error(errno, "delete", path);
    }
    return {};
}

Result<void> make_private(const std::string& path) {
    const auto facts = look_at(path);
    if (!facts) {
        return facts.error();
    }
    if (!*facts || ((*facts)->mode & 0077) == 0) {
        return {};
    }
    if (::chmod(path.c_str(), (*facts)->mode & 0700) != 0) {
        return file_error(errno, "take away other users' access to", path);
    }
    return {};
}

Result<void> prepare_directory(const std::string& path) {
    if (path.empty()) {
        return Error(ErrorCode::invalid_argument, "there is no state directory")
            .with_hint("give one with --state-dir");
    }
    std::error_code failed;
    const std::filesystem::path parent = std::filesystem::path(path).parent_path();
    if (!parent.empty()) {
        std::filesystem::create_directories(parent, failed);
        if (failed) {
            return file_error(failed.value(), "create", parent.string());
        }
    }
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        return file_error(errno, "create", path);
    }

    struct ::stat status {};

    if (::stat(path.c_str(), &status) != 0) {
        return file_error(errno, "look at", path);
    }
    if (!S_ISDIR(status.st_mode)) {
        return file_error(ENOTDIR, "use", path);
    }
    if ((status.st_mode & S_IWOTH) != 0) {
        return Error(
                   ErrorCode::failed_precondition,
                   "STATE_DIR_OPEN",
                   "every user may write into the state directory " + path
        )
            .with_hint("chmod 0700 " + path + ", or choose a directory of its own");
    }
    return {};
}

Result<File> lock_directory(const std::string& directory) {
    const std::string path = directory + "/vbmcd.lock";
    File file(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file.is_open()) {
        return file_error(errno, "open", path);
    }
    // The lock is the kernel's: it ends with the process, however that ends. The file stays.
    if (::flock(file.fd(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            return file_error(errno, "lock", path);
        }
        const int pid = read_pid(file.fd());
        const std::string who = pid > 0 ? " (pid " + std::to_string(pid) + ")" : "";
        return Error(
                   ErrorCode::failed_precondition,
                   "STATE_DIR_IN_USE",
                   "another vbmcd" + who + " is using the state directory " + directory
        )
            .with_hint("stop it first, or give this one another --state-dir");
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    const Bytes text(reinterpret_cast<const u8*>(pid.data()), pid.size()); // bytes as bytes
    if (::fchmod(file.fd(), 0600) != 0 || ::ftruncate(file.fd(), 0) != 0 ||
        !write_all(file.fd(), text)) {
        return file_error(errno, "write", path);
    }
    return file;
}

} // namespace vbmc::store
