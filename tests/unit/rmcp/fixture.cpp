#include "fixture.h"

#include <catch2/catch.hpp>

namespace vbmc::test {

TestDirectory::TestDirectory() {
    using rmcp::Privilege;
    users[2] = {"admin", "password", Privilege::administrator, false, true};
    users[3] = {"oper", "operpass", Privilege::operator_, false, true};
    users[4] = {"user", "userpass", Privilege::user, false, true};
    users[5] = {"long", "12345678901234567890", Privilege::administrator, true, true};
    users[6] = {"off", "password", Privilege::administrator, false, false};
    for (std::size_t i = 0; i < id.size(); ++i) {
        id[i] = static_cast<u8>(0xa0 + i);
    }
}

std::optional<rmcp::Credentials>
TestDirectory::find_user(Bytes name, std::optional<rmcp::Privilege> exact) const noexcept {
    const std::string wanted(name.begin(), name.end());
    for (const auto& [number, user] : users) {
        if (user.enabled && user.name == wanted && (!exact || *exact == user.privilege_max)) {
            rmcp::Credentials credentials;
            credentials.user_id = number;
            credentials.privilege_max = user.privilege_max;
            credentials.key_is_20 = user.key_is_20;
            std::copy(user.password.begin(), user.password.end(), credentials.key.begin());
            return credentials;
        }
    }
    return std::nullopt;
}

void TestDirectory::on_session_event(const rmcp::SessionEvent& event) noexcept {
    events.push_back(
        {event.kind,
         event.reason,
         std::string(event.user_name.begin(), event.user_name.end()),
         event.user_id,
         event.session_id,
         event.suite_id,
         event.privilege_max}
    );
}

void TestDirectory::only_suite(u8 suite) {
    rules.suites[0] = {suite, rmcp::Privilege::administrator};
    rules.suite_count = 1;
}

void ScriptedEntropy::fill(MutableBytes out) noexcept {
    seeded.fill(out);
    for (u8& byte : out) {
        if (!script.empty()) {
            byte = script.front();
            script.pop_front();
        }
    }
}

Peer peer_at(u8 last_octet, u16 port) {
    return {IpAddress::v4(192, 0, 2, last_octet), port};
}

World::World(const rmcp::Limits& limits) : shared(entropy, limits), engine(shared, directory) {
    handle = [](const rmcp::Request&) { return std::vector<u8>{0x00}; };
}

std::optional<Packet> World::deliver(const Peer& from, Packet datagram) {
    Packet out(out_size);
    const rmcp::Incoming incoming = engine.open(now, from, datagram, out);
    if (const auto* const answered = std::get_if<rmcp::Answered>(&incoming)) {
        REQUIRE(answered->size <= out.size());
        out.resize(answered->size);
        return out;
    }
    if (const auto* const sol = std::get_if<rmcp::Sol>(&incoming)) {
        last_sol = *sol;
        last_sol_payload.assign(sol->payload.begin(), sol->payload.end());
        return std::nullopt;
    }
    const auto* const request = std::get_if<rmcp::Request>(&incoming);
    if (request == nullptr) {
        return std::nullopt;
    }
    ++runs;
    last_request = *request;
    last_request.data = {};
    last_data.assign(request->data.begin(), request->data.end());
    if (park) {
        parked.push_back(request->ret);
        return std::nullopt;
    }
    const std::vector<u8> reply = handle(*request);
    const std::size_t size = engine.reply(now, request->ret, reply, out, repeat);
    out.resize(size);
    return size > 0 ? std::optional(out) : std::nullopt;
}

rmcp::Drop World::dropped(const Peer& from, Packet datagram) {
    Packet out(out_size);
    const rmcp::Incoming incoming = engine.open(now, from, datagram, out);
    REQUIRE(std::holds_alternative<rmcp::Dropped>(incoming));
    return std::get<rmcp::Dropped>(incoming).reason;
}

void World::pass(Duration time) {
    const Mono end = now.mono + time;
    while (engine.next_deadline() <= end) {
        now.mono = std::max(now.mono, engine.next_deadline());
        engine.on_deadline(now);
        REQUIRE(engine.next_deadline() > now.mono);
    }
    now.mono = end;
}

ModelClient World::log_in(const Peer& from, ClientOptions options) {
    ModelClient client(shared.tools, std::move(options));
    REQUIRE(client.log_in(this->from(from)));
    return client;
}

} // namespace vbmc::test
