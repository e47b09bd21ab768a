#pragma once
// The URI of a libvirt host: what of it vbmcd takes from whoever registers nodes, and how it may be
// shown. Text in, text out.

#include "base/result.h"

#include <string>
#include <string_view>

namespace vbmc::backend::libvirt {

/// The URI without a password: what stands between ':' and '@' is no one's business.
std::string shown(std::string_view uri);

/// An error for a URI with which libvirt would do something in this process' name besides talking
/// to a host: run a program here, read a file of any name, be the hypervisor itself.
Result<void> check_uri(std::string_view uri);

/// With what makes a transport that would ask a person fail instead: there is nobody to ask.
std::string unattended(std::string_view uri);

/// The host's name or address; empty: this one.
std::string host_of(std::string_view uri);

} // namespace vbmc::backend::libvirt
