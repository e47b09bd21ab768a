// The ssh backend's pure parts: quoting, host keys, and the parsers of what a machine prints. What
// they read is as hostile as a datagram: each is fed truncations and noise as well.

#include "backend/ssh/commands.h"
#include "backend/ssh/efi_boot.h"
#include "backend/ssh/host_key.h"
#include "backend/ssh/ipmitool_text.h"
#include "backend/ssh/machine_text.h"
#include "backend/ssh/quote.h"
#include "backend/ssh/sensor_text.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace vbmc;
using namespace vbmc::backend::ssh;
using bmc::BootDevice;
using bmc::PowerState;

namespace {

constexpr char ed25519[] = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
constexpr char ed25519_print[] = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";

constexpr char efi[] = "BootCurrent: 0001\nTimeout: 3 seconds\nBootOrder: 0001,0003,0002\n"
                       "Boot0001* debian\tHD(1,GPT,8f0c)/File(\\EFI\\debian\\shimx64.efi)\n"
                       "Boot0002* UEFI: Card\tPciRoot(0x0)/Pci(0x3,0x0)/MAC(525400123456,1)\n"
                       "Boot0003* UEFI DVD-ROM\tPciRoot(0x0)/CDROM(0,0,0)\n"
                       "Boot0004  Old disk\tHD(2,GPT,8f0d)\n"
                       "Boot000A* Setup\tFvFile(721c8b66)\n";

/// Every prefix, and every byte replaced by some that parsers stumble over.
template <class Parse>
void feed_noise(const std::string& text, Parse parse) {
    for (std::size_t n = 0; n <= text.size(); ++n) {
        parse(text.substr(0, n));
    }
    for (std::size_t n = 0; n < text.size(); ++n) {
        for (const char noise : {'\0', '\n', ':', '|', ',', '{', '"', '9', '\x80', '\xff'}) {
            std::string broken = text;
            broken[n] = noise;
            parse(broken);
        }
    }
}

const bmc::SensorSpec* named(const SensorBook& book, const std::string& name) {
    for (const bmc::SensorSpec& spec : book.set()->sensors) {
        if (spec.name == name) {
            return &spec;
        }
    }
    return nullptr;
}

} // namespace

TEST_CASE("a quoted word is one word of a shell") {
    struct Row {
        const char* word;
        const char* quoted;
    };

    const Row rows[] = {
        {"plain", "plain"},
        {"/usr/sbin/x-1.2", "/usr/sbin/x-1.2"},
        {"", "''"},
        {"two words", "'two words'"},
        {"it's", "'it'\\''s'"},
        {"$(reboot)", "'$(reboot)'"},
        {"`reboot`", "'`reboot`'"},
        {"a;b", "'a;b'"},
        {"~root", "'~root'"},
        {"=ls", "'=ls'"},
        {"a\nb", "''"},
        {"*", "'*'"},
        {"\\", "'\\'"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.word);
        CHECK(shell_quote(row.word) == row.quoted);
    }
    CHECK(shell_quote(std::string_view("a\0b", 3)) == "''");
    CHECK(shell_command({"a", "b c", "d"}) == "a 'b c' d");
}

TEST_CASE("what a machine wrote becomes one printable line") {
    CHECK(first_line("\n  sudo: no\nsecond") == "sudo: no");
    CHECK(first_line("a\x1b[31mb") == "a?[31mb");
    CHECK(first_line(std::string(5000, 'x')).size() == 200);
    CHECK(first_line(" \r\n").empty());
}

