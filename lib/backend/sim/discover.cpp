#include "backend/sim/discover.h"

#include "net/sleep.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace vbmc::backend::sim {

namespace {

using Json = nlohmann::json;

constexpr std::size_t machines_max = 10'000;
constexpr std::size_t text_max = 256;

Error bad_inventory(std::string message) {
    return Error(ErrorCode::failed_precondition, "BAD_INVENTORY", std::move(message))
        .with_field("backend.options.inventory")
        .with_hint(R"(it looks like [{"id": "1", "name": "web-1", "labels": {"role": "web"}}])");
}

std::string text_of(const Json& object, const char* key) {
    const auto at = object.find(key);
    return at != object.end() && at->is_string() ? at->get<std::string>().substr(0, text_max)
                                                 : std::string();
}

Result<Found> read_machine(const Json& object) {
    Found machine;
    machine.id = text_of(object, "id");
    machine.name = text_of(object, "name");
    if (machine.id.empty() || machine.name.empty()) {
        return bad_inventory("a machine of the inventory has no id or no name");
    }
    const auto labels = object.find("labels");
    if (labels != object.end() && labels->is_object()) {
        for (const auto& [key, value] : labels->items()) {
            if (value.is_string()) {
                machine.labels[key.substr(0, text_max)] =
                    value.get<std::string>().substr(0, text_max);
            }
        }
    }
    machine.options["machine"] = machine.id;
    const std::string power = text_of(object, "power");
    machine.options["initial-power"] = power == "on" ? "on" : "off";
    machine.power = power == "on" ? bmc::PowerState::on : bmc::PowerState::off;
    return machine;
}

} // namespace

const ConfigSchema& discover_schema() {
    static const ConfigSchema instance = {{
        {"inventory",
         OptionType::secret, // so that it may be a file:, which is read at each look
         true,
         "",
         "the machines that there are, as JSON; file:PATH for a list that changes"},
        {"latency", OptionType::duration, false, "0s", "looking takes this long"},
        {"speed", OptionType::number, false, "1", "how many times faster than a real machine"},
    }};
    return instance;
}

Result<std::vector<Found>> read_inventory(std::string_view text) {
    const Json all = Json::parse(text, nullptr, false);
    if (!all.is_array()) {
        return bad_inventory("the inventory is no list in JSON");
    }
    if (all.size() > machines_max) {
        return bad_inventory(
            "the inventory has more than " + std::to_string(machines_max) + " machines"
        );
    }
    std::vector<Found> machines;
    for (const Json& object : all) {
        auto machine =
            object.is_object() ? read_machine(object) : bad_inventory("a machine is no object");
        if (machine.has_error()) {
            return machine.error();
        }
        machines.push_back(std::move(*machine));
    }
    return machines;
}

Awaitable<Result<std::vector<Found>>>
discover(const DriverContext& context, DriverConfig config, Mono deadline) {
    const Result<Secret> inventory = config.secret("inventory");
    if (inventory.has_error()) {
        co_return inventory.error();
    }
    const auto latency =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(config.seconds("latency")
        ));
    if (latency.count() > 0) {
        const Mono until = std::min(context.now().mono + latency, deadline);
        co_await net::sleep_until(context.timers, until);
    }
    if (context.now().mono >= deadline) {
        co_return Error(ErrorCode::deadline_exceeded, "looking for machines took too long");
    }
    co_return read_inventory(inventory->reveal());
}

} // namespace vbmc::backend::sim
