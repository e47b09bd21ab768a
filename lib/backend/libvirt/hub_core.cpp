#include "backend/libvirt/hub_core.h"

#include "backend/libvirt/uri.h"
#include "base/log.h"

#include <algorithm>
#include <utility>

namespace vbmc::backend::libvirt {

namespace asio = boost::asio;

namespace {

constexpr unsigned threads_min = 4;
constexpr unsigned threads_max = 16; // more only while domains hang, each a thread or two
constexpr std::size_t queue_max = 4096;
constexpr Duration retry_min = std::chrono::milliseconds(500);
constexpr Duration retry_max = std::chrono::seconds(10);
constexpr Duration retry_on_demand = std::chrono::seconds(1);
constexpr Duration ask_interval = std::chrono::seconds(5); // of hosts that tell no events
constexpr Duration open_limit = std::chrono::seconds(30);  // a host may take a connection and hang
constexpr Duration hanging_pause_max = std::chrono::minutes(5);
constexpr unsigned hanging_max = 6; // attempts, each a thread for as long as it hangs

/// "lv-HOST": what the kernel keeps of a thread's name is short.
std::string pool_name(const std::string& uri) {
    const std::string host = host_of(uri);
    return "lv-" + (host.empty() ? "local" : host);
}

bool is_state_unclear(const DomainEvent& event) {
    if (event.rebooted) {
        return false;
    }
    switch (event.type) {
    case VIR_DOMAIN_EVENT_DEFINED:
        return event.detail != VIR_DOMAIN_EVENT_DEFINED_UPDATED;
    case VIR_DOMAIN_EVENT_UNDEFINED:
    case VIR_DOMAIN_EVENT_CRASHED:
        return true;
    case VIR_DOMAIN_EVENT_STOPPED:
        return event.detail == VIR_DOMAIN_EVENT_STOPPED_MIGRATED;
    default:
        return false;
    }
}

std::optional<Notice> notice_of(const DomainEvent& event) {
    using bmc::PowerState;
    if (event.rebooted) {
        return Notice{Notice::What::restarted, PowerState::on};
    }
    switch (event.type) {
    case VIR_DOMAIN_EVENT_STARTED:
        return Notice{Notice::What::started, PowerState::on};
    case VIR_DOMAIN_EVENT_SUSPENDED:
    case VIR_DOMAIN_EVENT_RESUMED:
    case VIR_DOMAIN_EVENT_PMSUSPENDED:
        return Notice{Notice::What::power, PowerState::on};
    case VIR_DOMAIN_EVENT_STOPPED:
        return Notice{Notice::What::power, PowerState::off};
    default: // SHUTDOWN: on its way down, still on
        return std::nullopt;
    }
}

} // namespace

HubCore::HubCore(std::shared_ptr<Desk> desk, std::shared_ptr<asio::io_context> pool, Access access)
    : desk_(std::move(desk)), pool_(std::move(pool)), pool_guard_(pool_->get_executor()),
      access_(std::move(access)), whom_{{}, shown(access_.uri)},
      timer_(desk_->context().get_executor()) {}

void HubCore::begin() {
    desk_->start_pool(pool_name(access_.uri), threads_min, pool_);
    threads_ = threads_min;
    desk_->at_stop([weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
            self->end();
        }
    });
}

void HubCore::end() {
    if (phase_ == Phase::ended) {
        return;
    }
    phase_ = Phase::ended;
    serial_ = 0;
    timer_.cancel();
    hearers_.clear();
    connection_.reset(); // closed on the pool, whose threads end after that
    for (auto& [lane, waiting] : lanes_) {
        queue_.insert(queue_.end(), waiting.begin(), waiting.end());
        waiting.clear();
    }
    refuse_queue(Error(ErrorCode::aborted, "vbmcd lets go of " + whom_.uri));
    pool_guard_.reset();
}

void HubCore::submit(Job job) {
    desk_->post([self = shared_from_this(), job = std::move(job)]() mutable {
        self->take(std::move(job));
    });
}

void HubCore::take(Job job) {
    const Mono now = net::now().mono;
    switch (phase_) {
    case Phase::open:
        start(std::move(job));
        return;
    case Phase::ended:
        refuse(job, Error(ErrorCode::aborted, "vbmcd lets go of " + whom_.uri));
        return;
    case Phase::opening: // a host that was silent before is not waited for again
        if (failures_ > 0 && now - tried_at_ > retry_on_demand) {
            refuse(job, why_not_);
            return;
        }
        break;
    case Phase::waiting: // somebody asks: not so long a pause, then
        if (now - tried_at_ < retry_on_demand || hanging_ > 0) {
            refuse(job, why_not_);
            return;
        }
        open();
        break;
    case Phase::idle:
        open();
        break;
    }
    if (queue_.size() >= queue_max) {
        refuse(job, trouble(whom_, ErrorCode::resource_exhausted, "too many calls wait for it"));
        return;
    }
    queue_.push_back(std::move(job));
}

