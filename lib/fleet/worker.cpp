#include "fleet/worker.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace vbmc::fleet {

using bmc::Outcome;

namespace {

constexpr Duration pause_after_fault = std::chrono::seconds(1);

} // namespace

bmc::Outcome outcome_of(const Error& error) noexcept {
    if (error.reason == "CREDENTIAL_UNUSABLE") {
        return bmc::Outcome::failed; // nothing is wrong with the machine's state
    }
    switch (error.code) {
    case ErrorCode::unsupported:
        return bmc::Outcome::unsupported;
    case ErrorCode::failed_precondition:
        return bmc::Outcome::invalid_state;
    case ErrorCode::resource_exhausted:
        return bmc::Outcome::busy;
    case ErrorCode::unavailable:
    case ErrorCode::deadline_exceeded:
    case ErrorCode::aborted:
        return bmc::Outcome::unreachable;
    default:
        return bmc::Outcome::failed;
    }
}

bool is_silence(const Error& error) noexcept {
    return outcome_of(error) == bmc::Outcome::unreachable;
}

NodeWorker::NodeWorker(
    std::shared_ptr<const Place> place,
    WorkerHost& host,
    Routes routes,
    std::shared_ptr<const WorkerLimits> limits,
    u32 seed
)
    : place_(std::move(place)), host_(&host), routes_(std::move(routes)),
      limits_(std::move(limits)),
      timer_(
          place_->timers, [](void* self) { static_cast<NodeWorker*>(self)->kick(); }, this
      ),
      random_(seed | 1) {
    bool gated = false;
    for (const auto& driver : routes_.drivers()) {
        gates_.push_back(place_->gates.get(driver->host()));
        gated = gated || gates_.back() != nullptr;
    }
    if (!gated) {
        gates_ = std::vector<std::shared_ptr<HostGate>>(); // with its room
    }
    pushes_ = routes_.to(Route::power)->capabilities().pushes_power;
}

NodeWorker::~NodeWorker() = default;

void NodeWorker::start(const bmc::BootRequest& standing, Mono first_look) {
    standing_ = standing;
    std::weak_ptr<NodeWorker> weak = weak_from_this();
    for (const auto& driver : routes_.drivers()) {
        driver->on_change([weak](const bmc::Observation& what) {
            const auto self = weak.lock();
            if (self && self->host_ != nullptr) {
                self->guarded([&] { self->pushed(what); });
                self->kick();
            }
        });
    }
    schedule_sensor_poll();
    look_at_ = std::max(now(), first_look);
    if (look_at_ > now()) {
        timer_.arm(look_at_);
    } else {
        kick();
    }
}

/// The driver tells by itself.
void NodeWorker::pushed(const bmc::Observation& what) {
    if (const auto* power = std::get_if<bmc::PowerSeen>(&what)) {
        if (!reachable_) { // it is back: so says a call, too
            look_at_ = now();
        }
        seen(*power);
        return;
    }
    if (std::holds_alternative<bmc::Unreachable>(what)) {
        look_at_ = now(); // to learn why
    }
    observe(what);
}

void NodeWorker::stop() {
    host_ = nullptr;
    timer_.cancel();
    drop_stream();
    console_.reset();
    for (const auto& driver : routes_.drivers()) {
        driver->on_change({});
    }
    for (const Lane& lane : lanes_) {
        if (const auto cancel = lane.cancel) {
            cancel();
        }
    }
}

