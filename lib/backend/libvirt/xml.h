#pragma once
// A domain's XML as a tree. No entities, no DTD: pugixml knows neither. Kept as it is written but
// for what is changed.

#include "base/result.h"

#include <memory>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace vbmc::backend::libvirt {

/// The tree, whose root is <domain>.
Result<std::unique_ptr<pugi::xml_document>> parse_domain(std::string_view xml);

std::string print(const pugi::xml_node& node);

/// The children of <devices>, in order.
std::vector<pugi::xml_node> devices_of(const pugi::xml_node& domain);

/// "disk", "lun", "cdrom" or "floppy"; empty for what is no disk.
std::string disk_class(const pugi::xml_node& device);

} // namespace vbmc::backend::libvirt
