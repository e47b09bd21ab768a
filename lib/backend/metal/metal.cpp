#include "backend/metal/metal.h"

#include "backend/metal/options.h"
#include "net/sleep.h"

#include <algorithm>
#include <utility>

namespace vbmc::backend::metal {

namespace {

using bmc::PowerAction;
using bmc::PowerState;

constexpr Duration answer_before = std::chrono::milliseconds(100); // with our own words, not late
constexpr Duration health_for = std::chrono::seconds(30);
constexpr Duration power_takes = std::chrono::minutes(10); // a server's firmware checks itself
constexpr Duration action_patience = std::chrono::seconds(5);
constexpr Duration action_gap = std::chrono::milliseconds(200);
constexpr Duration action_gap_max = std::chrono::seconds(1);
constexpr u8 health_sensor = bmc::sensor_number::first_of_backend;
constexpr u8 event_sensor = health_sensor + 1;

// Offsets of the severity states (IPMI 2.0 table 42-2, type 07h).
constexpr u16 severity_ok = 1U << 0;
constexpr u16 severity_non_critical = 1U << 1;
constexpr u16 severity_critical = 1U << 2;

// Offsets of a System Event (IPMI 2.0 table 42-3, type 12h).
constexpr u8 system_reconfigured = 0x00;
constexpr u8 undetermined_failure = 0x02;
constexpr u8 auxiliary_log_entry = 0xc3; // the second byte says which log: entry added, OEM 1
constexpr u8 entry_added = 0x01;

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

/// A cloud's event as a SEL record; its id is given by the log that takes it.
ByteArray<16> sel_record(const CloudEvent& event, Wall now) {
    ByteArray<16> record{};
    record[2] = 0x02; // system event record (IPMI 2.0 §32.1)
    const auto since = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
    const auto seconds = static_cast<u32>(since.count());
    for (std::size_t i = 0; i < 4; ++i) {
        record[3 + i] = static_cast<u8>(seconds >> (8 * i));
    }
    record[7] = 0x20; // from the BMC
    record[9] = 0x04; // event message format of IPMI 2.0
    record[10] = bmc::sensor_type::system_event;
    record[11] = event_sensor;
    record[12] = bmc::reading_type::sensor_specific;
    record[13] = auxiliary_log_entry;
    record[14] = entry_added;
    record[15] = 0xff;
    const bool failed = event.state == "failed" || contains(event.type, "fail");
    if (failed || contains(event.type, "provision") || contains(event.type, "reinstall")) {
        record[13] = failed ? undetermined_failure : system_reconfigured;
        record[14] = 0xff;
    }
    return record;
}

std::shared_ptr<const bmc::SensorSet> health_set() {
    static const auto shared = [] {
        auto set = std::make_shared<bmc::SensorSet>();
        bmc::SensorSpec s;
        s.number = health_sensor;
        s.name = "Health";
        s.type = bmc::sensor_type::system_event;
        s.reading = bmc::reading_type::severity;
        s.states = severity_ok | severity_non_critical | severity_critical;
        s.needs_power = false;
        bmc::SensorSpec events;
        events.number = event_sensor;
        events.name = "Cloud Events";
        events.type = bmc::sensor_type::system_event;
        events.reading = bmc::reading_type::sensor_specific;
        events.states = 0x0d;
        events.event_only = true;
        events.needs_power = false;
        set->sensors = {s, events};
        return std::shared_ptr<const bmc::SensorSet>(std::move(set));
    }();
    return shared;
}

Duration duration_of(const DriverConfig& config, std::string_view name) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(config.seconds(name))
    );
}

std::string_view words(PowerAction action) {
    switch (action) {
    case PowerAction::on:
        return "power on";
    case PowerAction::off:
        return "power off";
    case PowerAction::reset:
    case PowerAction::cycle:
        return "reboot";
    case PowerAction::soft:
        return "shutdown";
    case PowerAction::diag:
        return "diagnostic interrupt";
    }
    return "power";
}

class MetalDriver final : public Driver {
  public:
    MetalDriver(const DriverContext& context, const DriverConfig& config)
        : context_(context), config_(config), provider_(provider_of(config)),
          id_(machine_of(config)), project_(config.text("project")),
          event_gap_(duration_of(config, "event-interval")),
          as_told_(config.boolean("state-as-told")),
          wants_project_(provider_.list.find("{project}") != std::string_view::npos) {}

    bmc::Capabilities capabilities() const override {
        bmc::Capabilities c;
        c.reset = provider_.reset.exists();
        c.soft = provider_.soft.exists();
        c.nmi = false;
        c.boot = provider_.boot_network.exists();
        c.media = provider_.insert.exists();
        c.sensors = !provider_.health.empty();
        return c;
    }

