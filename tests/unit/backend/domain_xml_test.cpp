// Media, facts and labels out of a domain's definition.

#include "backend/libvirt/discover.h"
#include "backend/libvirt/facts.h"
#include "backend/libvirt/media.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::backend::libvirt;

namespace {

const std::string xml = R"(<domain type='kvm'><name>vm7</name>
  <uuid>0c5d6f8e-8a1c-4c55-9d3f-0c6f2a4e9f11</uuid><title>Build 7</title>
  <metadata>
    <vbmcd:boot xmlns:vbmcd="urn:vbmcd:boot:1"><vbmcd:before menu="no"/></vbmcd:boot>
    <nova:instance xmlns:nova="n"><nova:flavor name="m1.small"><nova:memory>512</nova:memory></nova:flavor>
    </nova:instance>
    <x:about xmlns:x="x"><x:tags>Lab, rack7;  spare</x:tags></x:about>
  </metadata>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
  <devices>
    <disk type='file' device='disk'><source file='/a'/><target dev='vda'/></disk>
    <disk type='block' device='lun'><source dev='/dev/sdx'/><target dev='sdb'/></disk>
    <disk type='network' device='cdrom'><driver name='qemu' type='qcow2'/>
      <source protocol='http' name='old.iso'><host name='h' port='80'/></source><backingStore/>
      <target dev='sda' bus='sata'/><readonly/><boot order='3'/></disk>
    <disk type='file' device='cdrom'><target dev='sdc' bus='sata'/><readonly/></disk>
  </devices></domain>)";

