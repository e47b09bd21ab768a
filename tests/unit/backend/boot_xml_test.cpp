#include "backend/libvirt/boot_xml.h"

#include <catch2/catch.hpp>

#include <map>
#include <string>
#include <vector>

using namespace vbmc;
using namespace vbmc::backend::libvirt;
using bmc::BootDevice;
using bmc::BootRequest;

namespace {

constexpr const char* devices = R"(
  <devices>
    <disk type='file' device='disk'><source file='/a.img'/><target dev='vda' bus='virtio'/>@1@</disk>
    <disk type='file' device='disk'><source file='/b.img'/><target dev='vdb' bus='virtio'/>@2@</disk>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/>@3@</disk>
    <interface type='network'><mac address='52:54:00:00:00:01'/>@4@</interface>
    <serial type='pty'><target port='0'/></serial>
  </devices>
)";

std::string with(std::string text, const std::map<std::string, std::string>& parts) {
    for (const auto& [key, value] : parts) {
        const auto at = text.find(key);
        REQUIRE(at != std::string::npos);
        text.replace(at, key.size(), value);
    }
    return text;
}

std::string domain(const std::string& os, const std::map<std::string, std::string>& orders = {}) {
    std::map<std::string, std::string> parts = {{"@1@", ""}, {"@2@", ""}, {"@3@", ""}, {"@4@", ""}};
    for (const auto& [key, value] : orders) {
        parts[key] = "<boot order='" + value + "'/>";
    }
    return "<domain type='kvm'>\n  <name>vm1</name>\n  <os>" + os + "</os>" + with(devices, parts) +
           "</domain>";
}

const std::string type = "<type arch='x86_64' machine='pc'>hvm</type>";

/// What stands between the two in order, without spaces in between.
std::vector<std::string> all_between(const std::string& xml, const char* left, const char* right) {
    std::vector<std::string> found;
    for (auto at = xml.find(left); at != std::string::npos; at = xml.find(left, at + 1)) {
        const auto start = at + std::string(left).size();
        found.push_back(xml.substr(start, xml.find(right, start) - start));
    }
    return found;
}

/// The boot classes or, as "DEVICE=ORDER", the devices.
std::string order_of(std::string xml) {
    const auto metadata = xml.find("<metadata>");
    if (metadata != std::string::npos) {
        xml.erase(metadata, xml.find("</metadata>") - metadata);
    }
    std::string out;
    for (const std::string& word : all_between(xml, "<boot dev=\"", "\"")) {
        out += (out.empty() ? "" : " ") + word;
    }
    for (const std::string& device : all_between(xml, "<target dev=\"", "</disk>")) {
        const auto order = all_between(device, "<boot order=\"", "\"");
        out += order.empty() ? "" : " " + device.substr(0, 3) + "=" + order[0];
    }
    for (const std::string& device : all_between(xml, "<interface", "</interface>")) {
        const auto order = all_between(device, "<boot order=\"", "\"");
        out += order.empty() ? "" : " net=" + order[0];
    }
    return out;
}

std::string told(const std::string& xml, BootDevice device, bool efi = false) {
    const auto result = with_boot(xml, BootRequest{device, true, efi});
    INFO((result.has_error() ? result.error().message : ""));
    REQUIRE(result.has_value());
    return *result;
}

ErrorCode refused(const std::string& xml, BootDevice device, bool efi = false) {
    const auto result = with_boot(xml, BootRequest{device, true, efi});
    REQUIRE(result.has_error());
    CHECK_FALSE(result.error().message.empty());
    return result.error().code;
}

} // namespace

TEST_CASE("the class form gets the asked device first, the rest behind it", "[libvirt]") {
    const std::string xml = domain(type + "<boot dev='hd'/><boot dev='network'/>");
    CHECK(order_of(told(xml, BootDevice::cdrom)) == "cdrom hd network");
    CHECK(order_of(told(xml, BootDevice::pxe)) == "network hd");
    CHECK(told(xml, BootDevice::disk) == xml); // so it is
    CHECK(told(xml, BootDevice::none) == xml);
    CHECK(order_of(told(xml, BootDevice::remote_cdrom)) == "cdrom hd network");
}

TEST_CASE("the device form stays one", "[libvirt]") {
    const std::string xml = domain(type, {{"@1@", "1"}, {"@2@", "3"}, {"@4@", "2"}});
    CHECK(order_of(told(xml, BootDevice::pxe)) == " vda=2 vdb=3 net=1");
    CHECK(order_of(told(xml, BootDevice::cdrom)) == " vda=2 vdb=4 sda=1 net=3");
    CHECK(order_of(told(xml, BootDevice::disk)) == " vda=1 vdb=2 net=3");
}