    std::string host() const override {
        const auto url =
            net::Url::parse(config_.has("url") ? config_.text("url") : std::string(provider_.url));
        return url.has_value() ? url->authority() : std::string{};
    }

    Duration follow_limit() const override { return power_takes; }

    bool tells_power() const override { return provider_.tells_power || as_told_; }

    Duration boot_settle_time() const override { return duration_of(config_, "boot-settle"); }

    Awaitable<Result<PowerState>> power_state(Mono deadline) override;
    Awaitable<Result<void>> set_power(PowerAction action, Mono deadline) override;
    Awaitable<Result<void>> set_boot(bmc::BootRequest boot, Mono deadline) override;
    Awaitable<Result<std::vector<bmc::SensorReading>>> sensors(Mono deadline) override;
    Awaitable<Result<bmc::IdentitySeen>> identity(Mono deadline) override;
    Awaitable<Result<void>> insert_media(Media media, Mono deadline) override;
    Awaitable<Result<void>> eject_media(Mono deadline) override;

    std::shared_ptr<const bmc::SensorSet> sensor_set() const override {
        return provider_.health.empty() ? nullptr : health_set();
    }

    void on_change(std::function<void(const bmc::Observation&)> sink) override {
        change_ = std::move(sink);
    }

  private:
    Mono now() const { return context_.now().mono; }

    /// The account of the token as it is now; joins its shared listing when there is one to join.
    Result<std::shared_ptr<Account>> account();
    Awaitable<Result<net::HttpResponse>>
    call(Call what, Places places, std::string doing, Mono deadline);
    Awaitable<Result<void>> command(Call what, Places places, std::string doing, Mono deadline);
    Awaitable<Result<void>> see_through(std::string reply, std::string doing, Mono deadline);
    Awaitable<bool> is_already(PowerState wanted, Mono deadline);
    void learn(const Record& record);
    void overheard(const Sighting& seen);
    void happened(const CloudEvent& event);
    PowerState power_of(const Record& record) const;

    DriverContext context_;
    DriverConfig config_;
    const Provider& provider_;
    std::string id_;
    std::string project_; // as given, or as the API told
    Duration event_gap_;
    bool as_told_; // the operator wants what was told for the truth
    bool wants_project_;
    std::shared_ptr<Account> account_;
    std::shared_ptr<void> watch_;
    std::function<void(const bmc::Observation&)> change_;
    Mono settled_at_ = Mono::min(); // the last action ended: what was asked before is old
    bool acting_ = false;
    PowerState told_ = PowerState::unknown; // by us, where the API does not say
    std::optional<Record> known_;
    std::string health_;
    Mono health_at_ = Mono::min();
};

Result<std::shared_ptr<Account>> MetalDriver::account() {
    auto current = account_of(context_, config_);
    if (current.has_error()) {
        return current;
    }
    if (*current != account_) {
        account_ = *current;
        watch_.reset();
    }
    if (!watch_ && provider_.list_tells_power && (!wants_project_ || !project_.empty())) {
        // The account may outlive this driver by a call; the handle ends with the driver.
        Account::Watcher watcher;
        watcher.seen = [this](const Sighting& seen) { overheard(seen); };
        watcher.happened = [this](const CloudEvent& event) { happened(event); };
        const std::string project = wants_project_ ? project_ : std::string{};
        watch_ = account_->watch(id_, project, std::move(watcher));
    }
    return current;
}

void MetalDriver::learn(const Record& record) {
    if (!record.project.empty() && project_.empty() && wants_project_) {
        project_ = record.project;
    }
    if (!known_ || !record.name.empty()) {
        known_ = record;
    }
}

/// A listing that another node asked for told of this machine, too.
void MetalDriver::overheard(const Sighting& seen) {
    if (acting_ || seen.asked_at <= settled_at_) {
        return;
    }
    learn(seen.record);
    const PowerState power = power_of(seen.record);
    if (change_ && power != PowerState::unknown) {
        const bmc::Observation what = bmc::PowerSeen{power, false};
        const auto sink = change_;
        sink(what);
    }
}

/// Something that the cloud did with the machine becomes an entry of its event log.
void MetalDriver::happened(const CloudEvent& event) {
    if (!change_) {
        return;
    }
    bmc::SelSeen log;
    log.records.push_back(sel_record(event, context_.now().wall));
    const bmc::Observation what = std::move(log);
    const auto sink = change_;
    sink(what);
}

PowerState MetalDriver::power_of(const Record& record) const {
    if (provider_.tells_power) {
        return record.power;
    }
    return as_told_ && record.word == "active" ? told_ : PowerState::unknown;
}

