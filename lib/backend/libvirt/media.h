#pragma once
// The domain's CD-ROM drive: what lies in it, now and at the next start.

#include "backend/libvirt/machine.h"

#include <optional>
#include <string>

namespace vbmc::backend::libvirt {

/// A definition's CD-ROM drive with this image in it (nullopt: empty), as virDomainUpdateDevice
/// takes it. `drive`: its target ("sda"); empty: the first one. `image`: a path, pool:POOL/VOLUME,
/// or an http, https, ftp or ftps URL that the hypervisor can reach.
Result<std::string>
drive_with(std::string_view xml, const std::string& drive, const std::optional<std::string>& image);

/// A bare name, which is all that an IPMI client may give besides a URL, is a file in `folder`.
Result<std::string> full_image(const std::string& image, const std::string& folder);

Result<void> change_media(
    virConnectPtr connection,
    const Whom& whom,
    const std::string& drive,
    const std::optional<std::string>& image
);

} // namespace vbmc::backend::libvirt