std::string drive(const std::optional<std::string>& image, const std::string& target = {}) {
    const auto result = drive_with(xml, target, image);
    INFO((result.has_error() ? result.error().message : ""));
    REQUIRE(result.has_value());
    return *result;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("an image becomes the drive's source, whatever form it has", "[libvirt]") {
    struct Row {
        const char* image;
        const char* type;
        const char* source;
    };

    for (const Row& row : {
             Row{"/i/a.iso", "type=\"file\"", "<source file=\"/i/a.iso\"/>"},
             Row{"/dev/sr0", "type=\"block\"", "<source dev=\"/dev/sr0\"/>"},
             Row{"pool:isos/a.iso", "type=\"volume\"", "<source pool=\"isos\" volume=\"a.iso\"/>"},
             Row{"http://h/a/b.iso", "type=\"network\"", "<host name=\"h\" port=\"80\"/>"},
             Row{"https://h:8443/b.iso?t=1",
                 "type=\"network\"",
                 "<host name=\"h\" port=\"8443\"/>"},
             Row{"https://h:8443/b.iso?t=1", "name=\"b.iso\"", "query=\"t=1\""},
             Row{"https://[2001:db8::1]:81/b",
                 "name=\"b\"",
                 "<host name=\"2001:db8::1\" port=\"81\"/>"},
         }) {
        CAPTURE(row.image);
        const std::string changed = drive(row.image);
        CHECK(has(changed, row.type));
        CHECK(has(changed, row.source));
        CHECK(has(changed, "type=\"raw\""));
        CHECK(has(changed, "<target dev=\"sda\" bus=\"sata\"/>"));
        CHECK(has(changed, "<boot order=\"3\"/>"));
        CHECK_FALSE(has(changed, "old.iso"));
        CHECK_FALSE(has(changed, "backingStore"));
    }
    CHECK_FALSE(has(drive(std::nullopt), "<source"));
    CHECK(has(drive("/a.iso", "sdc"), "dev=\"sdc\""));
    CHECK(has(drive("/a\"<&.iso"), "file=\"/a&quot;&lt;&amp;.iso\""));
}

TEST_CASE("images that no hypervisor could read are refused", "[libvirt]") {
    for (const char* image :
         {"a.iso",
          "nfs://h/a.iso",
          "file:///a.iso",
          "http:///a.iso",
          "http://h",
          "http://h/",
          "http://h:0/a",
          "http://h:70000/a",
          "http://h:x/a",
          "pool:",
          "pool:/a",
          "pool:a/"}) {
        CAPTURE(image);
        CHECK(drive_with(xml, {}, std::string(image)).has_error());
    }
    const auto secret = drive_with(xml, {}, std::string("http://me:hunter2@h/a.iso"));
    REQUIRE(secret.has_error());
    CHECK_FALSE(has(describe(secret.error()), "hunter2"));
    CHECK(drive_with(xml, "vda", std::nullopt).error().code == ErrorCode::failed_precondition);
}

TEST_CASE("a bare name is a file of the media folder", "[libvirt]") {
    CHECK(full_image("a.iso", "/i").value() == "/i/a.iso");
    CHECK(full_image("a.iso", "/i/").value() == "/i/a.iso");
    CHECK(full_image("http://h/a", "/i").value() == "http://h/a");
    CHECK(full_image("a.iso", "").error().code == ErrorCode::failed_precondition);
    CHECK(full_image("..", "/i").has_error());
}

TEST_CASE("facts: what the definition says, else what QEMU would", "[libvirt]") {
    const auto plain = facts_of(xml);
    REQUIRE(plain.has_value());
    CHECK(plain->identity.manufacturer == "QEMU");
    CHECK(plain->identity.product == "pc-q35-7.2");
    CHECK(plain->identity.serial == "0c5d6f8e-8a1c-4c55-9d3f-0c6f2a4e9f11");
    CHECK(plain->identity.asset_tag == "vm7");
    CHECK(plain->drives == std::vector<std::string>{"vda", "sdb"});
    std::string told = xml;
    told.insert(
        told.find("<os>"),
        "<sysinfo type='smbios'><system><entry name='manufacturer'>Acme</entry>"
        "<entry name='product'>Box</entry><entry name='serial'>S1</entry></system>"
        "<chassis><entry name='asset'>A1</entry></chassis></sysinfo>"
    );
    const auto smbios = facts_of(told);
    REQUIRE(smbios.has_value());
    CHECK(smbios->identity.manufacturer == "Acme");
    CHECK(smbios->identity.product == "Box");
    CHECK(smbios->identity.serial == "S1");
    CHECK(smbios->identity.asset_tag == "A1");
}

TEST_CASE("facts are fit for a client's terminal, and drives are told apart", "[libvirt]") {
    const auto facts = facts_of(
        "<domain type='kvm'><name>vm&#27;[2J</name><sysinfo><system><entry name='product'>&#9;"
        "</entry></system></sysinfo><os><type arch='x86_64'>hvm</type></os></domain>"
    );
    REQUIRE(facts.has_value());
    CHECK(facts->identity.asset_tag == "vm [2J");
    CHECK(facts->identity.product == "x86_64"); // a blank entry says nothing
    Commons commons;
    const auto one = make_sensors(&commons, {"vda vdb"});
    const auto two = make_sensors(&commons, {"vda", "vdb"});
    CHECK(one->sensors.size() + 1 == two->sensors.size());
    CHECK(make_sensors(nullptr, {"\x1b[2J"})->sensors.back().name == "Drive  [2J");
}

TEST_CASE("readings: CPU usage is a difference, a faulty drive is told", "[libvirt]") {
    const std::vector<std::string> drives = {"vda", "sdb"};
    Load before;
    before.running = true;
    before.cpus = 2;
    before.cpu_ns = 1'000'000'000;
    before.at = Mono(std::chrono::seconds(100));
    Load now = before;
    now.at += std::chrono::seconds(2);
    now.cpu_ns += 1'000'000'000;
    now.memory_percent = 40.0;
    now.faulty = {"sdb"};
    const auto set = make_sensors(nullptr, drives);
    REQUIRE(set->sensors.size() == 4);
    const auto all = readings_of(drives, before, now);
    REQUIRE(all.size() == 4);
    for (std::size_t i = 0; i < all.size(); ++i) {
        CHECK(all[i].number == set->sensors[i].number);
        CHECK(all[i].available);
    }
    CHECK(all[0].value == Approx(25.0));
    CHECK(all[1].value == Approx(40.0));
    CHECK(all[2].value == 1.0);
    CHECK(all[3].value == 3.0);
    CHECK_FALSE(readings_of(drives, std::nullopt, now)[0].available);
    Load restarted = now;
    restarted.cpu_ns = 5;
    CHECK_FALSE(readings_of(drives, before, restarted)[0].available);
    CHECK_FALSE(readings_of(drives, before, Load{})[0].available);
}

TEST_CASE("a definition of a host's invention is refused, not recursed into", "[libvirt]") {
    constexpr std::size_t levels = 500'000; // what fits into libvirt's own limit of 4 MiB
    std::string deep = "<domain><devices><disk device='cdrom'><source>";
    for (std::size_t i = 0; i < levels; ++i) {
        deep += "<a>";
    }
    for (std::size_t i = 0; i < levels; ++i) {
        deep += "</a>";
    }
    deep += "</source></disk></devices></domain>";
    const auto refused = drive_with(deep, {}, std::nullopt);
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == vbmc::ErrorCode::corrupt);
    CHECK(labels_of(deep).empty());
    const std::string bomb = "<!DOCTYPE d [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]>"
                             "<domain><title>&b;</title></domain>";
    CHECK(labels_of(bomb)["title"] == "&b;"); // no entity is ever replaced
}

TEST_CASE("labels: title, metadata by path, tags one by one", "[libvirt]") {
    const auto labels = labels_of(xml);
    CHECK(labels.at("title") == "Build 7");
    CHECK(labels.at("arch") == "x86_64");
    CHECK(labels.at("nova.instance.flavor.name") == "m1.small");
    CHECK(labels.at("nova.instance.flavor.memory") == "512");
    CHECK(labels.at("tag.lab") == "true");
    CHECK(labels.at("tag.rack7") == "true");
    CHECK(labels.at("tag.spare") == "true");
    for (const auto& [key, value] : labels) {
        CHECK_FALSE(has(key, "vbmcd"));
        CHECK_FALSE(value.empty());
    }
    CHECK(labels_of("junk").empty());
    std::string many = "<domain><metadata><m:a xmlns:m='m'>";
    for (int i = 0; i < 500; ++i) {
        many += "<m:k" + std::to_string(i) + ">" + std::string(1000, 'x') + "\x01</m:k" +
                std::to_string(i) + ">";
    }
    CHECK(labels_of(many + "</m:a></metadata></domain>").size() <= 64);
}
