#pragma once
// libvirt's errors as ours: the right code, a text that names the domain and the host, and what to
// do. Read on the thread that made the failing call, right after it.

#include "base/result.h"

#include <string>
#include <string_view>

namespace vbmc::backend::libvirt {

/// Whom a call is about, for texts.
struct Whom {
    std::string domain; // empty: the host itself
    std::string uri;    // without a password
};

/// "domain 'vm7' at qemu:///system".
std::string to_string(const Whom& whom);

/// What libvirt complained of last on this thread. `doing`: "start it", "read its state".
Error fault(const Whom& whom, std::string_view doing);

/// The same of a connection that could not be opened.
Error connect_fault(const Whom& whom);

/// The same, with a message of our own.
Error trouble(
    const Whom& whom, ErrorCode code, std::string_view what, std::string hint = std::string()
);

/// The code of libvirt's last error on this thread (virErrorNumber).
int last_code() noexcept;

} // namespace vbmc::backend::libvirt
