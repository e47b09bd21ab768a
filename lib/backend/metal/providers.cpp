// The table. Facts are from each cloud's own API description and client library.

#include "backend/metal/provider.h"

#include <array>

namespace vbmc::backend::metal {

namespace {

using bmc::PowerState;
using net::HttpMethod;

// A machine is off when it is said to be, not on its way there. On its way to be on it is neither:
// the start may still fail, and it is not off any more.

constexpr StateRow equinix_states[] = {
    {"active", PowerState::on},
    {"powering_on", PowerState::changing},
    {"powering_off", PowerState::on},
    {"inactive", PowerState::off},
};

constexpr StateRow latitude_states[] = {
    {"on", PowerState::on},
    {"rescue_mode", PowerState::on},
    {"off", PowerState::off},
};

constexpr StateRow on_off_states[] = {
    {"on", PowerState::on},
    {"off", PowerState::off},
};

constexpr StateRow scaleway_states[] = {
    {"ready", PowerState::on},
    {"starting", PowerState::changing},
    {"stopping", PowerState::on},
    {"stopped", PowerState::off},
};

constexpr StateRow phoenixnap_states[] = {
    {"powered-on", PowerState::on},
    {"rebooting", PowerState::on},
    {"powered-off", PowerState::off},
};

constexpr StateRow hetzner_states[] = {
    {"running", PowerState::on},
    {"initializing", PowerState::changing},
    {"starting", PowerState::changing},
    {"stopping", PowerState::on},
    {"off", PowerState::off},
};

constexpr Provider equinix() {
    Provider p{
        .name = "equinix",
        .title = "Equinix Metal",
        .url = "https://api.equinix.com/metal/v1",
        .auth = Auth::x_auth_token,
        .get = "/devices/{id}",
        .item = "",
    };
    p.fields = {
        .product = "/plan/name",
        .place = "/metro/code",
        .project = "/project/href",
        .tags = "/tags",
    };
    p.states = equinix_states;
    p.on = {HttpMethod::post, "/devices/{id}/actions", R"({"type":"power_on"})"};
    p.off = {HttpMethod::post, "/devices/{id}/actions", R"({"type":"power_off"})"};
    p.reset = {HttpMethod::post, "/devices/{id}/actions", R"({"type":"reboot"})"};
    p.boot_network = {HttpMethod::put, "/devices/{id}", R"({"always_pxe":true})"};
    p.boot_network_url = {
        HttpMethod::put, "/devices/{id}", R"({"always_pxe":true,"ipxe_script_url":"{url}"})"};
    p.boot_disk = {HttpMethod::put, "/devices/{id}", R"({"always_pxe":false})"};
    p.insert = {
        HttpMethod::put, "/devices/{id}", R"({"always_pxe":true,"ipxe_script_url":"{image}"})"};
    p.eject = p.boot_disk;
    p.list = "/projects/{project}/devices?per_page=100&page={page}";
    p.list_items = "/devices";
    p.paging = Paging::pages;
    p.page_size = 100;
    p.health = "/devices/{id}/diagnostics/health/rollup";
    p.health_field = "/health_rollup";
    p.events = "/projects/{project}/events?per_page=50&page=1";
    p.reset_header = "X-RateLimit-Reset";
    p.remaining_header = "X-RateLimit-Remaining";
    p.portal = "the portal of your installation, under API keys";
    return p;
}

constexpr Provider latitude() {
    Provider p{
        .name = "latitude",
        .title = "Latitude.sh",
        .url = "https://api.latitude.sh",
        .auth = Auth::authorization,
        .get = "/servers/{id}",
        .item = "/data",
    };
    p.fields = {
        .state = "/attributes/status",
        .name = "/attributes/hostname",
        .product = "/attributes/plan/name",
        .place = "/attributes/site",
        .project = "/attributes/project/id",
    };
    p.states = latitude_states;
    constexpr std::string_view path = "/servers/{id}/actions";
    p.on = {
        HttpMethod::post,
        path,
        R"({"data":{"type":"actions","attributes":{"action":"power_on"}}})"};
    p.off = {
        HttpMethod::post,
        path,
        R"({"data":{"type":"actions","attributes":{"action":"power_off"}}})"};
    p.reset = {
        HttpMethod::post, path, R"({"data":{"type":"actions","attributes":{"action":"reboot"}}})"};
    p.list = "/servers?filter%5Bproject%5D={project}&page%5Bsize%5D=100&page%5Bnumber%5D={page}";
    p.list_items = "/data";
    p.paging = Paging::pages;
    p.page_size = 100;
    p.portal = "the Latitude.sh dashboard, under API keys";
    return p;
}

constexpr Provider cherry() {
    Provider p{
        .name = "cherry",
        .title = "Cherry Servers",
        .url = "https://api.cherryservers.com/v1",
        .auth = Auth::bearer,
        .get = "/servers/{id}?fields=power",
        .item = "",
    };
    p.identity = "/servers/{id}";
    p.fields = {
        .state = "/power",
        .product = "/name",
        .place = "/region/name",
        .project = "/project/id",
        .tags = "/tags",
    };
    p.states = on_off_states;
    p.on = {HttpMethod::post, "/servers/{id}/actions", R"({"type":"power_on"})"};
    p.off = {HttpMethod::post, "/servers/{id}/actions", R"({"type":"power_off"})"};
    p.reset = {HttpMethod::post, "/servers/{id}/actions", R"({"type":"reboot"})"};
    p.list = "/projects/{project}/servers";
    p.list_tells_power = false;
    p.portal = "the Cherry Servers portal, under API keys";
    return p;
}

constexpr Provider scaleway() {
    Provider p{
        .name = "scaleway",
        .title = "Scaleway Elastic Metal",
        .url = "https://api.scaleway.com",
        .auth = Auth::x_auth_token,
        .needs_zone = true,
        .get = "/baremetal/v1/zones/{zone}/servers/{id}",
        .item = "",
    };
    p.fields = {
        .state = "/status",
        .name = "/name",
        .product = "/offer_name",
        .place = "/zone",
        .project = "/project_id",
        .tags = "/tags",
    };
    p.states = scaleway_states;
    p.on = {
        HttpMethod::post,
        "/baremetal/v1/zones/{zone}/servers/{id}/start",
        R"({"boot_type":"normal"})"};
    p.off = {HttpMethod::post, "/baremetal/v1/zones/{zone}/servers/{id}/stop", "{}"};
    p.reset = {
        HttpMethod::post,
        "/baremetal/v1/zones/{zone}/servers/{id}/reboot",
        R"({"boot_type":"normal"})"};
    p.list = "/baremetal/v1/zones/{zone}/servers?project_id={project}&page_size=100&page={page}";
    p.list_items = "/servers";
    p.paging = Paging::pages;
    p.page_size = 100;
    p.portal = "the Scaleway console, under IAM API keys (the secret key)";
    return p;
}

constexpr Provider phoenixnap() {
    Provider p{
        .name = "phoenixnap",
        .title = "phoenixNAP Bare Metal Cloud",
        .url = "https://api.phoenixnap.com/bmc/v1",
        .token_url = "https://auth.phoenixnap.com/auth/realms/BMC/protocol/openid-connect/token",
        .auth = Auth::oauth2,
        .get = "/servers/{id}",
        .item = "",
    };
    p.fields = {
        .state = "/status",
        .product = "/type",
        .place = "/location",
        .tags = "/tags",
    };
    p.states = phoenixnap_states;
    p.on = {HttpMethod::post, "/servers/{id}/actions/power-on"};
    p.off = {HttpMethod::post, "/servers/{id}/actions/power-off"};
    p.reset = {HttpMethod::post, "/servers/{id}/actions/reboot"}; // its "reset" reinstalls
    p.soft = {HttpMethod::post, "/servers/{id}/actions/shutdown"};
    p.list = "/servers";
    p.portal = "the phoenixNAP portal, under API credentials (client id and client secret)";
    return p;
}

constexpr Provider vultr() {
    Provider p{
        .name = "vultr",
        .title = "Vultr Bare Metal",
        .url = "https://api.vultr.com/v2",
        .auth = Auth::bearer,
        .get = "/bare-metals/{id}",
        .item = "/bare_metal",
    };
    p.fields = {
        .state = "/status",
        .name = "/label",
        .product = "/plan",
        .place = "/region",
        .tags = "/tags",
    };
    p.tells_power = false;
    p.on = {HttpMethod::post, "/bare-metals/{id}/start"};
    p.off = {HttpMethod::post, "/bare-metals/{id}/halt"};
    p.reset = {HttpMethod::post, "/bare-metals/{id}/reboot"};
    p.list = "/bare-metals?per_page=500&cursor={cursor}";
    p.list_items = "/bare_metals";
    p.paging = Paging::cursor;
    p.next = "/meta/links/next";
    p.list_tells_power = false;
    p.portal = "the Vultr console, under Account, API";
    return p;
}

constexpr Provider hetzner_cloud() {
    Provider p{
        .name = "hetzner-cloud",
        .title = "Hetzner Cloud",
        .url = "https://api.hetzner.cloud/v1",
        .auth = Auth::bearer,
        .get = "/servers/{id}",
        .item = "/server",
    };
    p.fields = {
        .state = "/status",
        .name = "/name",
        .product = "/server_type/name",
        .place = "/datacenter/name",
        .tags = "/labels",
    };
    p.states = hetzner_states;
    p.on = {HttpMethod::post, "/servers/{id}/actions/poweron"};
    p.off = {HttpMethod::post, "/servers/{id}/actions/poweroff"};
    p.reset = {HttpMethod::post, "/servers/{id}/actions/reset"};
    p.soft = {HttpMethod::post, "/servers/{id}/actions/shutdown"};
    p.insert = {HttpMethod::post, "/servers/{id}/actions/attach_iso", R"({"iso":"{image}"})"};
    p.eject = {HttpMethod::post, "/servers/{id}/actions/detach_iso"};
    p.image_is_url = false;
    p.progress = "/actions/{action}";
    p.list = "/servers?per_page=50&page={page}";
    p.list_items = "/servers";
    p.paging = Paging::pages;
    p.page_size = 50;
    p.reset_header = "RateLimit-Reset";
    p.remaining_header = "RateLimit-Remaining";
    p.portal = "the Hetzner Cloud console, under Security, API tokens";
    return p;
}

constexpr std::array table = {
    equinix(), latitude(), cherry(), scaleway(), phoenixnap(), vultr(), hetzner_cloud()};

std::string json_escape(std::string_view text) {
    static constexpr char hex[] = "0123456789abcdef";
    std::string out;
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<u8>(c) < 0x20) {
            out += "\\u00";
            out += hex[static_cast<u8>(c) >> 4];
            out += hex[static_cast<u8>(c) & 15];
        } else {
            out += c;
        }
    }
    return out;
}

template <class Escape>
std::string fill(std::string_view form, const Places& places, Escape escape) {
    std::string out;
    while (!form.empty()) {
        const auto open = form.find('{');
        const auto close = form.find('}', open == std::string_view::npos ? open : open + 1);
        out += form.substr(0, open);
        if (open == std::string_view::npos) {
            break;
        }
        const auto at = close == std::string_view::npos
                            ? places.end()
                            : places.find(form.substr(open + 1, close - open - 1));
        if (at == places.end()) { // a brace of JSON's own
            out += '{';
            form = form.substr(open + 1);
        } else {
            out += escape(at->second);
            form = form.substr(close + 1);
        }
    }
    return out;
}

} // namespace

std::span<const Provider> providers() {
    return table;
}

const Provider* find_provider(std::string_view name) {
    for (const Provider& provider : table) {
        if (provider.name == name) {
            return &provider;
        }
    }
    return nullptr;
}

std::string fill_path(std::string_view form, const Places& places) {
    return fill(form, places, net::percent_encode);
}

std::string fill_body(std::string_view form, const Places& places) {
    return fill(form, places, json_escape);
}

} // namespace vbmc::backend::metal