void NodeWorker::submit(const bmc::Intent& intent) {
    if (host_ == nullptr) {
        return;
    }
    if (const auto* power = std::get_if<bmc::SetPower>(&intent)) {
        want(*power);
    } else if (const auto* refresh = std::get_if<bmc::RefreshPower>(&intent)) {
        looks_.push_back(refresh->ticket);
    } else if (std::holds_alternative<bmc::RefreshSensors>(intent)) {
        sensors_wanted_ = true;
    } else if (const auto* boot = std::get_if<bmc::SetBoot>(&intent)) {
        want_boot(boot->boot);
    } else if (const auto* light = std::get_if<bmc::Identify>(&intent)) {
        identify_ = *light;
    } else if (const auto* insert = std::get_if<bmc::InsertMedia>(&intent)) {
        media_ = std::make_unique<MediaWish>();
        media_->insert = backend::Media{insert->image, insert->writable};
    } else if (std::holds_alternative<bmc::EjectMedia>(intent)) {
        media_ = std::make_unique<MediaWish>();
    } else if (std::holds_alternative<bmc::ConsoleOpen>(intent)) {
        want_console(true);
    } else if (std::holds_alternative<bmc::ConsoleClose>(intent)) {
        want_console(false);
    } else if (const auto* input = std::get_if<bmc::ConsoleInput>(&intent)) {
        feed_console(input->bytes);
    } else if (std::holds_alternative<bmc::ConsoleBreak>(intent)) {
        break_console();
    } else if (const auto* raw = std::get_if<bmc::RawCommand>(&intent)) {
        want_raw(*raw);
    }
    kick();
}

/// Looks for work soon, never from within a caller: an observation may lead to an intent.
void NodeWorker::kick() {
    if (kicked_ || host_ == nullptr) {
        return;
    }
    kicked_ = true;
    boost::asio::post(place_->executor, [self = shared_from_this()] {
        self->kicked_ = false;
        self->guarded([&self] { self->start_work(); });
    });
}

/// Starts in each lane that is free what is most urgent there, and sets the alarm for what is due
/// later. What a busy lane holds up is looked at again when that one is free: it kicks.
void NodeWorker::start_work() {
    Lane& urgent = lanes_[0];
    Lane& patient = lanes_[1];
    const Mono moment = now();
    if (host_ != nullptr && !urgent.is_busy()) {
        check_job(moment);
    }
    if (host_ == nullptr) {
        return;
    }
    if (moment < rest_until_) {
        timer_.arm(rest_until_);
        return;
    }
    const auto begin = [this](Lane& lane, Task task) {
        if (task != Task::none) {
            lane.task = task;
            lane.targets = targets_of(task);
            auto work = run(shared_from_this(), task);
            boost::asio::co_spawn(place_->executor, std::move(work), boost::asio::detached);
        }
    };
    if (!urgent.is_busy()) {
        begin(urgent, choose_urgent(moment, patient.targets));
    }
    if (!patient.is_busy()) {
        begin(patient, choose_patient(moment, urgent.targets));
    }
    timer_.arm(next_due(moment));
}

/// A boot device goes before the start that is meant to take it. `taken`: targets that are busy.
NodeWorker::Task NodeWorker::choose_urgent(Mono now, u32 taken) const {
    const auto free = [this, taken](Task task) { return (targets_of(task) & taken) == 0; };
    const bool boot_may = boot_at_ <= now;
    if (tell_boot_ && boot_may && free(Task::tell_boot)) {
        return Task::tell_boot;
    }
    const bool acting = job_ && job_->stage != Stage::await_off && job_->stage != Stage::await_on;
    if (acting && job_->act_at <= now && free(Task::act)) {
        return Task::act;
    }
    if (!raws_.empty() && free(Task::raw)) {
        return Task::raw;
    }
    if ((!looks_.empty() || look_at_ <= now) && free(Task::look)) {
        return Task::look;
    }
    if (restore_at_ <= now && boot_may && free(Task::restore_boot)) {
        return Task::restore_boot;
    }
    return Task::none;
}

NodeWorker::Task NodeWorker::choose_patient(Mono now, u32 taken) const {
    const auto free = [this, taken](Task task) { return (targets_of(task) & taken) == 0; };
    if (identify_ && free(Task::identify)) {
        return Task::identify;
    }
    if (media_ && free(Task::media)) {
        return Task::media;
    }
    const bool opens = console_ && !console_->stream && console_->open_at <= now;
    if (opens && free(Task::open_console)) {
        return Task::open_console;
    }
    const bool reads = (sensors_wanted_ && sensors_at_ <= now) || sensor_poll_due(now);
    if (reads && free(Task::sensors)) {
        return Task::sensors;
    }
    const bool looked =
        power_ != bmc::PowerState::unknown || !routes_.to(Route::power)->tells_power();
    const bool asks = identity_wanted_ && reachable_ && looked;
    return asks && free(Task::identity) ? Task::identity : Task::none;
}

