#pragma once
// Owners of what libvirt hands out. Any thread: libvirt counts references and locks by itself.

#include "base/secret.h"

#include <cstdlib>
#include <libvirt/libvirt.h>
#include <memory>
#include <string>

namespace vbmc::backend::libvirt {

struct FreeDomain {
    void operator()(virDomain* domain) const noexcept { virDomainFree(domain); }
};

using Domain = std::unique_ptr<virDomain, FreeDomain>;

struct FreeStream {
    void operator()(virStream* stream) const noexcept { virStreamFree(stream); }
};

using Stream = std::unique_ptr<virStream, FreeStream>;

/// libvirt's text as ours; its own copy is wiped: XML with VIR_DOMAIN_XML_SECURE holds passwords.
inline std::string take_text(char* text) {
    std::string out = text != nullptr ? text : "";
    for (char* at = text; at != nullptr && *at != '\0'; ++at) {
        *static_cast<volatile char*>(at) = '\0';
    }
    std::free(text);
    return out;
}

} // namespace vbmc::backend::libvirt
