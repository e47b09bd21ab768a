#include "backend/credential.h"

#include <climits>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace vbmc::backend {

namespace {

constexpr std::string_view variable_prefix = "env:";
constexpr std::string_view file_prefix = "file:";
constexpr std::string_view credential_prefix = "credential:";
constexpr std::string_view literal_prefix = "literal:";
constexpr std::size_t name_max = 255;

/// Which permissions a file may not have.
enum class Privacy { owner_only, given_by_systemd };

Error bad_form(std::string message) {
    return Error(ErrorCode::invalid_argument, "CREDENTIAL_INVALID", std::move(message))
        .with_hint("a secret that only looks like a reference is written literal:SECRET");
}

Error not_allowed(std::string message, std::string hint) {
    return Error(ErrorCode::permission_denied, "CREDENTIAL_NOT_ALLOWED", std::move(message))
        .with_hint(std::move(hint));
}

Error unusable(std::string message) {
    return Error(ErrorCode::failed_precondition, "CREDENTIAL_UNUSABLE", std::move(message));
}

bool is_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= name_max && name != "." && name != ".." &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-' || c == '.' || c == '@';
           });
}

/// Equal, or `pattern` ends in `*` and the name begins like it.
bool fits(std::string_view pattern, std::string_view name) noexcept {
    if (pattern.ends_with('*')) {
        pattern.remove_suffix(1);
        return name.starts_with(pattern);
    }
    return pattern == name;
}

bool fits_any(const std::vector<std::string>& patterns, std::string_view name) noexcept {
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
        return fits(pattern, name);
    });
}

std::string listed(const std::vector<std::string>& words) {
    std::string all;
    for (const std::string& word : words) {
        all += (all.empty() ? "" : ", ") + word;
    }
    return all.empty() ? "none" : all;
}

bool is_beneath(std::string_view path, std::string_view directory) noexcept {
    while (directory.ends_with('/')) {
        directory.remove_suffix(1);
    }
    return !directory.empty() && path.size() > directory.size() + 1 &&
           path.starts_with(directory) && path[directory.size()] == '/';
}

bool climbs(std::string_view path) noexcept {
    return path.find("/../") != std::string_view::npos || path.ends_with("/..");
}

bool has_control_characters(std::string_view text) noexcept {
    return std::any_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
}

Result<void> check_variable(const CredentialRules& rules, std::string_view name) {
    if (!is_name(name)) {
        return bad_form("env: needs the name of a variable");
    }
    if (!fits_any(rules.variables, name)) {
        return not_allowed(
            "secrets may not be taken from variable " + std::string(name),
            "allowed by credentials.variables in vbmcd.yaml: " + listed(rules.variables)
        );
    }
    return {};
}

Result<void> check_file(const CredentialRules& rules, std::string_view path) {
    if (!path.starts_with('/') || path.size() >= PATH_MAX || has_control_characters(path)) {
        return bad_form("file: needs an absolute path");
    }
    const bool allowed = !climbs(path) && std::any_of(
                                              rules.directories.begin(),
                                              rules.directories.end(),
                                              [&](const std::string& directory) {
                                                  return is_beneath(path, directory);
                                              }
                                          );
    if (!allowed) {
        return not_allowed(
            "secrets may not be taken from file " + std::string(path),
            "allowed directories, by credentials.directories in vbmcd.yaml: " +
                listed(rules.directories)
        );
    }
    return {};
}

Result<void> check_credential(const CredentialRules& rules, std::string_view name) {
    if (!is_name(name)) {
        return bad_form("credential: needs the name of a systemd credential, without a path");
    }
    if (fits_any(rules.reserved, name) || !fits_any(rules.credentials, name)) {
        return not_allowed(
            "secrets may not be taken from credential " + std::string(name),
            "allowed by credentials.names in vbmcd.yaml: " + listed(rules.credentials) +
                "; vbmcd's own are not"
        );
    }
    return {};
}

std::string_view without_line_end(std::string_view text) noexcept {
    if (text.ends_with('\n')) {
        text.remove_suffix(1);
        if (text.ends_with('\r')) {
            text.remove_suffix(1);
        }
    }
    return text;
}

Result<void> check_private(int file, const std::string& path, Privacy privacy) {
    struct ::stat facts {};

    if (::fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        return unusable("the credential " + path + " is not a regular file");
    }
    // systemd may give a credential by an access list, whose mask shows as the group's bits.
    const mode_t forbidden = privacy == Privacy::given_by_systemd ? 0007 : 0077;
    if ((facts.st_mode & forbidden) != 0) {
        Error error = unusable("other users may read or change the credential file " + path);
        error.hint = "chmod 0400 " + path + "; if somebody may have read it, change the secret";
        return error;
    }
    return {};
}

