#pragma once
// What a command is: a struct with `id`, `privilege`, `Request` and `Response`, and one free
// function
//
//     Reply<X::Response> handle(Target&, const Context&, const X::Request&);
//
// A handler reads and changes its target (the model), leaves intents, and never waits. One that has
// to know how an intent ended returns Defer{ticket}: the same request comes back later with
// ctx.completion set, and must then be answered for good.

#include "base/fields.h"
#include "base/time.h"
#include "bmc/intent.h"
#include "bmc/privilege.h"
#include "ipmi/completion_code.h"

#include <algorithm>
#include <span>
#include <utility>
#include <variant>

namespace vbmc::ipmi {

/// Network function (even: a request's), command, and the body code of a group extension (netFn
/// 2Ch).
struct CommandId {
    u8 netfn;
    u8 command;
    u8 group = 0;

    constexpr u32 key() const noexcept {
        return static_cast<u32>(netfn) << 16 | static_cast<u32>(group) << 8 | command;
    }

    friend constexpr auto operator<=>(const CommandId&, const CommandId&) = default;
};

namespace netfn {
inline constexpr u8 chassis = 0x00;
inline constexpr u8 bridge = 0x02;
inline constexpr u8 sensor = 0x04;
inline constexpr u8 app = 0x06;
inline constexpr u8 firmware = 0x08;
inline constexpr u8 storage = 0x0a;
inline constexpr u8 transport = 0x0c;
inline constexpr u8 group = 0x2c;
inline constexpr u8 oem_30 = 0x30;
inline constexpr u8 oem_3c = 0x3c;
} // namespace netfn

/// How the intent that a deferred command waited for ended.
struct Completion {
    bmc::Outcome outcome;
    bool timed_out; // the confirm window is over; the intent goes on behind
};

/// A command as Get NetFn/Command Support (IPMI 2.0 §21.2 and following) lists it.
struct CommandFacts {
    CommandId id;
    bmc::Privilege privilege;
};

/// Who asks, when, and how.
struct Context {
    Now now{};
    bmc::Privilege privilege = bmc::Privilege::none;
    u8 user_id = 0;
    u8 channel = 1;
    u32 session = 0; // handle; 0: outside a session
    const Completion* completion = nullptr;
    std::span<const CommandFacts> known{}; // every command of this controller, sorted by key
};

/// Whether there is such a command.
constexpr bool is_known(std::span<const CommandFacts> known, CommandId id) noexcept {
    return std::any_of(known.begin(), known.end(), [id](const CommandFacts& facts) {
        return facts.id == id;
    });
}

struct Defer {
    bmc::Ticket ticket;
};

struct Nothing {
    static void fields(auto&, auto&) {}
};

template <class Response>
using Reply = std::variant<Response, CompletionCode, Defer>;

/// How a command ended. While `deferred` is not 0 there is no reply yet.
struct Ran {
    CompletionCode code = CompletionCode::ok;
    bmc::Ticket deferred = 0;
};

template <class Target>
struct Entry {
    CommandId id{};
    bmc::Privilege privilege = bmc::Privilege::administrator;
    Ran (*run)(Target&, const Context&, Bytes request, ByteWriter& reply) = nullptr;
};

/// Decodes, handles, encodes: `reply` gets the response's data after the completion code.
template <class Target, class Command>
Ran run_command(Target& target, const Context& context, Bytes request, ByteWriter& reply) {
    const auto decoded = decode<typename Command::Request>(request);
    if (!decoded) {
        return {CompletionCode::invalid_length};
    }
    const Reply<typename Command::Response> result = handle(target, context, *decoded);
    if (const auto* code = std::get_if<CompletionCode>(&result)) {
        return {*code};
    }
    if (const auto* defer = std::get_if<Defer>(&result)) {
        return {CompletionCode::ok, defer->ticket};
    }
    encode(reply, std::get<0>(result));
    return {reply.ok() ? CompletionCode::ok : CompletionCode::cannot_return_bytes};
}

/// A list of commands as a sorted table; two with the same id do not compile.
template <class Target, class... Commands>
struct CommandList {
    static constexpr auto make() {
        std::array<Entry<Target>, sizeof...(Commands)> entries = {
            Entry<Target>{Commands::id, Commands::privilege, &run_command<Target, Commands>}...};
        std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
            return a.id.key() < b.id.key();
        });
        return entries;
    }

    static constexpr auto entries = make();

    static constexpr bool ids_differ() {
        for (std::size_t i = 1; i < entries.size(); ++i) {
            if (entries[i - 1].id.key() == entries[i].id.key()) {
                return false;
            }
        }
        return true;
    }

    static_assert(ids_differ(), "two commands have the same network function and number");
};

/// Joins lists that live in different files: entries stay sorted, a repeated id does not compile.
template <class Target, std::size_t... Sizes>
constexpr auto join(const std::array<Entry<Target>, Sizes>&... lists) {
    std::array<Entry<Target>, (Sizes + ... + 0)> all{};
    std::size_t at = 0;
    ((std::copy(lists.begin(), lists.end(), all.begin() + static_cast<std::ptrdiff_t>(at)),
      at += Sizes),
     ...);
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return a.id.key() < b.id.key();
    });
    return all;
}

/// nullptr when the command is not in the table.
template <class Target>
constexpr const Entry<Target>* find(std::span<const Entry<Target>> table, CommandId id) noexcept {
    const auto at =
        std::lower_bound(table.begin(), table.end(), id.key(), [](const auto& e, u32 key) {
            return e.id.key() < key;
        });
    return at != table.end() && at->id == id ? &*at : nullptr;
}

} // namespace vbmc::ipmi
