#include "client/session.h"

#include <algorithm>

namespace vbmc::client {

namespace {

constexpr u8 netfn_app = 0x06;
constexpr u8 get_device_id = 0x01;
constexpr u8 set_session_privilege = 0x3b;
constexpr u8 close_session = 0x3c;
constexpr u8 privilege_user = 2; // what every session starts with

constexpr bool is_busy(u8 completion) noexcept {
    return completion == 0xc0 || completion == 0xc3;
}

} // namespace

Session::Session(crypto::Toolbox& tools, Entropy& entropy, const Settings& settings)
    : tools_(tools), entropy_(entropy), settings_(settings) {}

Session::~Session() = default;

void Session::log_in(Mono now, Credentials credentials) {
    if (state_ != State::closed) {
        return;
    }
    state_ = State::logging_in;
    login_ = std::make_unique<Login>(
        tools_, entropy_, settings_, std::move(credentials), known_suite_, now
    );
    check_login(now);
}

RequestId Session::submit(Mono now, Request request) {
    const RequestId id = ++last_id_ == 0 ? ++last_id_ : last_id_;
    if (pending_.size() >= requests_max) {
        outputs_.emplace_back(Failed{id, {Failure::too_many_requests, 0}});
        return id;
    }
    Pending pending;
    pending.id = id;
    pending.request = std::move(request);
    pending_.push_back(std::move(pending));
    pump(now);
    return id;
}

void Session::cancel(RequestId id) {
    std::erase_if(pending_, [id](const Pending& pending) { return pending.id == id; });
}

std::optional<Output> Session::poll() {
    if (outputs_taken_ == outputs_.size()) {
        outputs_.clear();
        outputs_taken_ = 0;
        return std::nullopt;
    }
    return std::move(outputs_[outputs_taken_++]);
}

Mono Session::next_deadline() const noexcept {
    Mono next = login_ ? login_->next_deadline() : never;
    for (const Pending& pending : pending_) {
        next = std::min(next, pending.request.deadline);
        const bool waits_its_turn = !pending.sent && pending.next_at == Mono::min();
        if (!waits_its_turn && (pending.sent || state_ == State::ready)) {
            next = std::min(next, pending.next_at);
        }
    }
    if (state_ == State::ready) {
        next = std::min(next, keep_alive_at_);
    }
    return sol_ ? std::min(next, sol_->next_deadline()) : next;
}

void Session::on_deadline(Mono now) {
    if (login_) {
        login_->on_deadline(now);
        check_login(now);
    }
    expire(now);
    if (state_ == State::ready && now >= keep_alive_at_) {
        const bool asks = std::any_of(pending_.begin(), pending_.end(), [](const Pending& p) {
            return p.sent; // it will be answered, or show that nobody is there
        });
        if (!asks) {
            Pending pending;
            pending.purpose = Purpose::keep_alive;
            pending.request = Request(netfn_app, get_device_id, {});
            pending.request.retry_busy = false;
            pending_.push_back(std::move(pending));
        }
        keep_alive_at_ = now + settings_.keep_alive;
    }
    pump(now);
    pump_sol(now);
}

void Session::expire(Mono now) {
    for (std::size_t i = 0; i < pending_.size();) {
        Pending& pending = pending_[i];
        if (pending.request.deadline <= now) {
            fail(i, {Failure::deadline, 0});
            continue;
        }
        if (pending.sent && pending.next_at <= now) {
            if (pending.tries >= settings_.tries) {
                const std::size_t before = pending_.size();
                on_unanswered(now, i);
                if (pending_.size() == before) {
                    i = 0; // the session is gone: all wait again
                    if (state_ != State::ready) {
                        return;
                    }
                }
                continue;
            }
            transmit(now, pending);
        }
        ++i;
    }
}

/// A request that was sent often enough: either nobody is there, or only this one is not answered.
void Session::on_unanswered(Mono, std::size_t index) {
    const Pending& pending = pending_[index];
    if (state_ == State::logging_in) {
        log_in_failed({Failure::no_answer, 0});
    } else if (heard_at_ > pending.first_sent && pending.purpose == Purpose::caller) {
        fail(index, {Failure::no_answer, 0});
    } else {
        lose({Failure::session_lost, 0});
    }
}

void Session::fail(std::size_t index, Trouble why) {
    const Pending pending = std::move(pending_[index]);
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(index));
    if (pending.purpose == Purpose::caller) {
        outputs_.emplace_back(Failed{pending.id, why});
    }
}

