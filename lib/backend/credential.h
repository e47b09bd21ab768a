#pragma once
// Secrets that are kept elsewhere: an option's value may be a reference, which is looked up each
// time the secret is used. Who registers nodes chooses references, and the host that gets the
// secret: so only what the operator of vbmcd named in its configuration can be referred to. Plain
// values, used on any thread; reads small local files.

#include "base/result.h"
#include "base/secret.h"

#include <string>
#include <string_view>
#include <vector>

namespace vbmc::backend {

/// What references may reach.
struct CredentialRules {
    std::vector<std::string> directories = {"/etc/vbmc/credentials"};           // of file:PATH
    std::vector<std::string> variables = {"VBMC_SECRET_*", "METAL_AUTH_TOKEN"}; // of env:NAME
    std::vector<std::string> credentials = {"*"};                        // of credential:NAME
    std::vector<std::string> reserved = {"vbmcd.key", "vbmcd.key.next"}; // credentials of our own
    std::string credentials_directory; // systemd's; empty: there are none
};

inline constexpr std::size_t credential_bytes_max = 16 * 1024; // a private key fits

/// "env:NAME", "file:/path", "credential:NAME". Everything else is the secret itself;
/// "literal:TEXT" is one that begins like a reference.
bool is_reference(std::string_view value) noexcept;

/// Whether a value that is a reference can be one at all, and may be used. Others always can. The
/// error never shows a secret: only what is a reference by its form.
Result<void> check_reference(const CredentialRules& rules, std::string_view value);

/// The secret itself, as it is now.
Result<Secret> resolve_secret(const CredentialRules& rules, std::string_view value);

} // namespace vbmc::backend
