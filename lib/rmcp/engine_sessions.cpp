// The engine's lists: half-open sessions and sessions, their bounds, their ends, and the questions
// that session commands ask.

#include "rmcp/engine.h"
#include "rmcp/pools.h"

#include <bitset>

namespace vbmc::rmcp {

namespace {

namespace completion {
constexpr u8 ok = 0x00;
constexpr u8 exceeds_limit = 0x81;
constexpr u8 invalid_field = 0xcc;
} // namespace completion

/// Half-open sessions of a node are at most this many, whatever the limits say.
constexpr std::size_t half_open_ceiling = 256;

/// Whose half-open session has to go when there is no room for one more.
struct Crowd {
    u32 oldest = no_slot;
    u32 oldest_opened = no_slot; // the console was not heard again since Open Session
    u32 count = 0;

    /// The list is newest first: the last one seen is the oldest.
    void add(u32 slot, const HalfOpen& half) noexcept {
        oldest = slot;
        if (!std::holds_alternative<Rakp2Sent>(half.state)) {
            oldest_opened = slot;
        }
        ++count;
    }

    u32 victim() const noexcept { return oldest_opened != no_slot ? oldest_opened : oldest; }
};

/// The source that holds most of a node's half-open sessions: a stranger's flood pushes out itself.
u32 victim_of_heaviest_source(const Pool<HalfOpen>& pool, u32 head) noexcept {
    struct Source {
        const IpAddress* address = nullptr;
        Crowd crowd;
    };

    std::array<Source, half_open_ceiling> sources{};
    std::size_t count = 0;
    for (u32 slot = head; slot != no_slot; slot = pool[slot].next) {
        const IpAddress& address = pool[slot].peer.address;
        std::size_t at = 0;
        while (at < count && *sources[at].address != address) {
            ++at;
        }
        if (at == sources.size()) {
            break;
        }
        if (at == count) {
            sources[count++].address = &address;
        }
        sources[at].crowd.add(slot, pool[slot]);
    }
    const Source* heaviest = nullptr;
    for (std::size_t i = 0; i < count; ++i) { // newest first: of equals the oldest goes
        if (heaviest == nullptr || sources[i].crowd.count >= heaviest->crowd.count) {
            heaviest = &sources[i];
        }
    }
    return heaviest == nullptr ? no_slot : heaviest->crowd.victim();
}

} // namespace

u32 Engine::find_half_open(u32 id, const Peer& peer) const noexcept {
    const Pool<HalfOpen>& pool = shared_.pools->half_open;
    for (u32 slot = half_open_; slot != no_slot; slot = pool[slot].next) {
        if (pool[slot].id == id) {
            return pool[slot].peer == peer ? slot : no_slot;
        }
    }
    return no_slot;
}

u32 Engine::find_same_request(const Peer& peer, const wire::OpenSessionRequest& request)
    const noexcept {
    const Pool<HalfOpen>& pool = shared_.pools->half_open;
    wire::OpenSessionRequest same = request;
    for (u32 slot = half_open_; slot != no_slot; slot = pool[slot].next) {
        const HalfOpen& half = pool[slot];
        same.tag = half.request.tag; // freeipmi counts it up when it resends
        const bool waiting = std::holds_alternative<Opened>(half.state) ||
                             std::holds_alternative<Rakp2Sent>(half.state);
        if (waiting && half.request == same && half.peer == peer) {
            return slot;
        }
    }
    return no_slot;
}

u32 Engine::find_same_challenge(const Peer& peer, wire::AuthType type, Bytes name) const noexcept {
    const Pool<HalfOpen>& pool = shared_.pools->half_open;
    for (u32 slot = half_open_; slot != no_slot; slot = pool[slot].next) {
        const Challenged* const state = std::get_if<Challenged>(&pool[slot].state);
        if (state != nullptr && state->auth_type == type && equal(state->name.bytes(), name) &&
            pool[slot].peer == peer) {
            return slot;
        }
    }
    return no_slot;
}

u32 Engine::find_session(u32 id) const noexcept {
    const Pool<Session>& pool = shared_.pools->sessions;
    u32 slot = sessions_;
    while (slot != no_slot && pool[slot].id != id) {
        slot = pool[slot].next;
    }
    return slot;
}

u32 Engine::new_id() noexcept {
    for (;;) {
        const u32 id = shared_.entropy.next_u32();
        const Pool<HalfOpen>& pool = shared_.pools->half_open;
        u32 slot = half_open_;
        while (slot != no_slot && pool[slot].id != id) {
            slot = pool[slot].next;
        }
        if (id != 0 && slot == no_slot && find_session(id) == no_slot) {
            return id;
        }
    }
}

u32 Engine::make_half_open(const Arrival& arrival) noexcept {
    Pool<HalfOpen>& pool = shared_.pools->half_open;
    const Limits& limits = shared_.limits;
    Crowd same_port;
    Crowd same_source;
    for (u32 slot = half_open_; slot != no_slot; slot = pool[slot].next) {
        const HalfOpen& half = pool[slot];
        if (half.peer.address == arrival.peer.address) {
            same_source.add(slot, half);
            if (half.peer.port == arrival.peer.port) {
                same_port.add(slot, half);
            }
        }
    }
    const u32 per_node = std::min<u32>(limits.half_open_per_node, half_open_ceiling);
    if (same_port.count >= limits.half_open_per_port) {
        end_half_open(same_port.victim());
    } else if (same_source.count >= limits.half_open_per_source) {
        end_half_open(same_source.victim());
    } else if (half_open_count_ >= per_node) {
        end_half_open(victim_of_heaviest_source(pool, half_open_));
    }
    u32 slot = pool.take();
    if (slot == no_slot && half_open_ != no_slot) { // the shard is full: one of our own goes
        end_half_open(victim_of_heaviest_source(pool, half_open_));
        slot = pool.take();
    }
    if (slot == no_slot) {
        return no_slot;
    }
    HalfOpen& half = pool[slot];
    half.id = new_id();
    half.peer = arrival.peer;
    half.since = arrival.now.mono;
    half.next = half_open_;
    half_open_ = slot;
    ++half_open_count_;
    wake_at(half.since + limits.half_open_timeout);
    return slot;
}

u32 Engine::make_session(
    const Arrival& arrival, const HalfOpen& half, const Credentials& user
) noexcept {
    const u8 handle = free_handle();
    if (session_count_ >= directory_.policy().sessions_max || handle == 0) {
        return no_slot;
    }
    Pool<Session>& pool = shared_.pools->sessions;
    const u32 slot = pool.take();
    if (slot == no_slot) {
        return no_slot;
    }
    Session& session = pool[slot];
    session.id = half.id;
    session.peer = arrival.peer;
    session.opened = arrival.now.mono;
    session.last_used = arrival.now.mono;
    session.handle = handle;
    session.user_id = user.user_id;
    session.next = sessions_;
    sessions_ = slot;
    ++session_count_;
    wake_at(session.last_used + shared_.limits.idle_timeout);
    return slot;
}

u8 Engine::free_handle() const noexcept {
    std::bitset<256> taken;
    taken.set(0);
    const Pool<Session>& pool = shared_.pools->sessions;
    for (u32 slot = sessions_; slot != no_slot; slot = pool[slot].next) {
        taken.set(pool[slot].handle);
    }
    u8 handle = 1;
    while (handle != 0 && taken.test(handle)) {
        ++handle;
    }
    return handle;
}

u32 Engine::longest_idle(Mono now, u8 user_id) const noexcept {
    const Pool<Session>& pool = shared_.pools->sessions;
    u32 found = no_slot;
    for (u32 slot = sessions_; slot != no_slot; slot = pool[slot].next) {
        const bool counts = user_id == 0 || pool[slot].user_id == user_id;
        if (counts && now - pool[slot].last_used >= shared_.limits.eviction_grace &&
            (found == no_slot || pool[slot].last_used <= pool[found].last_used)) {
            found = slot;
        }
    }
    return found;
}

/// A user's own limit, by the rule of the node's: a session that nobody used for a while makes
/// room.
bool Engine::make_room_for(const Credentials& user, Mono now) noexcept {
    if (user.sessions_max == 0) {
        return true;
    }
    const Pool<Session>& pool = shared_.pools->sessions;
    u32 count = 0;
    for (u32 slot = sessions_; slot != no_slot; slot = pool[slot].next) {
        count += pool[slot].user_id == user.user_id ? 1 : 0;
    }
    if (count < user.sessions_max) {
        return true;
    }
    const u32 idle = longest_idle(now, user.user_id);
    if (idle == no_slot || count > user.sessions_max) { // lowered below what is open
        return false;
    }
    end_session(idle, Reason::evicted);
    return true;
}

bool Engine::room_for_session(Mono now) const noexcept {
    return session_count_ < directory_.policy().sessions_max || longest_idle(now) != no_slot;
}

void Engine::end_half_open(u32 slot) noexcept {
    Pool<HalfOpen>& pool = shared_.pools->half_open;
    u32* link = &half_open_;
    while (*link != slot) {
        link = &pool[*link].next;
    }
    *link = pool[slot].next;
    pool.release(slot);
    --half_open_count_;
}

void Engine::end_session(u32 slot, Reason reason) noexcept {
    Pool<Session>& pool = shared_.pools->sessions;
    u32* link = &sessions_;
    while (*link != slot) {
        link = &pool[*link].next;
    }
    *link = pool[slot].next;
    --session_count_;
    const Session& session = pool[slot];
    SessionEvent event;
    event.kind = SessionEvent::Kind::closed;
    event.reason = reason;
    event.peer = session.peer;
    event.user_id = session.user_id;
    event.privilege_max = session.privilege_max;
    event.session_id = session.id;
    event.suite_id = session.suite_id();
    pool.release(slot);
    ++shared_.counters.closed[static_cast<std::size_t>(reason)];
    directory_.on_session_event(event);
}

void Engine::opened(const Session& session, Bytes name) noexcept {
    SessionEvent event;
    event.kind = SessionEvent::Kind::opened;
    event.peer = session.peer;
    event.user_name = name;
    event.user_id = session.user_id;
    event.privilege_max = session.privilege_max;
    event.session_id = session.id;
    event.suite_id = session.suite_id();
    ++shared_.counters.opened[std::min<std::size_t>(event.suite_id, Counters::suites - 1)];
    directory_.on_session_event(event);
}

void Engine::refused(
    const Peer& peer, Reason reason, Bytes name, u8 suite_id, Privilege privilege_max
) noexcept {
    SessionEvent event;
    event.kind = SessionEvent::Kind::refused;
    event.reason = reason;
    event.peer = peer;
    event.user_name = name;
    event.privilege_max = privilege_max;
    event.suite_id = suite_id;
    ++shared_.counters.refused[static_cast<std::size_t>(reason)];
    directory_.on_session_event(event);
}

void Engine::on_deadline(Now now) noexcept {
    const Limits& limits = shared_.limits;
    Pool<HalfOpen>& half_opens = shared_.pools->half_open;
    deadline_ = never;
    for (u32 slot = half_open_; slot != no_slot;) {
        const HalfOpen& half = half_opens[slot];
        const u32 next = half.next;
        if (now.mono - half.since < limits.half_open_timeout) {
            wake_at(half.since + limits.half_open_timeout);
        } else {
            if (const Rakp2Sent* const state = std::get_if<Rakp2Sent>(&half.state)) {
                // A client with a wrong password finds RAKP 2 wrong and just stops.
                const UserName name = state->name;
                shared_.pools->throttle.guessed_wrong(now.mono, salt_, half.peer.address);
                refused(
                    half.peer, Reason::abandoned, name.bytes(), half.suite_id, half.privilege_max
                );
            }
            end_half_open(slot);
        }
        slot = next;
    }
    Pool<Session>& sessions = shared_.pools->sessions;
    for (u32 slot = sessions_; slot != no_slot;) {
        const Session& session = sessions[slot];
        const u32 next = session.next;
        if (now.mono - session.last_used < limits.idle_timeout) {
            wake_at(session.last_used + limits.idle_timeout);
        } else {
            end_session(slot, Reason::idle);
        }
        slot = next;
    }
}

SessionInfo Engine::info_of(const Session& session) noexcept {
    SessionInfo info;
    info.id = session.id;
    info.handle = session.handle;
    info.user_id = session.user_id;
    info.privilege = session.privilege;
    info.privilege_max = session.privilege_max;
    info.framing = session.framing;
    info.suite_id = session.suite_id();
    info.peer = session.peer;
    info.opened = session.opened;
    info.last_used = session.last_used;
    return info;
}

u32 Engine::next_session(u32 slot) const noexcept {
    return shared_.pools->sessions[slot].next;
}

SessionInfo Engine::info(u32 slot) const noexcept {
    return info_of(shared_.pools->sessions[slot]);
}

std::optional<SessionInfo> Engine::session(u32 id) const noexcept {
    const u32 slot = find_session(id);
    return slot == no_slot ? std::nullopt : std::optional(info(slot));
}

std::optional<SessionInfo> Engine::session_by_handle(u8 handle) const noexcept {
    std::optional<SessionInfo> found;
    for_each_session([&](const SessionInfo& candidate) {
        if (candidate.handle == handle) {
            found = candidate;
        }
    });
    return found;
}

std::optional<SessionInfo> Engine::session_by_index(u8 index) const noexcept {
    std::bitset<256> taken;
    for_each_session([&](const SessionInfo& candidate) { taken.set(candidate.handle); });
    for (unsigned handle = 1; handle < 256; ++handle) {
        if (taken.test(handle) && index-- == 1) {
            return session_by_handle(static_cast<u8>(handle));
        }
    }
    return std::nullopt;
}

std::optional<Peer> Engine::peer_of(u32 session_id) const noexcept {
    const u32 slot = find_session(session_id);
    return slot == no_slot ? std::nullopt : std::optional(shared_.pools->sessions[slot].peer);
}

PrivilegeAnswer Engine::set_privilege(u32 session_id, u8 asked) noexcept {
    const u32 slot = find_session(session_id);
    if (slot == no_slot) {
        return {completion::invalid_field, Privilege::none};
    }
    Session& session = shared_.pools->sessions[slot];
    const u8 level = asked & 0x0f;
    if (level == 0) {
        return {completion::ok, session.privilege};
    }
    const Privilege wanted = static_cast<Privilege>(level);
    if (wanted == Privilege::callback || wanted > Privilege::oem) {
        return {completion::invalid_field, session.privilege};
    }
    if (wanted > session.privilege_max) {
        return {completion::exceeds_limit, session.privilege};
    }
    session.privilege = wanted;
    return {completion::ok, wanted};
}

void Engine::touch(Now now, u32 session_id) noexcept {
    const u32 slot = find_session(session_id);
    if (slot != no_slot) {
        shared_.pools->sessions[slot].last_used = now.mono;
    }
}

bool Engine::close(u32 session_id, Reason reason) noexcept {
    const u32 slot = find_session(session_id);
    if (slot == no_slot) {
        return false;
    }
    end_session(slot, reason);
    return true;
}

std::size_t Engine::close_user(u8 user_id) noexcept {
    std::size_t count = 0;
    for (u32 slot = sessions_; slot != no_slot;) {
        const u32 next = next_session(slot);
        if (shared_.pools->sessions[slot].user_id == user_id) {
            end_session(slot, Reason::user_changed);
            ++count;
        }
        slot = next;
    }
    return count;
}

void Engine::close_all(u32 kept) noexcept {
    for (u32 slot = sessions_; slot != no_slot;) {
        const Session& session = shared_.pools->sessions[slot];
        const u32 next = session.next;
        if (session.id != kept) {
            end_session(slot, Reason::by_command);
        }
        slot = next;
    }
    while (half_open_ != no_slot) {
        end_half_open(half_open_);
    }
}

} // namespace vbmc::rmcp
