#include "backend/metal/metal.h"
#include "backend/metal/options.h"

#include <utility>

namespace vbmc::backend::metal {

namespace {

Found found(Record record) {
    Found machine;
    machine.id = record.id;
    machine.name = record.name.empty() ? record.id : record.name;
    machine.labels = std::move(record.tags);
    const std::pair<const char*, std::string*> known[] = {
        {"state", &record.word},
        {"plan", &record.product},
        {"place", &record.place},
        {"project", &record.project},
    };
    for (const auto& [name, value] : known) {
        if (!value->empty()) {
            machine.labels.emplace(name, std::move(*value)); // a tag of that name goes before
        }
    }
    machine.options["uuid"] = std::move(record.id);
    machine.power = record.power;
    return machine;
}

} // namespace

Awaitable<Result<std::vector<Found>>>
discover(const DriverContext& context, DriverConfig config, Mono deadline) {
    Result<void> ok = check_options(config);
    if (ok.has_error()) {
        co_return std::move(ok).error();
    }
    const Provider& provider = provider_of(config);
    const std::string project = config.text("project");
    if (project.empty() && provider.list.find("{project}") != std::string_view::npos) {
        co_return Error(ErrorCode::invalid_argument, "option 'project' is required")
            .with_field("backend.options.project")
            .with_hint(std::string(provider.title) + " lists machines by project");
    }
    Result<std::shared_ptr<Account>> account = account_of(context, config);
    if (account.has_error()) {
        co_return std::move(account).error();
    }
    auto records = co_await (*account)->list(project, deadline);
    if (records.has_error()) {
        co_return std::move(records).error();
    }
    std::vector<Found> machines;
    for (Record& record : *records) {
        machines.push_back(found(std::move(record)));
    }
    co_return machines;
}

} // namespace vbmc::backend::metal
