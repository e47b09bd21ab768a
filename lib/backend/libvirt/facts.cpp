#include "backend/libvirt/facts.h"

#include "backend/libvirt/text.h"
#include "backend/libvirt/xml.h"
#include "net/clock.h"

#include <algorithm>
#include <array>
#include <utility>

namespace vbmc::backend::libvirt {

namespace {

constexpr u8 sensor_cpu = bmc::sensor_number::first_of_backend;
constexpr u8 sensor_memory = sensor_cpu + 1;
constexpr u8 sensor_first_drive = sensor_cpu + 0x10;
constexpr std::size_t drives_max = 32;
constexpr std::size_t text_bytes_max = 64;

// Drive Slot (IPMI 2.0 table 42-3, type 0Dh).
constexpr u16 drive_present = 1 << 0;
constexpr u16 drive_fault = 1 << 1;

/// Of <sysinfo type='smbios'>: the entry of that name in that block.
std::string smbios(const pugi::xml_node& domain, const char* block, const char* name) {
    for (const pugi::xml_node& info : domain.children("sysinfo")) {
        for (const pugi::xml_node& entry : info.child(block).children("entry")) {
            if (std::string_view(entry.attribute("name").as_string()) == name) {
                return entry.text().as_string();
            }
        }
    }
    return {};
}

/// The first that says anything, as a terminal may show it: it ends up in a client's.
std::string first_of(std::initializer_list<std::string> texts) {
    for (const std::string& text : texts) {
        std::string said = clean(text, text_bytes_max);
        if (!said.empty()) {
            return said;
        }
    }
    return {};
}

std::string maker_of(const pugi::xml_node& domain) {
    const std::string type = domain.attribute("type").as_string();
    return type == "kvm" || type == "qemu" || type == "hvf" ? "QEMU" : type;
}

std::string model_of(const pugi::xml_node& domain) {
    const pugi::xml_node type = domain.child("os").child("type");
    const std::string machine = type.attribute("machine").as_string();
    return machine.empty() ? std::string(type.attribute("arch").as_string()) : machine;
}

bmc::SensorSpec percentage(u8 number, const char* name, u8 entity) {
    bmc::SensorSpec s;
    s.number = number;
    s.name = name;
    s.type = bmc::sensor_type::other_units;
    s.percent = true;
    s.entity_id = entity;
    return s;
}

bmc::SensorSpec drive(u8 number, const std::string& target, u8 instance) {
    bmc::SensorSpec s;
    s.number = number;
    s.name = clean("Drive " + target, 16);
    s.type = bmc::sensor_type::drive_slot;
    s.reading = bmc::reading_type::sensor_specific;
    s.states = drive_present | drive_fault;
    s.needs_power = false;
    s.entity_id = bmc::entity::disk;
    s.entity_instance = instance;
    return s;
}

/// Of what the guest itself says; a guest without a balloon driver says nothing.
std::optional<double> memory_percent(virDomainPtr domain) {
    std::array<virDomainMemoryStatStruct, VIR_DOMAIN_MEMORY_STAT_NR> stats{};
    const int count =
        virDomainMemoryStats(domain, stats.data(), static_cast<unsigned>(stats.size()), 0);
    double available = 0;
    double unused = -1;
    double usable = -1;
    for (int i = 0; i < count; ++i) {
        const auto& stat = stats[static_cast<std::size_t>(i)];
        const auto value = static_cast<double>(stat.val);
        if (stat.tag == VIR_DOMAIN_MEMORY_STAT_AVAILABLE) {
            available = value;
        } else if (stat.tag == VIR_DOMAIN_MEMORY_STAT_UNUSED) {
            unused = value;
        } else if (stat.tag == VIR_DOMAIN_MEMORY_STAT_USABLE) {
            usable = value;
        }
    }
    const double left = usable >= 0 ? usable : unused; // usable counts caches that can be dropped
    if (available <= 0 || left < 0) {
        return std::nullopt;
    }
    return std::clamp(100.0 * (available - left) / available, 0.0, 100.0);
}

std::vector<std::string> faulty_drives(virDomainPtr domain) {
    std::array<virDomainDiskError, drives_max> errors{};
    const int count =
        virDomainGetDiskErrors(domain, errors.data(), static_cast<unsigned>(errors.size()), 0);
    std::vector<std::string> faulty;
    for (int i = 0; i < count; ++i) {
        virDomainDiskError& error = errors[static_cast<std::size_t>(i)];
        faulty.push_back(take_text(error.disk));
    }
    return faulty;
}

} // namespace

Result<Facts> facts_of(std::string_view xml) {
    const auto document = parse_domain(xml);
    if (document.has_error()) {
        return document.error();
    }
    const pugi::xml_node domain = (*document)->child("domain");
    Facts facts;
    facts.identity.manufacturer =
        first_of({smbios(domain, "system", "manufacturer"), maker_of(domain)});
    facts.identity.product = first_of({smbios(domain, "system", "product"), model_of(domain)});
    facts.identity.serial =
        first_of({smbios(domain, "system", "serial"), domain.child("uuid").text().as_string()});
    facts.identity.asset_tag = first_of(
        {smbios(domain, "chassis", "asset"),
         smbios(domain, "baseBoard", "asset"),
         domain.child("name").text().as_string()}
    );
    for (const pugi::xml_node& device : devices_of(domain)) {
        const std::string kind = disk_class(device);
        if ((kind == "disk" || kind == "lun") && facts.drives.size() < drives_max) {
            facts.drives.emplace_back(device.child("target").attribute("dev").as_string());
        }
    }
    return facts;
}

Result<Facts> read_facts(virConnectPtr connection, const Whom& whom) {
    const auto domain = find_domain(connection, whom);
    if (domain.has_error()) {
        return domain.error();
    }
    const bool persistent = virDomainIsPersistent(domain->get()) == 1;
    const auto xml =
        persistent ? definition_of(domain->get(), whom) : running_xml(domain->get(), whom);
    if (xml.has_error()) {
        return xml.error();
    }
    auto facts = facts_of(*xml);
    if (facts.has_value() && persistent) {
        const auto stale = is_boot_stale(domain->get(), whom, *xml);
        facts->boot_is_stale = stale.has_value() && *stale;
    }
    return facts;
}

Result<Load> read_load(virConnectPtr connection, const Whom& whom) {
    const auto domain = find_domain(connection, whom);
    if (domain.has_error()) {
        return domain.error();
    }
    virDomainInfo info{};
    if (virDomainGetInfo(domain->get(), &info) != 0) {
        return fault(whom, "read how it does");
    }
    Load load;
    load.at = net::now().mono;
    load.running = virDomainIsActive(domain->get()) == 1;
    load.cpu_ns = info.cpuTime;
    load.cpus = info.nrVirtCpu;
    if (load.running) {
        load.memory_percent = memory_percent(domain->get());
        load.faulty = faulty_drives(domain->get());
    }
    return load;
}

std::shared_ptr<const bmc::SensorSet>
make_sensors(Commons* commons, const std::vector<std::string>& drives) {
    const std::function<std::shared_ptr<bmc::SensorSet>()> make = [&] {
        auto set = std::make_shared<bmc::SensorSet>();
        set->sensors = {
            percentage(sensor_cpu, "CPU Usage", bmc::entity::processor),
            percentage(sensor_memory, "Memory Used", bmc::entity::memory_device)};
        u8 instance = 0;
        for (const std::string& target : drives) {
            set->sensors.push_back(
                drive(static_cast<u8>(sensor_first_drive + instance), target, instance + 1)
            );
            ++instance;
        }
        return set;
    };
    std::string key = "libvirt sensors";
    for (const std::string& target : drives) {
        key += " " + std::to_string(target.size()) + ":" + target;
    }
    return commons != nullptr ? commons->share<bmc::SensorSet>(key, make) : make();
}

std::vector<bmc::SensorReading> readings_of(
    const std::vector<std::string>& drives, const std::optional<Load>& before, const Load& now
) {
    std::vector<bmc::SensorReading> all;
    bmc::SensorReading cpu{sensor_cpu, false, 0};
    if (now.running && before && before->running && now.cpus > 0 && now.at > before->at &&
        now.cpu_ns >= before->cpu_ns) {
        const auto used = static_cast<double>(now.cpu_ns - before->cpu_ns);
        const auto passed = static_cast<double>((now.at - before->at).count()) * now.cpus;
        cpu.available = true;
        cpu.value = std::clamp(100.0 * used / passed, 0.0, 100.0);
    }
    all.push_back(cpu);
    all.push_back({sensor_memory, now.memory_percent.has_value(), now.memory_percent.value_or(0)});
    u8 number = sensor_first_drive;
    for (const std::string& target : drives) {
        const bool faulty =
            std::find(now.faulty.begin(), now.faulty.end(), target) != now.faulty.end();
        const int states = drive_present | (faulty ? drive_fault : 0);
        all.push_back({number++, true, static_cast<double>(states)});
    }
    return all;
}

} // namespace vbmc::backend::libvirt
