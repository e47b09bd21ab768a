#include "support/node_maker.h"

#include "bmc/sensor_set.h"

namespace vbmc::test {

namespace {

std::shared_ptr<const bmc::SensorSet> backend_sensors() {
    bmc::SensorSpec temperature;
    temperature.number = bmc::sensor_number::first_of_backend;
    temperature.name = "CPU Temp";
    temperature.type = bmc::sensor_type::temperature;
    temperature.unit = bmc::SensorUnit::degrees_c;
    temperature.thresholds[static_cast<std::size_t>(bmc::Threshold::upper_critical)] = 90.0;
    bmc::SensorSpec fan;
    fan.number = bmc::sensor_number::first_of_backend + 1;
    fan.name = "Fan 1";
    fan.type = bmc::sensor_type::fan;
    fan.unit = bmc::SensorUnit::rpm;
    fan.linear.m = 50;
    fan.thresholds[static_cast<std::size_t>(bmc::Threshold::lower_critical)] = 500.0;
    auto set = std::make_shared<bmc::SensorSet>();
    set->sensors = {temperature, fan};
    return set;
}

} // namespace

bmc::Config node_config(u8 number) {
    bmc::Config config;
    config.name = "node" + std::to_string(number);
    for (u8 i = 0; i < 16; ++i) {
        config.guid[i] = static_cast<u8>(0xa0 + i);
    }
    config.guid[0] = number;
    config.address = {IpAddress::v4(127, 0, 1, number), 623};
    config.mac = {2, 0, 0, 0, 0, number};
    config.capabilities.media = true;
    config.capabilities.console = true;
    config.capabilities.sensors = true;
    config.capabilities.identify = true;
    static const std::shared_ptr<const bmc::SensorSet> sensors = backend_sensors();
    config.sensors = sensors;
    return config;
}

Bytes as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const u8*>(text.data()), text.size()};
}

bmc::User make_user(u8 id, std::string_view name, std::string_view password, bmc::Privilege limit) {
    bmc::User user;
    user.id = id;
    user.name.assign(name);
    user.password = bmc::Key20(as_bytes(password));
    user.enabled = true;
    user.messaging = true;
    user.limit = limit;
    return user;
}

void put_user(endpoint::VirtualBmc& node, const bmc::User& user) {
    node.model().users.set(user);
    node.users_changed();
}

} // namespace vbmc::test
