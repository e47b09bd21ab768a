#include "control/call.h"
#include "control/convert.h"
#include "control/services.h"
#include "control/text.h"
#include "fleet/sources.h"
#include "vbmc/v1/discovery.grpc.pb.h"

namespace vbmc::control {

namespace {

using Context = grpc::CallbackServerContext;
using Unary = grpc::ServerUnaryReactor;

std::map<std::string, std::string> to_map(const google::protobuf::Map<std::string, std::string>& in
) {
    return {in.begin(), in.end()};
}

fleet::Selector to_selector(const v1::Selector& in) {
    fleet::Selector selector;
    selector.name = in.name();
    selector.labels = to_map(in.labels());
    return selector;
}

v1::Machine to_proto(const backend::Found& machine) {
    v1::Machine out;
    out.set_id(to_utf8(machine.id));
    out.set_name(to_utf8(machine.name));
    for (const auto& [key, value] : machine.labels) {
        (*out.mutable_labels())[to_utf8(key)] = to_utf8(value);
    }
    for (const auto& [key, value] : machine.options) {
        (*out.mutable_options())[to_utf8(key)] = to_utf8(value);
    }
    out.set_power(control::to_proto(machine.power));
    return out;
}

Error with_option_field(Error error) {
    constexpr std::string_view prefix = "backend.";
    if (error.field.starts_with(prefix)) {
        error.field.erase(0, prefix.size()); // options.NAME
    }
    return error;
}

Awaitable<Result<void>>
discover(Core& core, Caller, const v1::DiscoverRequest& request, v1::DiscoverResponse& response) {
    std::map<std::string, std::string> options = to_map(request.options());
    const auto found = co_await core.fleet.discover(request.kind(), std::move(options));
    if (!found) {
        co_return with_option_field(found.error());
    }
    const fleet::Selector selector = to_selector(request.selector());
    for (const backend::Found& machine : *found) {
        if (selector.fits(machine)) {
            *response.add_machines() = to_proto(machine);
        }
    }
    co_return Result<void>();
}

void set_time(google::protobuf::Timestamp& out, Wall when) {
    const i64 ms = i64{when.time_since_epoch().count()};
    out.set_seconds(ms / 1000);
    out.set_nanos(static_cast<int>(ms % 1000) * 1'000'000);
}

void set_duration(google::protobuf::Duration& out, double seconds) {
    out.set_seconds(static_cast<i64>(seconds));
    out.set_nanos(static_cast<int>((seconds - static_cast<double>(out.seconds())) * 1e9));
}

double seconds_of(const google::protobuf::Duration& duration) {
    return static_cast<double>(duration.seconds()) + duration.nanos() / 1e9;
}

void fill_options(v1::Source& out, const fleet::SourceSpec& spec) {
    const backend::DriverKind* kind = backend::find_kind(spec.kind);
    for (const auto& [name, value] : spec.options) {
        const backend::Option* option = kind == nullptr || kind->discover_schema == nullptr
                                            ? nullptr
                                            : kind->discover_schema->find(name);
        const bool secret = option == nullptr || option->type == backend::OptionType::secret;
        if (secret) {
            out.add_secret_options(to_utf8(name));
        }
        if (!secret || (option != nullptr && backend::is_reference(value))) {
            (*out.mutable_options())[to_utf8(name)] = to_utf8(value);
        }
    }
}

void fill(v1::Registration& out, const fleet::Registration& what) {
    out.set_name_prefix(what.name_prefix);
    out.set_address(what.address);
    for (const auto& [key, value] : what.labels) {
        (*out.mutable_labels())[to_utf8(key)] = to_utf8(value);
    }
    out.set_username(to_utf8(what.username));
    out.set_password_set(!what.password.empty());
    if (backend::is_reference(what.password)) {
        out.set_password(to_utf8(what.password));
    }
}

void fill(v1::SourceStatus& out, const fleet::SourceStatus& status) {
    out.set_machines(status.machines);
    for (const std::string& node : status.nodes) {
        out.add_nodes(node);
    }
    if (status.looked) {
        set_time(*out.mutable_looked(), *status.looked);
    }
    out.set_last_error(to_utf8(status.last_error));
    if (status.next_look) {
        set_time(*out.mutable_next_look(), *status.next_look);
    }
    for (const fleet::SourceCondition& condition : status.conditions) {
        auto& item = *out.add_conditions();
        item.set_machine(to_utf8(condition.machine));
        item.set_reason(condition.reason);
        item.set_message(to_utf8(condition.message));
    }
}

v1::Source to_proto(const fleet::SourceView& view) {
    const fleet::SourceSpec& spec = view.spec;
    v1::Source out;
    out.set_name(spec.name);
    out.set_kind(spec.kind);
    fill_options(out, spec);
    out.mutable_selector()->set_name(to_utf8(spec.selector.name));
    for (const auto& [key, value] : spec.selector.labels) {
        (*out.mutable_selector()->mutable_labels())[to_utf8(key)] = to_utf8(value);
    }
    fill(*out.mutable_registration(), spec.registration);
    set_duration(*out.mutable_interval(), spec.interval_s);
    set_duration(*out.mutable_grace(), spec.grace_s);
    out.set_paused(spec.paused);
    fill(*out.mutable_status(), view.status);
    return out;
}

fleet::SourceSpec to_spec(const v1::Source& in) {
    fleet::SourceSpec spec;
    spec.name = in.name();
    spec.kind = in.kind();
    spec.options = to_map(in.options());
    spec.selector = to_selector(in.selector());
    spec.registration.name_prefix = in.registration().name_prefix();
    spec.registration.address = in.registration().address();
    spec.registration.labels = to_map(in.registration().labels());
    if (!in.registration().username().empty()) {
        spec.registration.username = in.registration().username();
    }
    spec.registration.password = in.registration().password();
    if (in.has_interval()) {
        spec.interval_s = seconds_of(in.interval());
    }
    if (in.has_grace()) {
        spec.grace_s = seconds_of(in.grace());
    }
    spec.paused = in.paused();
    return spec;
}

Error in_source(Error error) {
    error = with_option_field(std::move(error));
    if (!error.field.empty()) {
        error.field.insert(0, "source.");
    }
    return error;
}

Error no_sources() {
    return Error(ErrorCode::unsupported, "this vbmcd keeps no sources");
}

Awaitable<Result<void>> create_source(
    Core& core, Caller caller, const v1::CreateSourceRequest& request, v1::Source& response
) {
    if (core.sources == nullptr) {
        co_return no_sources();
    }
    fleet::SourceSpec spec = to_spec(request.source());
    auto made =
        co_await core.sources->create(std::move(spec), request.validate_only(), caller.identity);
    if (!made) {
        co_return in_source(made.error());
    }
    response = to_proto(*made);
    co_return Result<void>();
}

Awaitable<Result<void>>
get_source(Core& core, Caller, const v1::GetSourceRequest& request, v1::Source& response) {
    if (core.sources == nullptr) {
        co_return no_sources();
    }
    const auto found = core.sources->get(request.name());
    if (!found) {
        co_return found.error();
    }
    response = to_proto(*found);
    co_return Result<void>();
}

Awaitable<Result<void>>
list_sources(Core& core, Caller, const v1::ListSourcesRequest&, v1::ListSourcesResponse& response) {
    if (core.sources != nullptr) {
        for (const fleet::SourceView& source : core.sources->list()) {
            *response.add_sources() = to_proto(source);
        }
    }
    co_return Result<void>();
}

Awaitable<Result<void>> update_source(
    Core& core, Caller caller, const v1::UpdateSourceRequest& request, v1::Source& response
) {
    if (core.sources == nullptr) {
        co_return no_sources();
    }
    fleet::SourceChange change;
    if (request.has_paused()) {
        change.paused = request.paused();
    }
    if (request.has_interval()) {
        change.interval_s = seconds_of(request.interval());
    }
    if (request.has_grace()) {
        change.grace_s = seconds_of(request.grace());
    }
    if (request.has_selector()) {
        change.selector = to_selector(request.selector());
    }
    change.options = to_map(request.options());
    change.look_now = request.look_now();
    auto updated =
        co_await core.sources->update(request.name(), std::move(change), caller.identity);
    if (!updated) {
        co_return with_option_field(updated.error());
    }
    response = to_proto(*updated);
    co_return Result<void>();
}

Awaitable<Result<void>>
delete_source(Core& core, Caller caller, const v1::DeleteSourceRequest& request, google::protobuf::Empty&) {
    if (core.sources == nullptr) {
        co_return no_sources();
    }
    co_return co_await core.sources->remove(
        request.name(), request.remove_nodes(), caller.identity
    );
}

class DiscoveryService final : public v1::DiscoveryService::CallbackService {
  public:
    explicit DiscoveryService(Core& core) : core_(core) {}