TEST_CASE("the original order comes back, however often it was changed", "[libvirt]") {
    for (const std::string& xml :
         {domain(type + "<boot dev='hd'/>"),
          domain(type + "<boot dev='hd'/><bootmenu enable='no'/>"),
          domain(type, {{"@1@", "1"}, {"@4@", "2"}})}) {
        const std::string before = order_of(told(told(xml, BootDevice::pxe), BootDevice::none));
        const std::string changed =
            told(told(told(xml, BootDevice::pxe), BootDevice::bios_setup), BootDevice::cdrom);
        CHECK(changed.find("urn:vbmcd:boot:1") != std::string::npos);
        const std::string back = told(changed, BootDevice::none);
        CHECK(order_of(back) == before);
        CHECK(back.find("vbmcd") == std::string::npos);
        CHECK(back.find("metadata") == std::string::npos);
        CHECK(
            (back.find("bootmenu") != std::string::npos) ==
            (xml.find("bootmenu") != std::string::npos)
        );
        CHECK(back.find("useserial") == std::string::npos);
    }
}

TEST_CASE("what somebody else changed meanwhile is the original now", "[libvirt]") {
    const std::string xml = domain(type + "<boot dev='hd'/>");
    std::string changed = told(xml, BootDevice::pxe);
    const std::string ours = "<boot dev=\"network\"/><boot dev=\"hd\"/>";
    REQUIRE(changed.find(ours) != std::string::npos);
    changed.replace(changed.find(ours), ours.size(), "<boot dev=\"cdrom\"/>");
    CHECK(order_of(told(changed, BootDevice::none)) == "cdrom");
    CHECK(order_of(told(told(changed, BootDevice::disk), BootDevice::none)) == "cdrom");
}

TEST_CASE("metadata of others stays", "[libvirt]") {
    std::string xml = domain(type + "<boot dev='hd'/>");
    const std::string other = "<metadata><x:y xmlns:x=\"urn:x\">z</x:y></metadata>";
    xml.insert(xml.find("<os>"), other);
    CHECK(told(told(xml, BootDevice::pxe), BootDevice::none).find(other) != std::string::npos);
}

TEST_CASE("firmware set-up is a stop for a key, also on the serial console", "[libvirt]") {
    const std::string bios = told(domain(type + "<boot dev='hd'/>"), BootDevice::bios_setup);
    CHECK(bios.find("<bootmenu enable=\"yes\" timeout=\"65535\"/>") != std::string::npos);
    CHECK(bios.find("useserial=\"yes\"") != std::string::npos);
    CHECK(order_of(bios) == "hd");
    std::string uefi = domain(type + "<boot dev='hd'/>");
    uefi.replace(uefi.find("<os>"), 4, "<os firmware='efi'>");
    CHECK(told(uefi, BootDevice::bios_setup).find("useserial") == std::string::npos);
}

TEST_CASE("what cannot be had is refused with a reason", "[libvirt]") {
    const std::string xml = domain(type + "<boot dev='hd'/>");
    CHECK(refused(xml, BootDevice::pxe, true) == ErrorCode::failed_precondition);
    CHECK(refused(xml, BootDevice::floppy) == ErrorCode::failed_precondition);
    CHECK(refused(xml, BootDevice::diagnostics) == ErrorCode::unsupported);
    CHECK(refused(xml, BootDevice::disk_safe) == ErrorCode::unsupported);
    CHECK(refused(xml, BootDevice::remote_disk) == ErrorCode::unsupported);
    CHECK(
        refused("<domain type='lxc'><os><type>exe</type></os></domain>", BootDevice::pxe) ==
        ErrorCode::unsupported
    );
    CHECK(
        refused("<domain><os><type>hvm</type></os></domain>", BootDevice::cdrom) ==
        ErrorCode::failed_precondition
    );
    CHECK(
        refused(domain(type + "<kernel>/vmlinuz</kernel>"), BootDevice::pxe) ==
        ErrorCode::failed_precondition
    );
    for (const char* broken : {"", "x", "<domain>", "<network/>", "<domain/><domain/>x"}) {
        const auto result = with_boot(broken, BootRequest{BootDevice::pxe, true, false});
        CHECK(result.has_error());
    }
}

TEST_CASE("UEFI is seen in each of its forms", "[libvirt]") {
    struct Row {
        const char* os;
        bool uefi;
    };

    for (const Row& row : {
             Row{"<os firmware='efi'><type>hvm</type></os>", true},
             Row{"<os firmware='bios'><type>hvm</type></os>", false},
             Row{"<os><type>hvm</type><loader type='pflash'>/x</loader></os>", true},
             Row{"<os><type>hvm</type><loader>/usr/share/OVMF/OVMF.fd</loader></os>", true},
             Row{"<os><type>hvm</type><loader>/usr/share/seabios/bios.bin</loader></os>", false},
             Row{"<os><type>hvm</type></os>", false},
         }) {
        CAPTURE(row.os);
        CHECK(is_uefi(std::string("<domain>") + row.os + "</domain>") == row.uefi);
    }
}

TEST_CASE("a machine that runs with another choice of ours is known", "[libvirt]") {
    const std::string xml = domain(type + "<boot dev='hd'/>");
    const std::string network = told(xml, BootDevice::pxe);
    CHECK(boots_otherwise(xml, network));
    CHECK(boots_otherwise(network, xml));
    CHECK_FALSE(boots_otherwise(network, network));
    CHECK_FALSE(boots_otherwise(xml, xml));
    const std::string edited = domain(type + "<boot dev='network'/>"); // by hand: not our business
    CHECK_FALSE(boots_otherwise(xml, edited));
    CHECK_FALSE(boots_otherwise("", "<"));
}
