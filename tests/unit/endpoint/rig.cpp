#include "unit/endpoint/rig.h"

#include <stdexcept>

namespace vbmc::test {

namespace {

std::string name_of(endpoint::Audit::Kind kind) {
    using Kind = endpoint::Audit::Kind;
    switch (kind) {
    case Kind::login:
        return "login";
    case Kind::login_refused:
        return "refused";
    case Kind::logout:
        return "logout";
    case Kind::power:
        return "power";
    case Kind::boot:
        return "boot";
    case Kind::users_changed:
        return "users";
    case Kind::sel_cleared:
        return "sel";
    case Kind::controller_reset:
        return "reset";
    case Kind::raw:
        return "raw";
    }
    return "?";
}

} // namespace

Visitor::Visitor(Rig& rig, ClientOptions options, u16 port)
    : client(rig.shared.tools, std::move(options)), peer{IpAddress::v4(192, 0, 2, 1), port},
      rig_(rig) {}

bool Visitor::log_in() {
    return client.log_in([this](const Packet& packet) {
        const std::vector<u8> answer = rig_.send(peer, packet);
        return answer.empty() ? std::nullopt : std::optional(answer);
    });
}

std::string Visitor::text_of(Bytes datagram) const {
    if (datagram.empty()) {
        return "";
    }
    const auto reply = client.open(datagram);
    if (!reply) {
        return "forged";
    }
    if (reply->payload_type != wire::PayloadType::ipmi) {
        return to_hex(reply->payload);
    }
    return to_hex(ByteArray<1>{reply->completion_code}) + to_hex(reply->data);
}

std::string Visitor::ask(std::string_view request_hex) {
    const std::vector<u8> request = from_hex(request_hex);
    const std::vector<u8> data(request.begin() + 2, request.end());
    return text_of(rig_.send(peer, client.request(request.at(0), request.at(1), data)));
}

std::string Visitor::ask_again() {
    return text_of(rig_.send(peer, client.retransmit()));
}

std::string Visitor::read(const endpoint::Transmit& sent) const {
    return sent.to == peer ? text_of(sent.bytes) : "elsewhere";
}

std::string Visitor::sol(std::string_view payload_hex) {
    return text_of(rig_.send(peer, client.seal(wire::PayloadType::sol, from_hex(payload_hex))));
}

Rig::Rig(const endpoint::Access& access, const bmc::Config& config)
    : node(config, access, shared, now) {
    put_user(node, make_user(2, "admin", "password", Privilege::administrator));
    put_user(node, make_user(3, "oper", "operator1", Privilege::operator_));
    put_user(node, make_user(4, "viewer", "viewer123", Privilege::user));
    drain();
}

std::vector<u8> Rig::send(const Peer& from, const Packet& packet) {
    Packet in = packet;
    ByteArray<512> out{};
    const std::size_t n = node.receive(now, from, in, out);
    drain();
    return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n)};
}

void Rig::observe(const bmc::Observation& observation) {
    node.observe(now, observation);
    drain();
}

void Rig::pass(Duration time) {
    const Mono until = now.mono + time;
    const auto move_to = [this](Mono mono) {
        now.wall += std::chrono::duration_cast<std::chrono::milliseconds>(mono - now.mono);
        now.mono = mono;
    };
    while (node.next_deadline() <= until) {
        move_to(std::max(node.next_deadline(), now.mono));
        node.on_deadline(now);
        drain();
    }
    move_to(until);
}

void Rig::drain() {
    while (auto output = node.poll()) {
        if (auto* transmit = std::get_if<endpoint::Transmit>(&*output)) {
            sent.push_back(std::move(*transmit));
        } else if (auto* intent = std::get_if<bmc::Intent>(&*output)) {
            all_intents.push_back(std::move(*intent));
        } else if (const auto* audit = std::get_if<endpoint::Audit>(&*output)) {
            std::string text = name_of(audit->kind) + " " + audit->user;
            audits_.push_back(audit->detail.empty() ? text : text + " " + audit->detail);
        } else if (const auto* persist = std::get_if<endpoint::Persist>(&*output)) {
            for (u8 i = 0; i < bmc::section_count; ++i) {
                if (persist->sections.has(static_cast<bmc::Section>(i))) {
                    to_keep.add(static_cast<bmc::Section>(i));
                }
            }
        }
    }
}

std::vector<std::string> Rig::audits() {
    return std::exchange(audits_, {});
}

Visitor Rig::visitor(std::string_view name, u8 level, u16 port) {
    ClientOptions options;
    options.user = name;
    options.password = name == "admin" ? "password" : name == "oper" ? "operator1" : "viewer123";
    options.role = static_cast<u8>(0x10 | level);
    options.seed = port;
    Visitor made(*this, options, port);
    if (!made.log_in()) {
        throw std::runtime_error("cannot log in");
    }
    made.ask(level == 4 ? "06 3b 04" : level == 3 ? "06 3b 03" : "06 3b 02");
    audits();
    return made;
}

Visitor Rig::admin(u16 port) {
    return visitor("admin", 4, port);
}

} // namespace vbmc::test