Awaitable<Result<net::HttpResponse>>
MetalDriver::call(Call what, Places places, std::string doing, Mono deadline) {
    auto current = account();
    if (current.has_error()) {
        co_return std::move(current).error();
    }
    const std::shared_ptr<Account> held = *current;
    const Subject subject{provider_, id_, std::move(doing)};
    places.emplace("id", id_);
    places.emplace("project", project_);
    const Mono until = deadline - answer_before;
    Result<net::HttpResponse> response =
        co_await held->call(what, std::move(places), subject, until);
    co_return response;
}

Awaitable<Result<void>>
MetalDriver::command(Call what, Places places, std::string doing, Mono deadline) {
    if (!what.exists()) {
        co_return Error(ErrorCode::unsupported, std::string(provider_.title) + " has no " + doing)
            .with_hint("route it to another target of the node");
    }
    Result<net::HttpResponse> response = co_await call(what, std::move(places), doing, deadline);
    if (response.has_error()) {
        co_return std::move(response).error();
    }
    if (provider_.progress.empty()) {
        co_return Result<void>();
    }
    std::string reply = std::move(response->body);
    Result<void> done = co_await see_through(std::move(reply), std::move(doing), deadline);
    co_return done;
}

/// The cloud has taken the action; that it fails is known a moment later. What takes longer is left
/// to be seen by its effect.
Awaitable<Result<void>>
MetalDriver::see_through(std::string reply, std::string doing, Mono deadline) {
    const Mono until = std::min(deadline - answer_before, now() + action_patience);
    Progress progress = read_progress(reply);
    Duration gap = action_gap;
    while (progress.runs && !progress.id.empty() && now() + gap < until) {
        const Mono next = now() + gap;
        co_await net::sleep_until(context_.timers, next);
        gap = std::min(gap * 2, action_gap_max);
        const Call ask{net::HttpMethod::get, provider_.progress, {}};
        Places places;
        places.emplace("action", progress.id);
        Result<net::HttpResponse> response = co_await call(ask, std::move(places), doing, deadline);
        if (response.has_error()) {
            break; // it was taken, whatever this says
        }
        progress = read_progress(response->body);
    }
    if (progress.failure.empty()) {
        co_return Result<void>();
    }
    co_return Error(
        ErrorCode::internal,
        "BACKEND_ACTION_FAILED",
        std::string(provider_.title) + " took it but failed, " + doing + " of " + id_ + ": " +
            progress.failure
    )
        .with_hint("the cloud's console shows its actions; try again");
}

Awaitable<Result<PowerState>> MetalDriver::power_state(Mono deadline) {
    auto current = account();
    if (current.has_error()) {
        co_return std::move(current).error();
    }
    const std::shared_ptr<Account> held = *current;
    const std::string project = wants_project_ ? project_ : std::string{};
    const Mono until = deadline - answer_before;
    Result<Sighting> seen = co_await held->look(id_, project, settled_at_, until);
    if (seen.has_error()) {
        co_return std::move(seen).error();
    }
    learn(seen->record);
    if (event_gap_ > Duration::zero()) {
        held->look_at_events(project, event_gap_);
    }
    co_return power_of(seen->record);
}

Awaitable<Result<void>> MetalDriver::set_power(PowerAction action, Mono deadline) {
    Call what;
    switch (action) {
    case PowerAction::on:
        what = provider_.on;
        break;
    case PowerAction::off:
        what = provider_.off;
        break;
    case PowerAction::reset:
        what = provider_.reset;
        break;
    case PowerAction::soft:
        what = provider_.soft;
        break;
    case PowerAction::cycle: // the worker's: off and on
    case PowerAction::diag:
        break;
    }
    acting_ = true;
    std::string doing(words(action));
    Places places;
    Result<void> done = co_await command(what, std::move(places), std::move(doing), deadline);
    const bool refused = done.has_error() && done.error().code == ErrorCode::failed_precondition;
    if (refused && (action == PowerAction::on || action == PowerAction::off)) {
        const auto wanted = action == PowerAction::on ? PowerState::on : PowerState::off;
        if (co_await is_already(wanted, deadline)) {
            done = Result<void>(); // some refuse what is so already
        }
    }
    acting_ = false;
    settled_at_ = now();
    if (done.has_value() && action != PowerAction::soft) {
        told_ = action == PowerAction::off ? PowerState::off : PowerState::on;
    }
    co_return done;
}

Awaitable<bool> MetalDriver::is_already(PowerState wanted, Mono deadline) {
    if (!provider_.tells_power) {
        co_return as_told_&& told_ == wanted;
    }
    const Call what{net::HttpMethod::get, provider_.get, {}};
    std::string doing = "the state";
    Places places;
    Result<net::HttpResponse> response =
        co_await call(what, std::move(places), std::move(doing), deadline);
    if (response.has_error()) {
        co_return false;
    }
    const Result<Record> record = read_record(provider_, response->body);
    const bool on_its_way =
        record.has_value() && record->power == PowerState::changing && wanted == PowerState::on;
    co_return on_its_way || (record.has_value() && record->power == wanted);
}

