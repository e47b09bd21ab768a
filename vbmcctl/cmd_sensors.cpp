#include "vbmcctl/commands.h"
#include "vbmcctl/fan_out.h"

#include <cmath>

namespace vbmc::ctl {

namespace {

struct Args {
    SelectionArgs selection;
};

Style sensor_style(const std::string& state) {
    if (state == "ok") {
        return Style::good;
    }
    if (state == "cr" || state == "nr") {
        return Style::bad;
    }
    return state == "nc" ? Style::warning : Style::plain;
}

Json sensor_row(const std::string& node, const api::Sensor& sensor) {
    Json row = {
        {"node", node},
        {"number", sensor.number()},
        {"name", sensor.name()},
        {"type", sensor.type()}};
    // Readings have 8 bits: more digits would be noise of the conversion.
    row["value"] = sensor.has_value() ? Json(std::round(sensor.value() * 1000) / 1000) : Json();
    row["unit"] = sensor.unit();
    row["state"] = sensor.state();
    return row;
}

ExitCode run_sensors(Cli& cli, Args& args) {
    const auto answers =
        fan_out(cli, args.selection, &api::SensorService::Stub::AsyncListSensors, "sensors");
    if (!answers) {
        return cli.fail(answers.error());
    }
    Listing listing;
    listing.columns = {
        column("name", "SENSOR", "name"),
        column("value", "VALUE", "value", false, true),
        column("unit", "UNIT", "unit"),
        column("state", "STATE", "state"),
        column("type", "TYPE", "type"),
        column("number", "NUMBER", "number", true, true),
    };
    listing.columns[3].style = sensor_style;
    show_node_column(listing, answers->names.size());
    for (std::size_t i = 0; i < answers->names.size(); ++i) {
        if (answers->answers[i]) {
            for (const api::Sensor& sensor : answers->answers[i]->sensors()) {
                listing.rows.push_back(sensor_row(answers->names[i], sensor));
            }
        }
    }
    const ExitCode failed = report_failures(cli, answers->items);
    if (listing.rows.empty() && failed != ExitCode::ok) {
        return failed;
    }
    const ExitCode printed = cli.print(std::move(listing));
    return printed == ExitCode::ok ? failed : printed;
}

void define(CLI::App& command, Args& args) {
    add_selection(command, args.selection);
}

} // namespace

void add_sensors_command(Cli& cli) {
    cli.command<Args>(cli.app(), "sensors", "Read sensors", define, run_sensors)
        ->group("Machines")
        ->footer("Examples:\n  vbmcctl sensors n1\n  vbmcctl sensors --all --sort -value");
}

} // namespace vbmc::ctl