void HubCore::refuse(const Job& job, const Error& why) {
    job.refuse(why);
    job.done();
}

void HubCore::refuse_queue(const Error& why) {
    for (const Job& job : std::exchange(queue_, {})) {
        refuse(job, why);
    }
}

void HubCore::start(Job job) {
    const auto [at, free] = lanes_.try_emplace(job.lane);
    if (free) {
        send_to_pool(std::move(job));
        return;
    }
    std::deque<Job>& waiting = at->second;
    std::erase_if(waiting, [](const Job& old) { return old.given_up->load(); });
    waiting.push_back(std::move(job));
}

/// A lane's call has ended: the next one's turn, which may find the connection gone.
void HubCore::next_of(const std::string& lane) {
    --running_;
    auto node = lanes_.extract(lane);
    for (Job& job : node.mapped()) {
        if (!job.given_up->load()) {
            take(std::move(job));
        }
    }
}

void HubCore::grow() {
    if (running_ > threads_ && threads_ < threads_max) {
        desk_->start_pool(pool_name(access_.uri), 1, pool_);
        ++threads_;
    }
}

void HubCore::send_to_pool(Job job) {
    ++running_;
    grow();
    asio::post(
        *pool_,
        [self = shared_from_this(), connection = connection_, job = std::move(job)]() mutable {
            self->run_job(connection, job);
            connection.reset();
        }
    );
}

/// On a thread of the pool. What nobody waits for any more is not done behind his back.
void HubCore::run_job(const std::shared_ptr<Connection>& connection, const Job& job) {
    if (job.given_up->load() || net::now().mono >= job.deadline) {
        job.refuse(Error(
            ErrorCode::deadline_exceeded, whom_.uri + " was busy with other calls for too long"
        ));
    } else {
        job.run(connection->get());
    }
    const bool alive = connection->is_alive();
    desk_->post([self = shared_from_this(), used = connection, alive, job]() mutable {
        if (!alive && self->connection_ == used) {
            self->lost(self->serial_);
        }
        used.reset();
        job.done();
        self->next_of(job.lane);
    });
}

// The connection.

void HubCore::open() {
    phase_ = Phase::opening;
    tried_at_ = net::now().mono;
    arm(open_limit);
    ++running_;
    grow();
    const u32 serial = serial_ = ++openings_;
    auto events = std::make_shared<ConnectionEvents>();
    events->domain = [weak = weak_from_this(), desk = desk_, serial](DomainEvent event) {
        desk->post([weak, serial, event = std::move(event)] {
            if (const auto self = weak.lock()) {
                self->on_event(event, serial);
            }
        });
    };
    events->closed = [weak = weak_from_this(), desk = desk_, serial] {
        desk->post([weak, serial] {
            if (const auto self = weak.lock()) {
                self->lost(serial);
            }
        });
    };
    asio::post(*pool_, [self = shared_from_this(), access = access_, events, serial] {
        auto opened =
            std::make_shared<Result<std::unique_ptr<Connection>>>(Connection::open(access, events));
        self->desk_->post([self, opened, serial] { self->opened(std::move(*opened), serial); });
    });
}

/// Destroyed on the pool, whoever lets go of it last: closing blocks.
std::shared_ptr<Connection> HubCore::hold(std::unique_ptr<Connection> connection) const {
    return {connection.release(), [pool = pool_](Connection* last) {
                asio::post(*pool, [owned = std::unique_ptr<Connection>(last)] {});
            }};
}

void HubCore::opened(Result<std::unique_ptr<Connection>> result, u32 serial) {
    --running_;
    const bool given_up = serial != serial_ || phase_ == Phase::waiting;
    if (given_up && hanging_ > 0) {
        --hanging_;
    }
    const bool wanted = phase_ == Phase::waiting || (phase_ == Phase::opening && !given_up);
    if (result.has_value() && wanted) {
        adopt(std::move(*result), serial);
    } else if (result.has_value()) {
        hold(std::move(*result));
    } else if (wanted && given_up) {
        arm(retry_min); // it was silent and now it is gone: soon it may be back
    } else if (wanted) {
        not_opened(result.error());
    }
}

void HubCore::adopt(std::unique_ptr<Connection> connection, u32 serial) {
    timer_.cancel();
    phase_ = Phase::open;
    serial_ = serial;
    failures_ = 0;
    connection_ = hold(std::move(connection));
    log(Level::info,
        "libvirt.connected",
        {{"uri", whom_.uri}, {"events", connection_->tells() ? "yes" : "no"}});
    for (Job& job : std::exchange(queue_, {})) {
        start(std::move(job));
    }
    resync();
}

void HubCore::not_opened(Error why) {
    const bool news = why.message != why_not_.message;
    why_not_ = std::move(why);
    if (++failures_ == 1 || news) {
        log(Level::warn, "libvirt.unreachable", {{"uri", whom_.uri}, {"error", describe(why_not_)}}
        );
    }
    refuse_queue(why_not_);
    if (failures_ == 1) {
        tell_all({Notice::What::lost});
    }
    wait_and_open();
}