TEST_CASE("a host key can be pinned in several forms") {
    const std::string key = std::string("ssh-ed25519 ") + ed25519;
    for (const std::string& text : {key, "host " + key, key + " comment", "[h]:2 " + key}) {
        const auto pins = parse_host_key(text);
        REQUIRE(pins.has_value());
        REQUIRE(pins->trusted.size() == 1);
        CHECK(to_text(pins->trusted[0].print) == ed25519_print);
        CHECK(wanted_algorithms(*pins) == "ssh-ed25519");
    }
    const auto two = parse_host_key(std::string(ed25519_print) + ",SHA256:" + std::string(43, 'A'));
    REQUIRE(two.has_value());
    CHECK(two->trusted.size() == 2);
    CHECK(to_text(two->trusted[0].print) == ed25519_print);
    CHECK(wanted_algorithms(*two).find("rsa-sha2-512") != std::string::npos);
    for (const char* text :
         {"",
          "SHA256:",
          "SHA256:abc",
          "MD5:00:11",
          "yes",
          "ssh-ed25519 AAAA",
          "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9o"}) {
        CAPTURE(text);
        const auto pins = parse_host_key(text);
        CHECK((pins.has_error() || pins->trusted.empty()));
    }
}

TEST_CASE("known hosts are found by name, pattern and hash, and only so") {
    const std::string key = std::string(" ssh-ed25519 ") + ed25519;
    const auto found = [&](const std::string& names, const std::string& host, unsigned port) {
        return read_known_hosts(names + key + "\n", host, port).trusted.size();
    };
    CHECK(found("a.example", "a.example", 22) == 1);
    CHECK(found("A.Example", "a.example", 22) == 1);
    CHECK(found("a.example", "b.example", 22) == 0);
    CHECK(found("a.example", "a.example", 2222) == 0);
    CHECK(found("[a.example]:2222", "a.example", 2222) == 1);
    CHECK(found("x,*.example", "a.example", 22) == 1);
    CHECK(found("*.example,!a.example", "a.example", 22) == 0);
    CHECK(found("?.example", "ab.example", 22) == 0);
    CHECK(found("# a.example", "a.example", 22) == 0);
    CHECK(found("@cert-authority a.example", "a.example", 22) == 0);
    CHECK(found("|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "a", 22) == 0);
    const Pins pins = read_known_hosts("@revoked *" + key + "\na" + key + "\n", "a", 22);
    REQUIRE(pins.revoked.size() == 1);
    CHECK(judge(pins, pins.trusted[0].print) == KeyVerdict::revoked);
    Pins trusted = pins;
    trusted.revoked.clear();
    CHECK(judge(trusted, trusted.trusted[0].print) == KeyVerdict::pinned);
    Fingerprint other{};
    CHECK(judge(trusted, other) == KeyVerdict::changed);
    CHECK(judge(Pins(), other) == KeyVerdict::unknown);
    feed_noise("a,b" + key + "\n|1|AAAA|BBBB" + key, [](const std::string& text) {
        static_cast<void>(read_known_hosts(text, "a", 22));
        static_cast<void>(parse_host_key(text));
    });
}

TEST_CASE("a boot entry is chosen by what it starts from") {
    const auto boot = parse_efi_boot(efi);
    REQUIRE(boot.has_value());
    CHECK(boot->entries.size() == 5);
    CHECK_FALSE(boot->next.has_value());
    CHECK(choose_entry(*boot, BootDevice::pxe) == u16{2});
    CHECK(choose_entry(*boot, BootDevice::cdrom) == u16{3});
    CHECK(choose_entry(*boot, BootDevice::disk) == u16{1});
    CHECK_FALSE(choose_entry(*boot, BootDevice::floppy).has_value());
    CHECK_FALSE(choose_entry(*boot, BootDevice::none).has_value());
    CHECK(order_with_first(*boot, 2) == std::vector<u16>{2, 1, 3});
    CHECK(entry_text(0x1a) == "001A");
    CHECK(parse_efi_boot(std::string(efi) + "BootNext: 0003\n")->next == u16{3});
    CHECK_FALSE(parse_efi_boot("EFI variables are not supported on this system.\n").has_value());
    CHECK_FALSE(parse_efi_boot("").has_value());
    feed_noise(efi, [](const std::string& text) {
        if (const auto seen = parse_efi_boot(text)) {
            static_cast<void>(choose_entry(*seen, BootDevice::pxe));
        }
    });
}

TEST_CASE("sensors -j becomes a sensor set") {
    const std::string json = R"({"coretemp-isa-0000":{"Adapter":"ISA adapter",
        "Package id 0":{"temp1_input":41.5,"temp1_max":80.0,"temp1_crit":100.0,"temp1_crit_alarm":0.0},
        "temp9":{"temp9_input":-5.0}},
        "nvme-pci-0100":{"Composite":{"temp1_input":38.85,"temp1_max":65261.85,"temp1_min":-273.15}},
        "nct-isa-0290":{"fan1":{"fan1_input":1210.0,"fan1_min":0.0},
        "+12V":{"in1_input":12.1,"in1_min":10.8,"in1_max":13.2}},
        "psu":{"PSU":{"power1_average":123.0}}})";
    const auto found = parse_sensors_json(json);
    REQUIRE(found.has_value());
    REQUIRE(found->size() == 6);
    SensorBook book;
    const auto readings = book.update(*found);
    CHECK(readings.size() == 6);
    const auto* package = named(book, "Package id 0");
    REQUIRE(package != nullptr);
    CHECK(package->unit == bmc::SensorUnit::degrees_c);
    CHECK(package->thresholds[3] == 80.0);
    CHECK(package->thresholds[4] == 100.0);
    const auto* nvme = named(book, "Composite");
    REQUIRE(nvme != nullptr);
    CHECK_FALSE(nvme->thresholds[3].has_value()); // 65261 degrees is no limit
    const auto* fan = named(book, "nct fan1");
    REQUIRE(fan != nullptr);
    CHECK_FALSE(fan->thresholds[0].has_value());
    const auto* volts = named(book, "+12V");
    REQUIRE(volts != nullptr);
    CHECK(volts->thresholds[0] == 10.8);
    for (const auto& reading : readings) {
        const bmc::SensorSpec* spec = book.set()->find(reading.number);
        REQUIRE(spec != nullptr);
        const double shown = spec->linear.to_value(spec->linear.to_raw(reading.value));
        CAPTURE(spec->name, reading.value, shown);
        CHECK(std::fabs(shown - reading.value) <= std::max(0.6, std::fabs(reading.value) * 0.02));
    }

    SECTION("the same sensors keep their numbers and their set") {
        const auto before = book.set();
        CHECK(book.update(*found).size() == 6);
        CHECK(book.set() == before);
    }
    SECTION("one that is gone has no reading, a new one comes behind") {
        auto fewer = *found;
        fewer.erase(fewer.begin());
        std::size_t without = 0;
        for (const auto& reading : book.update(fewer)) {
            without += reading.available ? 0 : 1;
        }
        CHECK(without == 1);
    }
    SECTION("a value beyond the scale makes a new set") {
        const auto before = book.set();
        auto hot = *found;
        for (auto& sensor : hot) {
            sensor.value = sensor.unit == bmc::SensorUnit::rpm ? 60000.0 : sensor.value;
        }
        static_cast<void>(book.update(hot));
        CHECK(book.set() != before);
        const auto* faster = named(book, "nct fan1");
        CHECK(faster->linear.to_value(0xff) >= 60000.0);
    }
    feed_noise(R"({"a":{"b":{"temp1_input":1.5}}})", [](const std::string& text) {
        SensorBook other;
        if (const auto some = parse_sensors_json(text)) {
            static_cast<void>(other.update(*some));
        }
    });
    std::string deep;
    for (int i = 0; i < 100000; ++i) {
        deep += R"({"a":)";
    }
    CHECK_FALSE(parse_sensors_json(deep).has_value());
    CHECK_FALSE(parse_sensors_json("[1,2]").has_value());
}