    Unary*
    Discover(Context* context, const v1::DiscoverRequest* in, v1::DiscoverResponse* out) override {
        return serve(core_, context, {"Discover", Role::admin, true}, in, out, discover);
    }

    Unary*
    CreateSource(Context* context, const v1::CreateSourceRequest* in, v1::Source* out) override {
        return serve(core_, context, {"CreateSource", Role::admin, true}, in, out, create_source);
    }

    Unary* GetSource(Context* context, const v1::GetSourceRequest* in, v1::Source* out) override {
        return serve(core_, context, {"GetSource", Role::viewer, false}, in, out, get_source);
    }

    Unary* ListSources(
        Context* context, const v1::ListSourcesRequest* in, v1::ListSourcesResponse* out
    ) override {
        return serve(core_, context, {"ListSources", Role::viewer, false}, in, out, list_sources);
    }

    Unary*
    UpdateSource(Context* context, const v1::UpdateSourceRequest* in, v1::Source* out) override {
        return serve(core_, context, {"UpdateSource", Role::admin, true}, in, out, update_source);
    }

    Unary* DeleteSource(
        Context* context, const v1::DeleteSourceRequest* in, google::protobuf::Empty* out
    ) override {
        return serve(core_, context, {"DeleteSource", Role::admin, true}, in, out, delete_source);
    }

  private:
    Core& core_;
};

} // namespace

std::unique_ptr<grpc::Service> make_discovery_service(Core& core) {
    return std::make_unique<DiscoveryService>(core);
}

} // namespace vbmc::control