/// libvirt waits for ever for a host that took the connection and says nothing. The thread stays in
/// there; should it come out with a connection after all, that is taken.
void HubCore::give_up_opening() {
    ++hanging_;
    not_opened(trouble(
        whom_,
        ErrorCode::unavailable,
        "cannot connect: it takes the connection and does not answer",
        "is libvirtd stuck there? vbmcd tries again by itself"
    ));
    arm(std::min<Duration>(open_limit * (1U << hanging_), hanging_pause_max));
}

void HubCore::lost(u32 serial) {
    if (phase_ != Phase::open || serial != serial_) {
        return;
    }
    serial_ = 0;
    connection_.reset();
    listing_ = false;
    failures_ = 1;
    why_not_ = trouble(
        whom_,
        ErrorCode::unavailable,
        "the connection was lost",
        "is libvirtd (or virtqemud) running there? vbmcd connects again by itself"
    );
    log(Level::warn, "libvirt.lost", {{"uri", whom_.uri}});
    tell_all({Notice::What::lost});
    wait_and_open();
}

void HubCore::wait_and_open() {
    phase_ = Phase::waiting;
    tried_at_ = net::now().mono;
    arm(std::min(retry_min * (1U << std::min(failures_ - 1, 8U)), retry_max));
}

void HubCore::arm(Duration pause) {
    timer_.expires_after(pause);
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (self && !error) {
            self->on_timer();
        }
    });
}

void HubCore::on_timer() {
    if (phase_ == Phase::opening) {
        give_up_opening();
    } else if (phase_ == Phase::waiting && hanging_ >= hanging_max) {
        arm(open_limit);
    } else if (phase_ == Phase::waiting) {
        open();
    } else if (phase_ == Phase::open) {
        resync();
    }
}

// The listeners.

void HubCore::listen(std::weak_ptr<Listener> listener) {
    const auto alive = listener.lock();
    if (!alive || phase_ == Phase::ended) {
        return;
    }
    std::erase_if(hearers_, [](const auto& entry) { return entry.second.listener.expired(); });
    hearers_.emplace(alive->domain, Hearer{std::move(listener)});
    if (phase_ == Phase::idle) {
        open();
    }
}

void HubCore::tell(Hearer& hearer, const Notice& notice) {
    const auto listener = hearer.listener.lock();
    if (!listener) {
        return;
    }
    asio::post(listener->shard, [weak = hearer.listener, notice] {
        if (const auto alive = weak.lock(); alive && alive->hear) {
            alive->hear(notice);
        }
    });
}

void HubCore::tell(const DomainEvent& event, const Notice& notice) {
    for (const std::string* key : {&event.uuid, &event.name}) {
        const auto [first, last] = hearers_.equal_range(*key);
        for (auto at = first; at != last; ++at) {
            at->second.heard = events_;
            tell(at->second, notice);
        }
    }
}

void HubCore::tell_all(const Notice& notice) {
    for (auto& [domain, hearer] : hearers_) {
        tell(hearer, notice);
    }
}

void HubCore::on_event(const DomainEvent& event, u32 serial) {
    if (serial != serial_) {
        return;
    }
    ++events_;
    if (is_state_unclear(event)) {
        resync();
    } else if (const auto notice = notice_of(event)) {
        tell(event, *notice);
    }
}

/// Asks for the states of all domains and tells each listener its own.
void HubCore::resync() {
    if (phase_ != Phase::open || hearers_.empty()) {
        return;
    }
    if (listing_) {
        list_again_ = true;
        return;
    }
    listing_ = true;
    asio::post(
        *pool_,
        [self = shared_from_this(),
         connection = connection_,
         before = events_,
         serial = serial_,
         whom = whom_]() mutable {
            auto states = list_states(connection->get(), whom);
            connection.reset();
            self->desk_->post([self, states = std::move(states), before, serial] {
                if (self->serial_ == serial) {
                    self->resynced(states, before);
                }
            });
        }
    );
}

void HubCore::resynced(const Result<std::vector<DomainState>>& states, u32 before) {
    listing_ = false;
    if (states.has_value()) {
        std::unordered_map<std::string, bmc::PowerState> known;
        for (const DomainState& domain : *states) {
            known[domain.name] = domain.power;
        }
        for (const DomainState& domain : *states) { // a UUID counts before such a name
            known[domain.uuid] = domain.power;
        }
        for (auto& [domain, hearer] : hearers_) {
            const auto at = known.find(domain);
            if (hearer.heard > before) {
                continue; // an event overtook the list
            }
            tell(
                hearer,
                at == known.end() ? Notice{Notice::What::lost}
                                  : Notice{Notice::What::power, at->second}
            );
        }
    }
    if (std::exchange(list_again_, false)) {
        resync();
    } else if (connection_ && !connection_->tells()) {
        arm(ask_interval);
    }
}

} // namespace vbmc::backend::libvirt