TEST_CASE("more sensors than numbers are passed over") {
    std::vector<SensorFound> many(300);
    for (std::size_t i = 0; i < many.size(); ++i) {
        many[i].key = std::to_string(i);
        many[i].name = "a rather long name of a sensor";
        many[i].type = bmc::sensor_type::temperature;
        many[i].unit = bmc::SensorUnit::degrees_c;
        many[i].value = 20;
    }
    SensorBook book;
    CHECK(book.update(many).size() == 224);
    CHECK(book.set()->sensors.back().number == bmc::sensor_number::last_of_backend);
    for (const auto& spec : book.set()->sensors) {
        CHECK(spec.name.size() <= 16);
    }
}

TEST_CASE("hwmon attributes become sensors") {
    const std::string text = "/sys/class/hwmon/hwmon3/name:nvme\n"
                             "/sys/class/hwmon/hwmon3/temp1_input:38850\n"
                             "/sys/class/hwmon/hwmon3/temp1_label:Composite\n"
                             "/sys/class/hwmon/hwmon3/temp1_crit:84850\n"
                             "/sys/class/hwmon/hwmon4/fan2_input:900\n"
                             "/sys/class/hwmon/hwmon4/power1_input:15000000\n";
    const auto found = parse_hwmon(text);
    REQUIRE(found.size() == 3);
    CHECK(found[0].name == "Composite");
    CHECK(found[0].value == Approx(38.85));
    CHECK(found[0].thresholds[4].value() == Approx(84.85));
    CHECK(found[2].value == Approx(15.0));
    feed_noise(text, [](const std::string& broken) { static_cast<void>(parse_hwmon(broken)); });
}