void Session::fail_all(Trouble why) {
    while (!pending_.empty()) {
        fail(0, why);
    }
}

void Session::log_in_failed(Trouble why) {
    say_good_bye(); // its privilege was refused: a BMC has few sessions
    login_.reset();
    channel_.reset();
    state_ = State::closed;
    if (why.failure == Failure::no_common_suite) {
        known_suite_ = 0;
    }
    outputs_.emplace_back(LoggedOut{why});
    fail_all(why);
}

/// The BMC does not know this session any more.
void Session::lose(Trouble why) {
    channel_.reset();
    state_ = State::closed;
    if (sol_) {
        sol_.reset();
        outputs_.emplace_back(SolEnded{});
    }
    for (std::size_t i = 0; i < pending_.size();) {
        Pending& pending = pending_[i];
        if (pending.purpose != Purpose::caller || (pending.sent && !pending.request.repeatable)) {
            fail(i, why); // it may have been done
            continue;
        }
        pending.sent = false;
        pending.tries = 0;
        pending.next_at = Mono::min();
        ++i;
    }
    outputs_.emplace_back(LoggedOut{why});
}

void Session::check_login(Mono now) {
    if (Packet packet = login_->take_packet(); !packet.empty()) {
        outputs_.emplace_back(Transmit{std::move(packet)});
    }
    if (login_->trouble().failure != Failure::none) {
        const Trouble why = login_->trouble();
        log_in_failed(why);
    } else if (login_->channel() != nullptr) {
        established(now);
    }
}

void Session::established(Mono now) {
    channel_ = std::make_unique<Channel>(*login_->channel());
    guid_ = login_->guid();
    login_.reset();
    heard_at_ = now;
    keep_alive_at_ = now + settings_.keep_alive;
    if (settings_.privilege <= privilege_user) {
        enter_ready(now);
        return;
    }
    Pending raise;
    raise.purpose = Purpose::privilege;
    raise.request = Request(netfn_app, set_session_privilege, {settings_.privilege});
    pending_.insert(pending_.begin(), std::move(raise));
    transmit(now, pending_.front());
}

void Session::enter_ready(Mono now) {
    state_ = State::ready;
    known_suite_ = channel_->suite->id;
    outputs_.emplace_back(LoggedIn{known_suite_});
    pump(now);
}

void Session::receive(Mono now, MutableBytes datagram) {
    if (datagram.size() > packet_max) {
        return;
    }
    if (login_) {
        login_->receive(now, datagram);
        check_login(now);
        return;
    }
    if (!channel_) {
        return;
    }
    const auto opened = open_sealed(tools_, *channel_, datagram);
    if (!opened) {
        return;
    }
    heard_at_ = now;
    keep_alive_at_ = now + settings_.keep_alive;
    if (opened->type == wire::PayloadType::ipmi) {
        on_message(now, opened->payload);
    } else if (opened->type == wire::PayloadType::sol) {
        on_sol(now, opened->payload);
    }
    pump(now);
}

void Session::on_message(Mono now, Bytes payload) {
    const auto message = wire::parse_lan_message(payload);
    if (!message || !message->is_response() || message->data.empty()) {
        return;
    }
    for (std::size_t i = 0; i < pending_.size(); ++i) {
        const Pending& pending = pending_[i];
        if (pending.sent && pending.rq_sequence == message->sequence &&
            pending.request.command == message->command &&
            (pending.request.netfn | 1) == message->net_fn) {
            on_answer(now, i, message->data[0], message->data.subspan(1));
            return;
        }
    }
}

void Session::on_answer(Mono now, std::size_t index, u8 completion, Bytes data) {
    Pending& pending = pending_[index];
    if (pending.purpose == Purpose::privilege) {
        pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(index));
        if (completion != 0) {
            log_in_failed({Failure::role_refused, completion});
        } else {
            enter_ready(now);
        }
        return;
    }
    if (pending.purpose == Purpose::keep_alive) {
        pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(index));
        return;
    }
    if (is_busy(completion) && pending.request.retry_busy &&
        now + settings_.busy_pause < pending.request.deadline) {
        pending.sent = false; // under a new rqSeq: the same one may bring the same reply
        pending.tries = 0;
        pending.next_at = now + settings_.busy_pause;
        return;
    }
    Answer answer{pending.id, completion, {data.begin(), data.end()}};
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(index));
    outputs_.emplace_back(std::move(answer));
}

