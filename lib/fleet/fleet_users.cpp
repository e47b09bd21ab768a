// IPMI users and K_g on behalf of the control API. A change is made in the model and kept by the
// store before it is answered; one that cannot be kept is taken back.

#include "fleet/fleet_impl.h"

#include <utility>

namespace vbmc::fleet {

namespace {

using Users = bmc::Users;

Error no_user(const std::string& user) {
    return Error(
               ErrorCode::not_found,
               "USER_NOT_FOUND",
               "there is no user '" + user.substr(0, 40) + "'"
    )
        .with_field("user");
}

Bytes bytes_of(const std::string& text) {
    return {static_cast<const u8*>(static_cast<const void*>(text.data())), text.size()};
}

/// By id when it is a number that has a slot, else by name.
const bmc::User* find_user(const Users& users, const std::string& user) {
    for (const bmc::User& one : users.list()) {
        if (!one.name.empty() && equal(one.name.bytes(), bytes_of(user))) {
            return &one;
        }
    }
    const auto id = backend::parse_number(user);
    return id && *id >= bmc::first_user && *id <= bmc::user_slots ? users.find(static_cast<u8>(*id))
                                                                  : nullptr;
}

/// "a new password, privilege user to operator": what differs, without a secret.
std::string difference(const bmc::User& before, const bmc::User& now) {
    std::string all;
    const auto note = [&all](bool differs, const std::string& what) {
        if (differs) {
            all += (all.empty() ? "" : ", ") + what;
        }
    };
    const UserSpec old = from_model(before, false);
    const UserSpec next = from_model(now, false);
    note(old.name != next.name, "renamed from " + old.name);
    note(!(before.password == now.password), "a new password");
    note(old.privilege != next.privilege, "privilege " + old.privilege + " to " + next.privilege);
    note(old.enabled != next.enabled, next.enabled ? "enabled" : "disabled");
    return all.empty() ? "nothing" : all;
}

struct ChangedUser {
    UserSpec user; // as it is now
    std::string what;
};

/// Adds or changes.
Result<ChangedUser> change_user(Node& node, UserSpec user) {
    Users& users = node.model().users;
    const bmc::User* old = user.id != 0 ? users.find(user.id) : nullptr;
    if (user.id == 0) {
        for (const bmc::User& one : users.list()) {
            if (equal(one.name.bytes(), bytes_of(user.name))) {
                old = &one;
            }
        }
        user.id = old != nullptr ? old->id : users.free_slot();
    }
    if (user.id == 0) {
        return Error(ErrorCode::resource_exhausted, "USERS_FULL", "a node has 15 users at most");
    }
    if (users.name_taken(bytes_of(user.name), user.id)) {
        return Error(
                   ErrorCode::already_exists,
                   "USER_EXISTS",
                   "another user is named '" + user.name + "'"
        )
            .with_field("user.name");
    }
    if (auto fits = check_user(user, old == nullptr); fits.has_error()) {
        return fits.error();
    }
    const bmc::User next = to_model(user, old != nullptr ? *old : bmc::User{});
    const bool new_secret = old != nullptr && (!user.password.empty() || !user.enabled);
    ChangedUser changed;
    changed.user = from_model(next, false);
    changed.what = "user " + changed.user.name;
    if (old == nullptr) {
        changed.what += " added: " + changed.user.privilege + (next.enabled ? "" : ", disabled");
    } else {
        changed.what += " changed: " + difference(*old, next);
    }
    users.set(next);
    if (new_secret) {
        node.sessions().close_user(next.id); // whoever knew the old password is out
    }
    node.users_changed();
    node.settle();
    return changed;
}

Result<UserSpec> drop_user(Node& node, const std::string& name) {
    Users& users = node.model().users;
    const bmc::User* user = find_user(users, name);
    if (user == nullptr) {
        return no_user(name);
    }
    const UserSpec dropped = from_model(*user, false);
    users.remove(dropped.id);
    node.sessions().close_user(dropped.id);
    node.users_changed();
    node.settle();
    return dropped;
}

} // namespace

Awaitable<Result<std::vector<UserSpec>>> Fleet::Impl::users(std::string name, bool with_passwords) {
    auto found = find_made(name);
    if (found.has_error()) {
        co_return found.error();
    }
    const EntryPtr entry = *found;
    auto read = [with_passwords](Node& node) {
        std::vector<UserSpec> all;
        for (const bmc::User& user : node.model().users.list()) {
            if (!user.name.empty()) {
                all.push_back(from_model(user, with_passwords));
            }
        }
        if (with_passwords && node.model().users.has_kg()) {
            UserSpec kg; // no user has id 0
            Bytes key = node.model().users.kg().reveal();
            while (!key.empty() && key.back() == 0) {
                key = key.first(key.size() - 1);
            }
            kg.password = Secret(key);
            all.push_back(std::move(kg));
        }
        return all;
    };
    co_return co_await on_node(entry, read);
}

Awaitable<Result<UserSpec>>
Fleet::Impl::set_user(std::string name, UserSpec user, std::string who) {
    auto found = find_made(name);
    if (found.has_error()) {
        co_return found.error();
    }
    const EntryPtr entry = *found;
    const Turn::Held held = co_await entry->turn.take();
    if (!entry->node) {
        co_return Error(ErrorCode::not_found, "NODE_NOT_FOUND", "the node was removed");
    }
    auto copy = [](Node& node) { return node.model().users; };
    Users before = co_await on_node(entry, copy);
    auto change = [user = std::move(user)](Node& node) mutable {
        return change_user(node, std::move(user));
    };
    Result<ChangedUser> changed = co_await on_node(entry, std::move(change));
    if (changed.has_error()) {
        co_return changed.error();
    }
    Result<void> kept = co_await put_section(entry, bmc::Section::users);
    if (kept.has_error()) {
        auto back = [before = std::move(before)](Node& node) {
            node.model().users = before;
            node.users_changed();
        };
        co_await on_node(entry, std::move(back));
        co_return kept.error();
    }
    tell(*entry, Event::Kind::users, who, changed->what);
    co_return std::move(changed->user);
}

Awaitable<Result<void>>
Fleet::Impl::remove_user(std::string name, std::string user, std::string who) {
    auto found = find_made(name);
    if (found.has_error()) {
        co_return found.error();
    }
    const EntryPtr entry = *found;
    const Turn::Held held = co_await entry->turn.take();
    if (!entry->node) {
        co_return Error(ErrorCode::not_found, "NODE_NOT_FOUND", "the node was removed");
    }
    auto copy = [](Node& node) { return node.model().users; };
    Users before = co_await on_node(entry, copy);
    auto change = [user](Node& node) { return drop_user(node, user); };
    Result<UserSpec> dropped = co_await on_node(entry, std::move(change));
    if (dropped.has_error()) {
        co_return dropped.error();
    }
    Result<void> kept = co_await put_section(entry, bmc::Section::users);
    if (kept.has_error()) {
        auto back = [before = std::move(before)](Node& node) {
            node.model().users = before;
            node.users_changed();
        };
        co_await on_node(entry, std::move(back));
        co_return kept;
    }
    tell(*entry, Event::Kind::users, who, "user " + dropped->name + " removed");
    co_return Result<void>();
}

Awaitable<Result<std::vector<UserSpec>>> Fleet::Impl::secrets(std::string name, std::string who) {
    auto found = find_made(name);
    if (found.has_error()) {
        co_return found.error();
    }
    const EntryPtr entry = *found;
    auto all = co_await users(name, true);
    if (all.has_value() && !who.empty()) {
        tell(*entry, Event::Kind::users, who, "secrets were read");
    }
    co_return all;
}

Awaitable<Result<void>> Fleet::Impl::set_kg(std::string name, Secret kg, std::string who) {
    if (kg.size() > 20) { // IPMI 2.0 §13.33
        co_return Error(ErrorCode::invalid_argument, "K_g has 20 bytes at most").with_field("kg");
    }
    auto found = find_made(name);
    if (found.has_error()) {
        co_return found.error();
    }
    const EntryPtr entry = *found;
    const Turn::Held held = co_await entry->turn.take();
    if (!entry->node) {
        co_return Error(ErrorCode::not_found, "NODE_NOT_FOUND", "the node was removed");
    }
    auto set = [key = bmc::Key20(kg.reveal_bytes())](Node& node) {
        const bmc::Key20 old = node.model().users.kg();
        node.model().users.set_kg(key);
        node.users_changed();
        node.settle();
        return old;
    };
    const bmc::Key20 old = co_await on_node(entry, std::move(set));
    Result<void> kept = co_await put_section(entry, bmc::Section::users);
    if (kept.has_error()) {
        auto back = [old](Node& node) {
            node.model().users.set_kg(old);
            node.users_changed();
        };
        co_await on_node(entry, std::move(back));
        co_return kept;
    }
    tell(*entry, Event::Kind::users, who, kg.empty() ? "K_g cleared" : "K_g set");
    co_return Result<void>();
}

} // namespace vbmc::fleet
