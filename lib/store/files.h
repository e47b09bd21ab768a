#pragma once
// The few file operations that durability and privacy hang on: private modes whatever the umask is,
// replacement in one step, names that survive a power cut, and the lock of a state directory.
// Used at start and by the store thread. Blocking.

#include "base/bytes.h"
#include "base/result.h"

#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace vbmc::store {

/// A file descriptor that closes itself.
class File {
  public:
    File() = default;

    explicit File(int fd) noexcept : fd_(fd) {}

    File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

    File& operator=(File&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }

    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File();

    bool is_open() const noexcept { return fd_ >= 0; }

    int fd() const noexcept { return fd_; }

  private:
    int fd_ = -1;
};

struct FileFacts {
    bool regular = false;
    mode_t mode = 0; // the permission bits
    u64 size = 0;
};

/// Nothing when there is no such file.
Result<std::optional<FileFacts>> look_at(const std::string& path);

/// "cannot VERB PATH: why", with the code and hint that fit errno.
Error file_error(int error_number, const std::string& verb, const std::string& path);

/// A new file of mode 0600 with these bytes, on the disk when this returns. Replaces nothing.
Result<void> create_private(const std::string& path, Bytes content);

/// Renames within a directory; the new name is on the disk when this returns.
Result<void> rename_durably(const std::string& from, const std::string& to);

Result<void> sync_directory_of(const std::string& path);

/// Deletes it; it is fine when there is none.
Result<void> remove_file(const std::string& path);

/// Takes group's and world's permissions away from an existing file.
Result<void> make_private(const std::string& path);

/// Creates the directory (0700, with its parents) when missing, and checks that it can be used.
Result<void> prepare_directory(const std::string& path);

/// Held as long as the File is open. failed_precondition / STATE_DIR_IN_USE names the holder's pid.
Result<File> lock_directory(const std::string& directory);

} // namespace vbmc::store