TEST_CASE("ipmitool's sensor table becomes sensors") {
    const std::string text =
        "CPU Temp         | 44.000     | degrees C  | ok    | na | 0.000 | 5.000 | 85.000 | 90.000 "
        "| na\n"
        "PS1 Status       | 0x1        | discrete   | 0x0100| na | na | na | na | na | na\n"
        "FAN 2            | na         | RPM        | na    | na | na | na | na | na | na\n";
    const auto found = parse_ipmitool_sensors(text);
    REQUIRE(found.size() == 2);
    CHECK(found[0].value == 44.0);
    CHECK(found[0].thresholds[0] == 5.0);  // lower non-critical
    CHECK(found[0].thresholds[1] == 0.0);  // lower critical
    CHECK(found[0].thresholds[3] == 85.0); // upper non-critical
    CHECK_FALSE(found[1].value.has_value());
    feed_noise(text, [](const std::string& broken) {
        SensorBook book;
        static_cast<void>(book.update(parse_ipmitool_sensors(broken)));
    });
}

TEST_CASE("ipmitool's raw answers") {
    backend::RawRequest request;
    request.netfn = 0x30;
    request.command = 0x01;
    request.lun = 2;
    request.data = {0x00, 0xff};
    CHECK(raw_arguments(request) == "-l 2 raw 0x30 0x01 0x00 0xff");
    const auto bytes = parse_raw(0, " 20 81\n 02\n", "");
    REQUIRE(bytes.has_value());
    CHECK(bytes->completion == 0);
    CHECK(bytes->data == std::vector<u8>{0x20, 0x81, 0x02});
    const auto refused = parse_raw(
        1,
        "",
        "Unable to send RAW command (channel=0x0 netfn=0x6 lun=0x0 cmd=0x1 rsp=0xc1): Invalid"
    );
    REQUIRE(refused.has_value());
    CHECK(refused->completion == 0xc1);
    for (const char* text : {" 2", " 200", " xx", "hello", " 20 8"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_raw(0, text, "").has_value());
    }
    for (const char* text :
         {"", "Could not open device at /dev/ipmi0", "rsp=0x", "rsp=0xc11", "rsp=0x0"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_raw(1, "", text).has_value());
    }
}