/// The earliest moment after `now` at which there may be something else to do.
Mono NodeWorker::next_due(Mono now) const {
    Mono due = never;
    const auto at = [&due, now](Mono when) { due = when > now ? std::min(due, when) : due; };
    at(look_at_);
    if (job_) {
        const bool waits = job_->stage == Stage::await_off || job_->stage == Stage::await_on;
        at(waits ? job_->give_up : job_->act_at);
        at(job_->told ? never : job_->tell_at);
        at(waits ? job_->press_again : never);
    }
    if (tell_boot_) {
        at(boot_at_);
    }
    if (restore_at_ != never) {
        at(std::max(restore_at_, boot_at_));
    }
    if (console_ && !console_->stream) {
        at(console_->open_at);
    }
    if (sensors_wanted_) {
        at(sensors_at_);
    }
    if (reachable_ && power_ == bmc::PowerState::on) {
        at(sensor_poll_at_);
    }
    return due;
}

/// Sensors of a machine that is off, or silent, are not looked at without being asked for.
bool NodeWorker::sensor_poll_due(Mono now) const noexcept {
    return sensor_poll_at_ <= now && reachable_ && power_ == bmc::PowerState::on;
}

/// Spread, so that a thousand nodes are not read at the same moment.
void NodeWorker::schedule_sensor_poll() {
    sensor_poll_at_ = never;
    if (limits_->sensor_poll <= Duration::zero() ||
        !routes_.to(Route::sensors)->capabilities().sensors) {
        return;
    }
    random_ = random_ * 1664525U + 1013904223U;
    const auto percent = static_cast<i64>(75 + (random_ >> 16) % 51);
    sensor_poll_at_ = now() + limits_->sensor_poll * percent / 100;
}

net::Awaitable<void> NodeWorker::run(std::shared_ptr<NodeWorker> self, Task task) {
    try {
        co_await self->perform(task);
    } catch (const std::exception& error) {
        self->contain(error.what(), task);
    } catch (...) {
        self->contain("an exception of unknown type", task);
    }
    Lane& lane = self->lane_of(task);
    lane.task = Task::none;
    lane.targets = 0;
    self->kick();
}

/// The power action is given up when its own lane failed, or nothing runs there. What throws would
/// throw at every turn: so not at once again.
void NodeWorker::contain(const char* what, Task task) noexcept {
    if (host_ == nullptr) {
        return;
    }
    rest_until_ = now() + pause_after_fault;
    host_->on_fault(what);
    const Lane& urgent = lanes_[0];
    const bool gives_up = task == Task::none ? !urgent.is_busy() : &lane_of(task) == &urgent;
    try {
        if (job_ && gives_up) {
            job_->in_call = false;
            fail(
                Error(ErrorCode::internal, std::string(net::exception_reason), what),
                Outcome::failed
            );
        }
    } catch (...) {
        job_.reset();
    }
    if (host_ != nullptr) {
        timer_.arm(rest_until_);
    }
}

std::string_view NodeWorker::name_of(Task task) noexcept {
    switch (task) {
    case Task::none:
        return "none";
    case Task::act:
        return "set_power";
    case Task::look:
        return "power_state";
    case Task::tell_boot:
    case Task::restore_boot:
        return "set_boot";
    case Task::identify:
        return "identify";
    case Task::media:
        return "media";
    case Task::open_console:
        return "open_console";
    case Task::sensors:
        return "sensors";
    case Task::identity:
        return "identity";
    case Task::raw:
        return "raw";
    }
    return "none";
}