Awaitable<Result<void>> MetalDriver::set_boot(bmc::BootRequest boot, Mono deadline) {
    Places places;
    Call what;
    std::string doing = "boot from that device";
    switch (boot.device) {
    case bmc::BootDevice::pxe:
        what = config_.has("ipxe-url") ? provider_.boot_network_url : provider_.boot_network;
        places.emplace("url", config_.text("ipxe-url"));
        doing = "boot from the network";
        break;
    case bmc::BootDevice::none:
    case bmc::BootDevice::disk:
    case bmc::BootDevice::disk_safe:
        what = provider_.boot_disk;
        doing = "boot from disk";
        break;
    default:
        break;
    }
    Result<void> done = co_await command(what, std::move(places), std::move(doing), deadline);
    co_return done;
}

Awaitable<Result<std::vector<bmc::SensorReading>>> MetalDriver::sensors(Mono deadline) {
    if (provider_.health.empty()) {
        co_return Error(ErrorCode::unsupported, std::string(provider_.title) + " has no sensors");
    }
    if (health_at_ == Mono::min() || now() - health_at_ >= health_for) {
        const Call what{net::HttpMethod::get, provider_.health, {}};
        std::string doing = "the health";
        Places places;
        Result<net::HttpResponse> response =
            co_await call(what, std::move(places), std::move(doing), deadline);
        const bool has_none =
            response.has_error() &&
            response.error().code == ErrorCode::not_found; // an older installation
        if (response.has_error() && !has_none) {
            co_return std::move(response).error();
        }
        health_ = has_none ? "" : read_word(response->body, provider_.health_field);
        health_at_ = now();
    }
    const u16 state = health_ == "ok"         ? severity_ok
                      : health_ == "warning"  ? severity_non_critical
                      : health_ == "critical" ? severity_critical
                                              : 0;
    std::vector<bmc::SensorReading> all;
    all.push_back({health_sensor, state != 0, static_cast<double>(state)});
    co_return all;
}

Awaitable<Result<bmc::IdentitySeen>> MetalDriver::identity(Mono deadline) {
    if (!known_ || known_->name.empty()) { // a look has told it already, mostly
        const std::string_view path =
            provider_.identity.empty() ? provider_.get : provider_.identity;
        const Call what{net::HttpMethod::get, path, {}};
        std::string doing = "the description";
        Places places;
        Result<net::HttpResponse> response =
            co_await call(what, std::move(places), std::move(doing), deadline);
        if (response.has_error()) {
            co_return std::move(response).error();
        }
        Result<Record> record = read_record(provider_, response->body);
        if (record.has_error()) {
            co_return std::move(record).error();
        }
        learn(*record);
        known_ = std::move(*record);
    }
    bmc::IdentitySeen seen;
    seen.manufacturer = provider_.title;
    seen.product = known_->product;
    seen.serial = known_->serial.empty() ? id_ : known_->serial;
    seen.asset_tag = known_->name;
    co_return seen;
}

Awaitable<Result<void>> MetalDriver::insert_media(Media media, Mono deadline) {
    if (provider_.image_is_url && net::Url::parse(media.image).has_error()) {
        co_return Error(
            ErrorCode::invalid_argument, "the medium is no http or https URL of an iPXE script"
        )
            .with_hint(std::string(provider_.title) + " boots a medium by iPXE: give such a URL");
    }
    Places places;
    places.emplace("image", media.image);
    std::string doing = "virtual media";
    Result<void> done =
        co_await command(provider_.insert, std::move(places), std::move(doing), deadline);
    co_return done;
}

Awaitable<Result<void>> MetalDriver::eject_media(Mono deadline) {
    std::string doing = "virtual media";
    Places places;
    Result<void> done =
        co_await command(provider_.eject, std::move(places), std::move(doing), deadline);
    co_return done;
}

Result<std::unique_ptr<Driver>> create(const DriverContext& context, const DriverConfig& config) {
    if (Result<void> ok = check_options(config); ok.has_error()) {
        return std::move(ok).error();
    }
    if (machine_of(config).empty()) {
        return Error(ErrorCode::invalid_argument, "option 'uuid' is required")
            .with_field("backend.options.uuid")
            .with_hint("the machine's id as its cloud shows it; `vbmcctl discover` lists them");
    }
    return std::unique_ptr<Driver>(std::make_unique<MetalDriver>(context, config));
}

} // namespace

const DriverKind kind = {
    "metal",
    "Equinix Metal's API and other clouds' machines",
    node_schema(),
    create,
    nullptr, // some providers have some: Driver::sensor_set()
    discover,
    &discover_schema(),
};

} // namespace vbmc::backend::metal