std::size_t Session::under_way() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(pending_.begin(), pending_.end(), [](const Pending& p) { return p.sent; })
    );
}

/// Not one that is under way: its late answer must not pass for another's.
u8 Session::free_rq_sequence() noexcept {
    for (;;) {
        rq_sequence_ = (rq_sequence_ + 1) & 0x3f;
        const bool used = std::any_of(pending_.begin(), pending_.end(), [&](const Pending& p) {
            return p.sent && p.rq_sequence == rq_sequence_;
        });
        if (!used) {
            return rq_sequence_;
        }
    }
}

void Session::pump(Mono now) {
    if (state_ != State::ready) {
        return;
    }
    std::size_t busy = under_way();
    for (Pending& pending : pending_) {
        if (busy >= settings_.window) {
            return;
        }
        if (!pending.sent && pending.next_at <= now) {
            transmit(now, pending);
            ++busy;
        }
    }
}

/// The first time, or again: the same request under the same rqSeq in a new packet.
void Session::transmit(Mono now, Pending& pending) {
    const Request& request = pending.request;
    if (!pending.sent) {
        pending.rq_sequence = free_rq_sequence();
        pending.sent = true;
        pending.first_sent = now;
        pending.gap = request.repeatable ? settings_.retry_first : settings_.retry_careful;
    } else {
        pending.gap = std::min(pending.gap * 2, settings_.retry_max);
    }
    ++pending.tries;
    pending.next_at = now + pending.gap;
    const auto message = request_message(
        request.netfn, request.lun, request.command, request.data, pending.rq_sequence
    );
    out_sealed(wire::PayloadType::ipmi, message);
}

void Session::out_sealed(wire::PayloadType type, Bytes payload) {
    outputs_.emplace_back(Transmit{seal(tools_, entropy_, *channel_, type, payload)});
}

void Session::say_good_bye() {
    if (channel_) {
        std::vector<u8> id(4);
        ByteWriter(id).write_u32(channel_->bmc_id);
        const auto message = request_message(netfn_app, 0, close_session, id, free_rq_sequence());
        out_sealed(wire::PayloadType::ipmi, message);
    }
}

void Session::close(Mono) {
    say_good_bye();
    login_.reset();
    channel_.reset();
    state_ = State::closed;
    if (sol_) {
        sol_.reset();
        outputs_.emplace_back(SolEnded{});
    }
    fail_all({Failure::closed, 0});
}

void Session::start_sol(const SolSettings& settings) {
    if (state_ == State::ready) {
        SolSettings with_number = settings;
        with_number.number_before = sol_number_;
        sol_ = std::make_unique<Sol>(with_number);
    }
}

bool Session::write_sol(Mono now, Bytes keys) {
    const bool taken = sol_ && sol_->write(keys);
    pump_sol(now);
    return taken;
}

void Session::break_sol(Mono now) {
    if (sol_) {
        sol_->send_break();
        pump_sol(now);
    }
}

void Session::on_sol(Mono now, Bytes payload) {
    if (!sol_) {
        return;
    }
    const Sol::Input input = sol_->receive(now, payload);
    if (!input.characters.empty()) {
        outputs_.emplace_back(SolBytes{{input.characters.begin(), input.characters.end()}});
    }
    pump_sol(now); // its acknowledgement first
    if (input.closed && sol_) {
        sol_.reset();
        outputs_.emplace_back(SolEnded{});
    }
}

void Session::pump_sol(Mono now) {
    ByteArray<Sol::payload_max> payload;
    while (sol_) {
        const std::size_t size = sol_->transmit(now, payload);
        if (size == 0) {
            break;
        }
        sol_number_ = sol_->last_sent();
        out_sealed(wire::PayloadType::sol, Bytes(payload).first(size));
    }
    if (sol_ && sol_->lost()) {
        sol_.reset();
        outputs_.emplace_back(SolEnded{});
    }
}

} // namespace vbmc::client
