#include "store/key_file.h"

#include "base/entropy.h"
#include "store/files.h"
#include "store/sealed_box.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vbmc::store {

namespace {

constexpr mode_t world = 0007;
constexpr mode_t group_and_world = 0077;

Error missing_key(const KeySource& source) {
    const Error error(
        ErrorCode::failed_precondition, "KEY_MISSING", "the key file " + source.path + " is missing"
    );
    if (source.kind == KeySource::Kind::operators_file) {
        return Error(error).with_hint(
            "restore it; only for a new state directory make one: (umask 077; head -c 32 "
            "/dev/urandom > " +
            source.path + ")"
        );
    }
    return Error(error).with_hint(
        "the database holds secrets that only that key opens: restore the file from your backup"
    );
}

} // namespace

KeySource key_source(const StoreConfig& config) {
    if (!config.key_file.empty()) {
        return {KeySource::Kind::operators_file, config.key_file};
    }
    if (!config.credentials_directory.empty()) {
        const std::string path = config.credentials_directory + "/vbmcd.key";
        if (::access(path.c_str(), F_OK) == 0) {
            return {KeySource::Kind::credential, path};
        }
    }
    return {KeySource::Kind::own_file, config.state_dir + "/vbmcd.key"};
}

std::string next_key_path(const KeySource& source) {
    return source.path + ".next";
}

Result<Secret> read_key_file(const KeySource& source, const std::string& path) {
    const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.is_open()) {
        return errno == ENOENT ? missing_key(source) : file_error(errno, "read the key file", path);
    }

    struct ::stat status {};

    if (::fstat(file.fd(), &status) != 0) {
        return file_error(errno, "look at", path);
    }
    // systemd may give a credential to its user by an access list, whose mask shows as group bits.
    const mode_t forbidden = source.kind == KeySource::Kind::credential ? world : group_and_world;
    if (!S_ISREG(status.st_mode)) {
        return Error(
            ErrorCode::failed_precondition,
            "KEY_UNUSABLE",
            "the key file " + path + " is not a file"
        );
    }
    if ((status.st_mode & forbidden) != 0) {
        return Error(
                   ErrorCode::failed_precondition,
                   "KEY_NOT_PRIVATE",
                   "other users may read or change the key file " + path
        )
            .with_hint(
                "chmod 0600 " + path + "; if somebody may have read it, change the passwords"
            );
    }
    ByteArray<SealedBox::key_size + 1> raw{};
    const ssize_t n = ::read(file.fd(), raw.data(), raw.size());
    if (n < 0) {
        return file_error(errno, "read the key file", path);
    }
    Secret key(Bytes(raw).first(std::min<std::size_t>(static_cast<std::size_t>(n), raw.size() - 1))
    );
    wipe(raw);
    if (static_cast<std::size_t>(n) != SealedBox::key_size) {
        return Error(
                   ErrorCode::failed_precondition,
                   "KEY_UNUSABLE",
                   "the key file " + path + " does not hold exactly 32 bytes"
        )
            .with_hint("restore it from your backup; it is binary, without a line end");
    }
    return key;
}

Result<LoadedKey> load_key(const KeySource& source, bool may_create) {
    const auto facts = look_at(source.path);
    if (!facts) {
        return facts.error();
    }
    LoadedKey loaded;
    if (*facts) {
        Result<Secret> key = read_key_file(source, source.path);
        if (!key) {
            return key.error();
        }
        loaded.key = std::move(*key);
        return loaded;
    }
    if (!may_create || source.kind != KeySource::Kind::own_file) {
        return missing_key(source);
    }
    ByteArray<SealedBox::key_size> raw{};
    SystemEntropy().fill(raw);
    loaded.key = Secret(Bytes(raw));
    loaded.created = true;
    wipe(raw);
    // Complete under another name first: a key file that was cut short would be refused for ever.
    const std::string unfinished = source.path + ".new";
    if (auto removed = remove_file(unfinished); !removed) {
        return removed.error();
    }
    if (auto created = create_private(unfinished, loaded.key.reveal_bytes()); !created) {
        return created.error();
    }
    if (auto renamed = rename_durably(unfinished, source.path); !renamed) {
        return renamed.error();
    }
    return loaded;
}

} // namespace vbmc::store