TEST_CASE("what a machine says of itself") {
    const auto dmi = parse_dmi("/sys/class/dmi/id/sys_vendor:Acme\n"
                               "/sys/class/dmi/id/product_name:To Be Filled By O.E.M.\n"
                               "/sys/class/dmi/id/board_name:X11\x01\n"
                               "/sys/class/dmi/id/product_serial: S 1 \n");
    CHECK(dmi.manufacturer == "Acme");
    CHECK(dmi.product == "X11");
    CHECK(dmi.serial == "S 1");
    CHECK(dmi.asset_tag.empty());
    const std::string id = "0f7e2c1a-1111-4222-8333-444455556666";
    CHECK(parse_boot_id(id + "\n") == id);
    CHECK_FALSE(parse_boot_id("on").has_value());
    CHECK_FALSE(parse_boot_id(id + " and more").has_value());
    CHECK(parse_power_word("Chassis Power is on\n") == PowerState::on);
    CHECK(parse_power_word("shut off\n") == PowerState::off);
    CHECK(parse_power_word("running") == PowerState::on);
    CHECK(parse_power_word("not running") == PowerState::off);
    CHECK(parse_power_word("one moment, soffit") == PowerState::unknown);
    CHECK(parse_chassis_power("Chassis Power is off\n") == PowerState::off);
    CHECK(parse_fru(" Board Product : B\n Product Name          : P\n").product == "P");
}

TEST_CASE("an action's command comes from the options, the helper or the machine") {
    backend::ConfigSchema schema;
    schema.options = command_options();
    const auto commands = [&](std::map<std::string, std::string> given) {
        return Commands(*backend::DriverConfig::check(schema, given));
    };
    CHECK(commands({}).line(Verb::soft) == "systemctl poweroff --no-block");
    CHECK(
        commands({{"sudo", "true"}}).line(Verb::boot_next, "0001") ==
        "sudo -n efibootmgr -q -n 0001"
    );
    CHECK(
        commands({{"helper", "vbmc-hostctl"}}).line(Verb::boot_next, "0001") ==
        "vbmc-hostctl boot-next 0001"
    );
    CHECK(commands({{"helper", "a b"}}).line(Verb::soft) == "'a b' soft");
    CHECK(commands({{"command-soft", "down"}, {"sudo", "true"}}).line(Verb::soft) == "down");
    CHECK(commands({{"command-identify", "led"}}).line(Verb::identify, "1;2") == "led '1;2'");
    CHECK_FALSE(commands({{"command-soft", "none"}}).can(Verb::soft));
    CHECK_FALSE(commands({}).can(Verb::on));
    CHECK_FALSE(commands({}).can(Verb::off));
    CHECK(commands({}).line(Verb::console) == "");
}

TEST_CASE("a host that works another machine is never taken for it") {
    backend::ConfigSchema schema;
    schema.options = command_options();
    const auto commands = [&](std::map<std::string, std::string> given) {
        return Commands(*backend::DriverConfig::check(schema, given));
    };
    const Verb built_in[] = {
        Verb::soft,
        Verb::reset,
        Verb::nmi,
        Verb::boot_list,
        Verb::boot_next,
        Verb::boot_order,
        Verb::boot_forget,
        Verb::setup,
        Verb::sensors,
        Verb::identity,
        Verb::console,
    };
    for (const std::string by : {"command-on", "command-off", "command-status"}) {
        for (const std::string helper : {"", "vbmc-hostctl"}) {
            const Commands own = commands({{by, "virsh it web1"}, {"helper", helper}});
            CAPTURE(by);
            CAPTURE(helper);
            CHECK(own.by_another_host());
            for (const Verb verb : built_in) {
                CAPTURE(word_of(verb));
                CHECK_FALSE(own.can(verb));
            }
            CHECK(own.can(Verb::status) == (by == "command-status"));
        }
        CHECK(commands({{by, "none"}}).can(Verb::soft)); // names no other machine
    }
    const Commands given =
        commands({{"command-on", "wake"}, {"command-soft", "virsh shutdown web1"}});
    CHECK(given.line(Verb::soft) == "virsh shutdown web1");
    CHECK_FALSE(given.can(Verb::reset));
}