void NodeWorker::count(
    Task task, const backend::Driver& driver, Mono begun, const std::optional<Error>& why
) {
    using End = BackendNumbers::End;
    if (place_->numbers != nullptr && host_ != nullptr) { // after stop() the shard's may be gone
        const End end = !why ? End::good : is_silence(*why) ? End::silent : End::refused;
        place_->numbers->count(driver.kind(), name_of(task), now() - begun, end);
    }
}

net::Awaitable<void> NodeWorker::perform(Task task) {
    switch (task) {
    case Task::none:
        break;
    case Task::act:
        co_await act();
        break;
    case Task::look:
        co_await look();
        break;
    case Task::tell_boot:
        co_await tell_boot();
        break;
    case Task::restore_boot:
        co_await restore_boot();
        break;
    case Task::identify:
        co_await light_up();
        break;
    case Task::media:
        co_await change_media();
        break;
    case Task::open_console:
        co_await open_console();
        break;
    case Task::sensors:
        co_await read_sensors();
        break;
    case Task::identity:
        co_await read_identity();
        break;
    case Task::raw:
        co_await pass_on();
        break;
    }
}

net::Awaitable<void> NodeWorker::look() {
    const std::vector<bmc::Ticket> waiting = std::exchange(looks_, {});
    look_at_ = never;
    auto make = [](backend::Driver& driver, Mono deadline) { return driver.power_state(deadline); };
    const auto driver = routes_.to(Route::power);
    Result<bmc::PowerState> state =
        co_await call<bmc::PowerState>(Task::look, driver, limits_->look_limit, make);
    if (host_ == nullptr) {
        co_return;
    }
    schedule_look(state.has_value());
    bmc::Outcome outcome = bmc::Outcome::ok;
    if (state.has_value()) {
        bmc::PowerSeen what{*state, false};
        seen(what);
        tell_look(std::nullopt);
    } else {
        outcome = outcome_of(state.error());
        tell_look(state.error());
        observe(bmc::Unreachable());
        if (host_ != nullptr && !waiting.empty()) { // who waits is told of this look
            host_->on_look_refused(state.error());
        }
    }
    for (const bmc::Ticket ticket : waiting) {
        if (ticket != 0) {
            observe(bmc::Done{ticket, outcome});
        }
    }
}

/// A backend that answers, and still does not say whether the machine is on (there is none of that
/// name, a secret cannot be read): why is told once, until it does.
void NodeWorker::tell_look(const std::optional<Error>& why) {
    if (host_ == nullptr) {
        return;
    }
    const bool refused = why && reachable_ && outcome_of(*why) == bmc::Outcome::failed;
    std::string before;
    if (refused || outage_) {
        before = std::exchange(outage().refused_look, refused ? why->message : std::string());
    }
    if (refused && why->message != before) {
        host_->on_trouble("power status", *why);
    } else if (!why && !before.empty()) {
        host_->on_backend(true, nullptr);
    }
}

/// The next look: soon while the machine is to follow, rarely while nothing happens, and with
/// growing pauses while the backend is silent.
void NodeWorker::schedule_look(bool answered) {
    const Mono moment = now();
    const u8 failures = look_failures_;
    look_failures_ = static_cast<u8>(answered ? 0 : std::min(failures + 1, 30));
    if (job_ && (job_->stage == Stage::await_off || job_->stage == Stage::await_on)) {
        look_at_ = moment + job_->gap;
        const Duration gap_max = (moment - job_->asked_at) / 15; // the longer, the more patient
        job_->gap = std::min(job_->gap * 2, std::max<Duration>(gap_max, std::chrono::seconds(2)));
        return;
    }
    if (!answered) {
        look_at_ = moment + backoff(failures);
        return;
    }
    const bool polls = !pushes_ && limits_->poll_interval > Duration::zero();
    look_at_ = polls ? moment + limits_->poll_interval : never;
}