/// The whole of a small private file, without the line end.
Result<Secret> read_private(const std::string& path, Privacy privacy) {
    struct Descriptor {
        int fd;

        ~Descriptor() {
            if (fd >= 0) {
                ::close(fd);
            }
        }
    };

    // O_NONBLOCK: opening a pipe must not wait for who writes it.
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)};
    if (file.fd < 0) {
        return unusable("cannot read the credential " + path + ": " + std::strerror(errno));
    }
    if (auto fit = check_private(file.fd, path, privacy); fit.has_error()) {
        return fit.error();
    }
    ByteArray<credential_bytes_max + 1> buffer; // one more: longer is too long
    std::size_t size = 0;
    while (size < buffer.size()) {
        const ssize_t n = ::read(file.fd, buffer.data() + size, buffer.size() - size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            wipe(buffer);
            return unusable("cannot read the credential " + path + ": " + std::strerror(errno));
        }
        if (n == 0) {
            break;
        }
        size += static_cast<std::size_t>(n);
    }
    const Secret whole(Bytes(buffer).first(std::min(size, credential_bytes_max)));
    wipe(buffer);
    if (size > credential_bytes_max) {
        return unusable(
            "the credential " + path + " is longer than " + std::to_string(credential_bytes_max) +
            " bytes"
        );
    }
    Secret secret(without_line_end(whole.reveal()));
    if (secret.empty()) {
        return unusable("the credential " + path + " is empty");
    }
    return secret;
}

/// The path without links; empty when there is no such file.
std::string real_path(const std::string& path) {
    const std::unique_ptr<char, decltype(&std::free)> real(
        ::realpath(path.c_str(), nullptr), &std::free
    );
    return real ? std::string(real.get()) : std::string();
}

/// Links inside an allowed directory may be followed (that is how Kubernetes changes secrets), but
/// not out of it.
Result<Secret> read_allowed_file(const CredentialRules& rules, const std::string& path) {
    const std::string real = real_path(path);
    if (real.empty()) {
        return unusable("cannot read the credential " + path + ": " + std::strerror(errno));
    }
    for (const std::string& directory : rules.directories) {
        if (is_beneath(path, directory) && is_beneath(real, real_path(directory))) {
            return read_private(real, Privacy::owner_only);
        }
    }
    return not_allowed(
        "the credential file " + path + " is a link out of its directory",
        "put the file itself there"
    );
}

Result<Secret> read_variable(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') {
        return unusable("variable " + name + " is not set in vbmcd's environment");
    }
    return Secret(std::string_view(value));
}

Result<Secret> read_credential(const CredentialRules& rules, const std::string& name) {
    if (rules.credentials_directory.empty()) {
        Error error = unusable("there is no credential " + name + ": vbmcd was given none");
        error.hint = "LoadCredential=" + name + ":/path in vbmcd.service";
        return error;
    }
    return read_private(rules.credentials_directory + "/" + name, Privacy::given_by_systemd);
}

} // namespace

bool is_reference(std::string_view value) noexcept {
    return value.starts_with(variable_prefix) || value.starts_with(file_prefix) ||
           value.starts_with(credential_prefix);
}

Result<void> check_reference(const CredentialRules& rules, std::string_view value) {
    if (value.starts_with(variable_prefix)) {
        return check_variable(rules, value.substr(variable_prefix.size()));
    }
    if (value.starts_with(file_prefix)) {
        return check_file(rules, value.substr(file_prefix.size()));
    }
    if (value.starts_with(credential_prefix)) {
        return check_credential(rules, value.substr(credential_prefix.size()));
    }
    return {};
}

Result<Secret> resolve_secret(const CredentialRules& rules, std::string_view value) {
    if (value.starts_with(literal_prefix)) {
        return Secret(value.substr(literal_prefix.size()));
    }
    if (auto fit = check_reference(rules, value); fit.has_error()) {
        return fit.error();
    }
    if (value.starts_with(variable_prefix)) {
        return read_variable(std::string(value.substr(variable_prefix.size())));
    }
    if (value.starts_with(file_prefix)) {
        return read_allowed_file(rules, std::string(value.substr(file_prefix.size())));
    }
    if (value.starts_with(credential_prefix)) {
        return read_credential(rules, std::string(value.substr(credential_prefix.size())));
    }
    return Secret(value);
}

} // namespace vbmc::backend
