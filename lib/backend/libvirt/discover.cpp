#include "backend/libvirt/discover.h"

#include "backend/libvirt/connection.h"
#include "backend/libvirt/domain_driver.h"
#include "backend/libvirt/machine.h"
#include "backend/libvirt/text.h"
#include "backend/libvirt/uri.h"
#include "backend/libvirt/xml.h"

#include <algorithm>
#include <utility>

namespace vbmc::backend::libvirt {

namespace {

constexpr std::size_t labels_max = 64;
constexpr std::size_t value_bytes_max = 256;
constexpr std::size_t depth_max = 8;

class Labels {
  public:
    void add(const std::string& key, std::string_view value) {
        const std::string text = clean(value, value_bytes_max);
        if (!text.empty() && all_.size() < labels_max && key.size() <= value_bytes_max) {
            all_.emplace(key, text);
        }
    }

    void add_tags(std::string_view text) {
        while (!text.empty()) {
            const auto end = text.find_first_of(",; \t\n");
            const std::string tag = clean(text.substr(0, end), value_bytes_max);
            if (!tag.empty()) {
                add("tag." + lower(tag), "true");
            }
            text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        }
    }

    /// The leaves below `node`, each under the path of names that leads to it.
    void add_tree(const pugi::xml_node& node, const std::string& path, std::size_t depth) {
        const std::string_view full = node.name();
        const auto colon = full.find(':');
        const std::string name =
            lower(colon == std::string_view::npos ? full : full.substr(colon + 1));
        const bool ours = full.rfind("vbmcd:", 0) == 0 && depth == 0;
        if (ours || depth > depth_max) {
            return; // our note of the boot order is nobody's label
        }
        std::string here = path;
        if (depth == 0 && colon != std::string_view::npos) {
            here = lower(full.substr(0, colon));
        }
        here += (here.empty() ? "" : ".") + name;
        for (const pugi::xml_attribute& attribute : node.attributes()) {
            if (std::string_view(attribute.name()).rfind("xmlns", 0) != 0) {
                add(here + "." + lower(attribute.name()), attribute.value());
            }
        }
        bool leaf = true;
        for (const pugi::xml_node& child : node.children()) {
            if (child.type() == pugi::node_element) {
                leaf = false;
                add_tree(child, here, depth + 1);
            }
        }
        if (leaf && (name == "tags" || name == "tag")) {
            add_tags(node.text().as_string());
        } else if (leaf) {
            add(here, node.text().as_string());
        }
    }

    std::map<std::string, std::string> take() { return std::move(all_); }

  private:
    std::map<std::string, std::string> all_;
};

Result<std::vector<Found>> list_domains(virConnectPtr connection, const Whom& whom) {
    virDomainPtr* domains = nullptr;
    const int count =
        virConnectListAllDomains(connection, &domains, VIR_CONNECT_LIST_DOMAINS_PERSISTENT);
    if (count < 0) {
        return fault(whom, "list its domains");
    }
    std::vector<Found> all;
    for (int i = 0; i < count; ++i) {
        const Domain domain(domains[i]);
        int state = VIR_DOMAIN_NOSTATE;
        const std::string xml =
            take_text(virDomainGetXMLDesc(domain.get(), VIR_DOMAIN_XML_INACTIVE));
        if (xml.empty() || virDomainGetState(domain.get(), &state, nullptr, 0) != 0) {
            continue; // gone meanwhile
        }
        Found found;
        found.id = uuid_of(domain.get());
        const char* name = virDomainGetName(domain.get());
        found.name = name != nullptr ? clean(name, value_bytes_max) : found.id;
        found.labels = labels_of(xml);
        found.options = {{"domain", found.id}};
        found.power = power_of(domain.get(), state);
        all.push_back(std::move(found));
    }
    std::free(domains);
    std::sort(all.begin(), all.end(), [](const Found& a, const Found& b) {
        return a.name < b.name;
    });
    return all;
}

} // namespace

std::map<std::string, std::string> labels_of(std::string_view xml) {
    const auto document = parse_domain(xml);
    if (document.has_error()) {
        return {};
    }
    const pugi::xml_node domain = (*document)->child("domain");
    const pugi::xml_node type = domain.child("os").child("type");
    Labels labels;
    labels.add("type", domain.attribute("type").as_string());
    labels.add("arch", type.attribute("arch").as_string());
    labels.add("machine", type.attribute("machine").as_string());
    labels.add("title", domain.child("title").text().as_string());
    labels.add("description", domain.child("description").text().as_string());
    for (const pugi::xml_node& child : domain.child("metadata").children()) {
        if (child.type() == pugi::node_element) {
            labels.add_tree(child, {}, 0);
        }
    }
    return labels.take();
}

const ConfigSchema& discover_schema() {
    static const ConfigSchema table = {{
        {"uri", OptionType::url, false, "qemu:///system", "the host, as virsh -c takes it"},
        {"username", OptionType::text, false, "", "for a host that asks (SASL)"},
        {"password", OptionType::secret, false, "", "for a host that asks (SASL)"},
    }};
    return table;
}

Awaitable<Result<std::vector<Found>>>
discover(const DriverContext& context, DriverConfig config, Mono deadline) {
    auto access = access_from(config);
    if (access.has_error()) {
        co_return access.error();
    }
    boost::asio::io_context& shard = context.shard;
    const Whom whom{{}, shown(access->uri)};
    const Place place{whom, "discovery"};
    const std::shared_ptr<Hub> hub = Hub::get(context.commons, std::move(*access));
    std::function<Result<std::vector<Found>>(virConnectPtr)> work =
        [whom](virConnectPtr connection) { return list_domains(connection, whom); };
    co_return co_await call<std::vector<Found>>(hub, shard, place, deadline, std::move(work));
}

} // namespace vbmc::backend::libvirt
