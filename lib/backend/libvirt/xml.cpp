#include "backend/libvirt/xml.h"

#include <sstream>

namespace vbmc::backend::libvirt {

namespace {

constexpr int depth_max = 256; // libxml2's own limit, so every honest libvirt's

/// pugixml frees a subtree by recursion: one of a host's invention could need more stack than there
/// is.
class Depth : public pugi::xml_tree_walker {
  public:
    bool for_each(pugi::xml_node&) override { return depth() < depth_max; }
};

} // namespace

Result<std::unique_ptr<pugi::xml_document>> parse_domain(std::string_view xml) {
    auto document = std::make_unique<pugi::xml_document>();
    const unsigned options = pugi::parse_default | pugi::parse_ws_pcdata | pugi::parse_comments;
    const auto result = document->load_buffer(xml.data(), xml.size(), options);
    if (!result || !document->child("domain")) {
        return Error(
            ErrorCode::corrupt,
            std::string("its definition cannot be read: ") +
                (result ? "there is no <domain>" : result.description())
        );
    }
    Depth depth;
    if (!document->traverse(depth)) {
        return Error(ErrorCode::corrupt, "its definition cannot be read: it is nested too deep");
    }
    return document;
}

std::string print(const pugi::xml_node& node) {
    std::ostringstream out;
    node.print(out, "", pugi::format_raw);
    return std::move(out).str();
}

std::vector<pugi::xml_node> devices_of(const pugi::xml_node& domain) {
    std::vector<pugi::xml_node> devices;
    for (const pugi::xml_node& device : domain.child("devices").children()) {
        if (device.type() == pugi::node_element) {
            devices.push_back(device);
        }
    }
    return devices;
}

std::string disk_class(const pugi::xml_node& device) {
    if (std::string_view(device.name()) != "disk") {
        return {};
    }
    return device.attribute("device").as_string("disk");
}

} // namespace vbmc::backend::libvirt