net::Awaitable<void> NodeWorker::read_sensors() {
    sensors_wanted_ = false;
    auto make = [](backend::Driver& driver, Mono deadline) { return driver.sensors(deadline); };
    const auto driver = routes_.to(Route::sensors);
    using Readings = std::vector<bmc::SensorReading>;
    auto readings = co_await call<Readings>(Task::sensors, driver, limits_->call_limit, make);
    sensors_at_ = now() + limits_->sensor_interval;
    schedule_sensor_poll();
    if (host_ != nullptr && readings.has_value()) {
        look_at_sensor_set(*driver);
        observe(bmc::SensorsSeen{std::move(*readings)});
    } else if (host_ != nullptr && readings.error().code != ErrorCode::unsupported) {
        host_->on_trouble("sensors", readings.error());
    }
}

net::Awaitable<void> NodeWorker::read_identity() {
    identity_wanted_ = false; // once; again when the backend comes back
    auto make = [](backend::Driver& driver, Mono deadline) { return driver.identity(deadline); };
    const auto driver = routes_.to(Route::identity);
    auto identity =
        co_await call<bmc::IdentitySeen>(Task::identity, driver, limits_->call_limit, make);
    if (host_ != nullptr && identity.has_value()) {
        observe(std::move(*identity));
        look_at_sensor_set(*routes_.to(Route::sensors));
    }
    const auto set = routes_.to(Route::sensors)->sensor_set();
    if (set && set->sensors.empty()) { // it says which there are only once it is read
        sensors_wanted_ = true;
    }
}

void NodeWorker::look_at_sensor_set(const backend::Driver& driver) {
    const auto set = driver.sensor_set();
    if (set && set != sensor_set_) {
        sensor_set_ = set;
        observe(bmc::SensorSetSeen{set});
    }
}

/// Doubles a failure, +-25 %, so that a thousand nodes do not come back at the same moment.
Duration NodeWorker::backoff(unsigned failures) {
    const Duration base =
        std::min(limits_->backoff_min * (1U << std::min(failures, 16U)), limits_->backoff_max);
    random_ = random_ * 1664525U + 1013904223U;
    const auto percent = static_cast<i64>(75 + (random_ >> 16) % 51);
    return base * percent / 100;
}

void NodeWorker::observe(const bmc::Observation& what) {
    if (host_ != nullptr) {
        host_->observe(what);
    }
}

NodeWorker::Outage& NodeWorker::outage() {
    if (!outage_) {
        outage_ = std::make_unique<Outage>();
    }
    return *outage_;
}

/// Whether a node's backend answers is whether the one that knows its power does, and tells it: "no
/// such machine" is an answer, but of no use, and who only reads it hears of it.
void NodeWorker::note(const backend::Driver& driver, const std::optional<Error>& why) {
    if (why && why->code != ErrorCode::unsupported) {
        ++stats_.failures;
    }
    const bool shut_out = why && (why->code == ErrorCode::unauthenticated || // as good as silent
                                  why->reason.starts_with("CREDENTIAL_"));
    const bool tells = &driver == routes_.to(Route::power).get();
    const bool looks = tells && lanes_[0].task == Task::look;
    const bool served = looks ? !why : look_failures_ == 0;
    const bool answered = served && !shut_out && (!why || !is_silence(*why));
    if (host_ == nullptr || !tells || (!answered && !why)) {
        return;
    }
    // A reason that is new in this outage is told too: "refused", then "another host key".
    const bool news =
        !answered && !why->reason.empty() && outage().reasons.insert(why->reason).second;
    if (answered != reachable_ || news) {
        reachable_ = answered;
        identity_wanted_ = identity_wanted_ || answered;
        host_->on_backend(answered, answered ? nullptr : &*why);
    }
    if (answered && outage_) {
        outage_->reasons.clear();
        if (outage_->refused_look.empty()) {
            outage_.reset();
        }
    }
}

std::shared_ptr<HostGate> NodeWorker::gate(const backend::Driver* driver) const {
    for (std::size_t i = 0; i < gates_.size(); ++i) {
        if (routes_.drivers()[i].get() == driver) {
            return gates_[i];
        }
    }
    return nullptr;
}

} // namespace vbmc::fleet
