#include "backend/libvirt/boot_xml.h"

#include "backend/libvirt/xml.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace vbmc::backend::libvirt {

namespace {

using bmc::BootDevice;

constexpr const char* marker_name = "vbmcd:boot";
constexpr const char* marker_space = "urn:vbmcd:boot:1";
constexpr unsigned menu_ms_max = 65535; // libvirt's limit: how long the firmware waits for a key

/// All of a definition that says what the firmware does first.
struct BootOrder {
    struct Place {
        std::string device; // device_key()
        unsigned order = 0;

        friend bool operator==(const Place&, const Place&) = default;
    };

    std::vector<std::string> classes; // <os><boot dev='...'/>
    std::vector<Place> places;        // <boot order='...'/> of devices, ascending
    std::string menu;                 // "" (not told), "yes" or "no"
    std::string menu_ms;
    std::string use_serial;

    friend bool operator==(const BootOrder&, const BootOrder&) = default;
};

/// What names a device for good: a target, a MAC address, else its place among its kind.
std::string device_key(const pugi::xml_node& device) {
    const std::string kind = device.name();
    std::string name = device.child("target").attribute("dev").as_string();
    if (kind == "interface") {
        name = device.child("mac").attribute("address").as_string();
    }
    if (name.empty()) {
        unsigned index = 0;
        for (auto before = device.previous_sibling(device.name()); before;
             before = before.previous_sibling(device.name())) {
            ++index;
        }
        name = "#" + std::to_string(index);
    }
    return kind + ":" + name;
}

BootOrder read_order(const pugi::xml_node& domain) {
    BootOrder order;
    const pugi::xml_node os = domain.child("os");
    for (const pugi::xml_node& boot : os.children("boot")) {
        order.classes.emplace_back(boot.attribute("dev").as_string());
    }
    for (const pugi::xml_node& device : devices_of(domain)) {
        if (const unsigned number = device.child("boot").attribute("order").as_uint()) {
            order.places.push_back({device_key(device), number});
        }
    }
    std::stable_sort(order.places.begin(), order.places.end(), [](const auto& a, const auto& b) {
        return a.order < b.order;
    });
    order.menu = os.child("bootmenu").attribute("enable").as_string();
    order.menu_ms = os.child("bootmenu").attribute("timeout").as_string();
    order.use_serial = os.child("bios").attribute("useserial").as_string();
    return order;
}

void set_attribute(pugi::xml_node node, const char* name, const std::string& value) {
    if (value.empty()) {
        node.remove_attribute(name);
    } else if (!node.attribute(name).set_value(value.c_str())) {
        node.append_attribute(name).set_value(value.c_str());
    }
}

/// The child of that name, made when `wanted`.
pugi::xml_node child_of(pugi::xml_node parent, const char* name, bool wanted) {
    const pugi::xml_node present = parent.child(name);
    return present || !wanted ? present : parent.append_child(name);
}

void write_order(pugi::xml_node domain, const BootOrder& order) {
    pugi::xml_node os = domain.child("os");
    while (os.remove_child("boot")) {
    }
    for (const std::string& device : order.classes) {
        os.append_child("boot").append_attribute("dev").set_value(device.c_str());
    }
    for (pugi::xml_node device : devices_of(domain)) {
        const std::string key = device_key(device);
        const auto at =
            std::find_if(order.places.begin(), order.places.end(), [&](const auto& place) {
                return place.device == key;
            });
        if (at == order.places.end()) {
            device.remove_child("boot");
        } else {
            set_attribute(child_of(device, "boot", true), "order", std::to_string(at->order));
        }
    }
    const pugi::xml_node menu = child_of(os, "bootmenu", !order.menu.empty());
    set_attribute(menu, "enable", order.menu);
    set_attribute(menu, "timeout", order.menu_ms);
    if (order.menu.empty()) {
        os.remove_child("bootmenu");
    }
    const pugi::xml_node bios = child_of(os, "bios", !order.use_serial.empty());
    set_attribute(bios, "useserial", order.use_serial);
    if (bios && !bios.first_attribute()) {
        os.remove_child("bios");
    }
}

// The note of what was there before.

void note_order(pugi::xml_node marker, const char* name, const BootOrder& order) {
    pugi::xml_node note = marker.append_child(name);
    for (const std::string& device : order.classes) {
        note.append_child("vbmcd:class").append_attribute("dev").set_value(device.c_str());
    }
    for (const BootOrder::Place& place : order.places) {
        pugi::xml_node child = note.append_child("vbmcd:device");
        child.append_attribute("name").set_value(place.device.c_str());
        child.append_attribute("order").set_value(place.order);
    }
    set_attribute(note, "menu", order.menu);
    set_attribute(note, "menu-ms", order.menu_ms);
    set_attribute(note, "use-serial", order.use_serial);
}

BootOrder noted_order(const pugi::xml_node& note) {
    BootOrder order;
    for (const pugi::xml_node& child : note.children("vbmcd:class")) {
        order.classes.emplace_back(child.attribute("dev").as_string());
    }
    for (const pugi::xml_node& child : note.children("vbmcd:device")) {
        order.places.push_back(
            {child.attribute("name").as_string(), child.attribute("order").as_uint()}
        );
    }
    order.menu = note.attribute("menu").as_string();
    order.menu_ms = note.attribute("menu-ms").as_string();
    order.use_serial = note.attribute("use-serial").as_string();
    return order;
}

/// The original order, when vbmcd changed it and nobody changed it since.
std::optional<BootOrder> original_order(const pugi::xml_node& domain) {
    const pugi::xml_node marker = domain.child("metadata").child(marker_name);
    if (!marker || noted_order(marker.child("vbmcd:after")) != read_order(domain)) {
        return std::nullopt;
    }
    return noted_order(marker.child("vbmcd:before"));
}

void remove_marker(pugi::xml_node domain) {
    pugi::xml_node metadata = domain.child("metadata");
    metadata.remove_child(marker_name);
    const bool empty = std::none_of(metadata.begin(), metadata.end(), [](const auto& child) {
        return child.type() == pugi::node_element;
    });
    if (metadata && empty) {
        domain.remove_child(metadata);
    }
}

void add_marker(pugi::xml_node domain, const BootOrder& before, const BootOrder& after) {
    pugi::xml_node marker = child_of(domain, "metadata", true).append_child(marker_name);
    marker.append_attribute("xmlns:vbmcd").set_value(marker_space);
    note_order(marker, "vbmcd:before", before);
    note_order(marker, "vbmcd:after", after);
}

// What a request makes of an order.

/// "hd", "cdrom", "network", "fd" as libvirt says; empty when there is no such choice.
std::string boot_class(BootDevice device) {
    switch (device) {
    case BootDevice::pxe:
        return "network";
    case BootDevice::disk:
        return "hd";
    case BootDevice::cdrom:
    case BootDevice::remote_cdrom:
        return "cdrom";
    case BootDevice::floppy:
    case BootDevice::remote_floppy:
        return "fd";
    default:
        return {};
    }
}

bool is_of_class(const pugi::xml_node& device, const std::string& boot) {
    const std::string disk = disk_class(device);
    if (boot == "network") {
        return std::string_view(device.name()) == "interface";
    }
    if (boot == "hd") {
        return disk == "disk" || disk == "lun";
    }
    return boot == "fd" ? disk == "floppy" : disk == "cdrom";
}

Error no_such_device(const std::string& boot) {
    if (boot == "cdrom") {
        return Error(ErrorCode::failed_precondition, "it has no CD-ROM drive to boot from")
            .with_hint("add one: virsh attach-disk DOMAIN '' sdz --type cdrom --config");
    }
    const char* what = boot == "network" ? "network interface" : boot == "hd" ? "disk" : "floppy";
    return Error(
        ErrorCode::failed_precondition, std::string("it has no ") + what + " to boot from"
    );
}

Result<BootOrder>
put_first(const pugi::xml_node& domain, BootOrder order, const std::string& boot) {
    std::vector<std::string> candidates; // in the definition's order
    for (const pugi::xml_node& device : devices_of(domain)) {
        if (is_of_class(device, boot)) {
            candidates.push_back(device_key(device));
        }
    }
    if (candidates.empty()) {
        return no_such_device(boot);
    }
    if (order.places.empty()) {
        std::erase(order.classes, boot);
        order.classes.insert(order.classes.begin(), boot);
        return order;
    }
    const auto is_candidate = [&](const BootOrder::Place& place) {
        return std::find(candidates.begin(), candidates.end(), place.device) != candidates.end();
    };
    const auto rest = std::stable_partition(order.places.begin(), order.places.end(), is_candidate);
    if (rest == order.places.begin()) { // none of them was in the order so far
        order.places.insert(order.places.begin(), {candidates.front(), 0});
    }
    unsigned number = 0;
    for (BootOrder::Place& place : order.places) {
        place.order = ++number;
    }
    return order;
}

/// The firmware's set-up as far as a virtual machine has one: it stops for a key.
BootOrder stop_for_key(const pugi::xml_node& domain, BootOrder order, bool uefi) {
    order.menu = "yes";
    order.menu_ms = std::to_string(menu_ms_max);
    const std::string_view arch = domain.child("os").child("type").attribute("arch").as_string();
    const bool bios = !uefi && (arch == "x86_64" || arch == "i686");
    if (bios && domain.child("devices").child("serial")) {
        order.use_serial = "yes"; // the menu is on the console, too
    }
    return order;
}

bool has_uefi(const pugi::xml_node& domain) {
    const pugi::xml_node os = domain.child("os");
    if (std::string_view(os.attribute("firmware").as_string()) == "efi" ||
        std::string_view(os.child("loader").attribute("type").as_string()) == "pflash") {
        return true;
    }
    std::string loader = os.child("loader").text().as_string();
    std::transform(loader.begin(), loader.end(), loader.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return loader.find("ovmf") != std::string::npos || loader.find("vmf") != std::string::npos ||
           loader.find("efi") != std::string::npos || loader.find("edk2") != std::string::npos;
}

Result<void> may_choose(const pugi::xml_node& domain, const bmc::BootRequest& boot) {
    const pugi::xml_node os = domain.child("os");
    if (std::string_view(os.child("type").text().as_string()) != "hvm") {
        return Error(
            ErrorCode::unsupported, "it has no firmware that could be told what to boot from"
        );
    }
    if (os.child("kernel")) {
        return Error(
                   ErrorCode::failed_precondition,
                   "it is started with a kernel from the host, not from a boot device"
        )
            .with_hint("remove <kernel> from its <os>: virsh edit DOMAIN");
    }
    if (boot.efi && !has_uefi(domain)) {
        return Error(ErrorCode::failed_precondition, "a UEFI boot was asked for, but it has a BIOS")
            .with_hint("ask without efiboot, or give it UEFI: virt-xml DOMAIN --edit --boot uefi");
    }
    return {};
}

Result<BootOrder>
chosen_order(const pugi::xml_node& domain, const BootOrder& before, const bmc::BootRequest& boot) {
    if (boot.device == BootDevice::none) {
        return before;
    }
    const auto may = may_choose(domain, boot);
    if (may.has_error()) {
        return may.error();
    }
    if (boot.device == BootDevice::bios_setup) {
        return stop_for_key(domain, before, has_uefi(domain));
    }
    const std::string wanted = boot_class(boot.device);
    if (wanted.empty()) {
        return Error(ErrorCode::unsupported, "libvirt has no such boot device")
            .with_hint("disk, cdrom, pxe, floppy and bios are possible");
    }
    return put_first(domain, before, wanted);
}

} // namespace

Result<std::string> with_boot(std::string_view xml, const bmc::BootRequest& boot) {
    auto document = parse_domain(xml);
    if (document.has_error()) {
        return document.error();
    }
    const pugi::xml_node domain = (*document)->child("domain");
    const BootOrder current = read_order(domain);
    const BootOrder before = original_order(domain).value_or(current);
    const auto after = chosen_order(domain, before, boot);
    if (after.has_error()) {
        return after.error();
    }
    const bool marked = domain.child("metadata").child(marker_name) != nullptr;
    if (*after == current && marked == (*after != before)) {
        return std::string(xml);
    }
    remove_marker(domain);
    write_order(domain, *after);
    if (*after != before) {
        add_marker(domain, before, *after);
    }
    return print(domain);
}

bool boots_otherwise(std::string_view running, std::string_view persistent) {
    const auto now = parse_domain(running);
    const auto later = parse_domain(persistent);
    if (now.has_error() || later.has_error()) {
        return false;
    }
    const pugi::xml_node a = (*now)->child("domain");
    const pugi::xml_node b = (*later)->child("domain");
    const bool ours =
        a.child("metadata").child(marker_name) || b.child("metadata").child(marker_name);
    return ours && read_order(a) != read_order(b);
}

bool is_uefi(std::string_view xml) {
    const auto document = parse_domain(xml);
    return document.has_value() && has_uefi((*document)->child("domain"));
}

} // namespace vbmc::backend::libvirt
