#include "unit/client/rig.h"

#include <algorithm>

namespace vbmc::test {

namespace {

const Peer console{IpAddress::v4(192, 0, 2, 1), 40000};

} // namespace

client::Credentials
credentials(std::string_view user, std::string_view password, std::string_view bmc_key) {
    client::Credentials who;
    who.user.assign(user.begin(), user.end());
    who.password = Secret(password);
    who.bmc_key = Secret(bmc_key);
    return who;
}

Rig::Rig(const client::Settings& settings, const endpoint::Access& access, u64 seed)
    : entropy(seed), session(shared.tools, entropy, settings), access_(access) {
    restart_node();
}

void Rig::restart_node() {
    node = std::make_unique<endpoint::VirtualBmc>(node_config(), access_, shared, now_);
    put_user(*node, make_user(2, "admin", "password", bmc::Privilege::administrator));
    put_user(*node, make_user(3, "oper", "operator1", bmc::Privilege::operator_));
    observe(bmc::PowerSeen{bmc::PowerState::on, false});
}

void Rig::observe(const bmc::Observation& what) {
    node->observe(now_, what);
    drain();
}

void Rig::carry(bool to_node_, Packet packet) {
    to_node += to_node_ ? 1U : 0U;
    const int copies = network(to_node_, packet);
    for (int i = 0; i < copies; ++i) {
        air_.push_back({now_.mono + delay(), to_node_, packet});
    }
}

void Rig::drain() {
    while (auto output = session.poll()) {
        if (auto* transmit = std::get_if<client::Transmit>(&*output)) {
            carry(true, std::move(transmit->bytes));
        } else if (const auto* answer = std::get_if<client::Answer>(&*output)) {
            const std::string code = to_hex(ByteArray<1>{answer->completion});
            results[answer->id].push_back(code + to_hex(answer->data));
        } else if (const auto* failed = std::get_if<client::Failed>(&*output)) {
            const auto why = static_cast<int>(failed->why.failure);
            results[failed->id].push_back("!" + std::to_string(why));
        } else if (const auto* in = std::get_if<client::LoggedIn>(&*output)) {
            ++logged_in;
            suite = in->suite;
        } else if (const auto* out = std::get_if<client::LoggedOut>(&*output)) {
            logged_out.push_back(out->why);
        } else if (const auto* sol = std::get_if<client::SolBytes>(&*output)) {
            sol_text.append(sol->bytes.begin(), sol->bytes.end());
        } else {
            ++sol_ended;
        }
    }
    while (auto output = node->poll()) {
        if (auto* transmit = std::get_if<endpoint::Transmit>(&*output)) {
            carry(false, std::move(transmit->bytes));
        } else if (auto* intent = std::get_if<bmc::Intent>(&*output)) {
            all_intents.push_back(std::move(*intent));
        }
    }
}

void Rig::deliver() {
    for (std::size_t i = 0; i < air_.size();) {
        if (air_[i].at > now_.mono) {
            ++i;
            continue;
        }
        Flying flying = std::move(air_[i]);
        air_.erase(air_.begin() + static_cast<std::ptrdiff_t>(i));
        if (flying.to_node) {
            ByteArray<512> out{};
            const std::size_t n = node->receive(now_, console, flying.packet, out);
            if (n > 0) {
                carry(false, {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n)});
            }
        } else {
            from_node.push_back(flying.packet);
            session.receive(now_.mono, flying.packet);
        }
        drain();
        i = 0;
    }
}

void Rig::pass(Duration time) {
    const Mono until = now_.mono + time;
    for (;;) {
        drain();
        Mono next = std::min(session.next_deadline(), node->next_deadline());
        for (const Flying& flying : air_) {
            next = std::min(next, flying.at);
        }
        if (next > until) {
            break;
        }
        const Mono moment = std::max(next, now_.mono);
        now_.wall += std::chrono::duration_cast<std::chrono::milliseconds>(moment - now_.mono);
        now_.mono = moment;
        deliver();
        if (session.next_deadline() <= now_.mono) {
            session.on_deadline(now_.mono);
        }
        if (node->next_deadline() <= now_.mono) {
            node->on_deadline(now_);
        }
    }
    now_.wall += std::chrono::duration_cast<std::chrono::milliseconds>(until - now_.mono);
    now_.mono = until;
}

bool Rig::log_in(const client::Credentials& who, Duration patience) {
    session.log_in(now_.mono, who);
    const Mono until = now_.mono + patience;
    while (session.state() == client::Session::State::logging_in && now_.mono < until) {
        pass(10ms);
    }
    drain();
    return session.state() == client::Session::State::ready;
}

client::RequestId Rig::submit(client::Request request) {
    const client::RequestId id = session.submit(now_.mono, std::move(request));
    drain();
    return id;
}

std::optional<std::string> Rig::result(client::RequestId id) const {
    const auto found = results.find(id);
    return found == results.end() ? std::nullopt : std::optional(found->second.at(0));
}

std::string Rig::ask(client::Request request, Duration patience) {
    const client::RequestId id = submit(std::move(request));
    const Mono until = now_.mono + patience;
    while (!result(id) && now_.mono < until) {
        pass(10ms);
    }
    return result(id).value_or("");
}

} // namespace vbmc::test
