#pragma once
// What the store keeps, as plain data: nodes, the sections of their controllers' state, and events.
// The fleet converts between these and its own types. Values; no thread owns them.

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vbmc::store {

/// One node as it is wanted. `name` is unique, and so is the pair (address, port).
struct NodeRecord {
    std::string uid; // the primary key; never changes
    std::string name;
    std::string etag;
    bool enabled = true;
    std::string address; // as IpAddress writes it, so that equal addresses are equal texts
    u16 port = 0;
    std::string spec;                      // JSON text, nothing secret in it
    std::map<std::string, Secret> secrets; // "target/option" -> value; encrypted at rest
    Wall created{};                        // kept from the first put; later ones do not change it
    Wall updated{};
};

/// A source of nodes: where to look for machines, and what to make of them.
struct SourceRecord {
    std::string name;                      // the primary key
    std::string spec;                      // JSON text, nothing secret in it
    std::map<std::string, Secret> secrets; // encrypted at rest
    Wall updated{};
};

struct StoredSource {
    SourceRecord record;
    std::optional<Error> damage; // its secrets cannot be trusted: it must not be used
};

/// bmc::Section::users: names, passwords and K_g. Encrypted at rest; the other sections are not.
inline constexpr u8 secret_section = 0;

/// One section of a controller's state: opaque, versioned by who wrote it. Wiped when it ends.
struct SectionBlob {
    SectionBlob() = default;

    SectionBlob(u8 number_, std::vector<u8> bytes_) : number(number_), bytes(std::move(bytes_)) {}

    SectionBlob(SectionBlob&& other) noexcept = default;

    SectionBlob& operator=(SectionBlob&& other) noexcept {
        wipe(bytes);
        number = other.number;
        bytes = std::move(other.bytes);
        return *this;
    }

    SectionBlob(const SectionBlob&) = delete;
    SectionBlob& operator=(const SectionBlob&) = delete;

    ~SectionBlob() { wipe(bytes); }

    u8 number = 0; // bmc::Section
    std::vector<u8> bytes;
};

/// One line of the audit: a ring, the oldest go first.
struct EventRecord {
    u64 sequence = 0; // rises; 0 in an append: the store gives the next one
    Wall when{};
    std::string kind;
    std::string node; // its name, or empty
    std::string who;
    std::string message;
    std::string fields; // JSON text, nothing secret in it
};

struct EventQuery {
    u64 before = 0;   // only events with a smaller sequence; 0: up to the newest
    std::string node; // only this node's; empty: all
    std::size_t max = 100;
};

struct StoredNode {
    NodeRecord record;
    std::vector<SectionBlob> sections;

    /// Set when something of this node cannot be trusted (does not decrypt, was exchanged with
    /// another row). Its secrets and that section are absent then: such a node must be shown as
    /// failed and neither be started nor be saved over.
    std::optional<Error> damage;
};

/// Everything, as it was at start.
struct Snapshot {
    std::vector<StoredNode> nodes; // in name order
    u64 last_event = 0;            // the newest event's sequence; 0: there is none

    /// There was no database: this is a new, empty one.
    bool fresh_database = false;

    /// ... although there was a key: a first start that was interrupted, or a database that got
    /// lost. Worth a warning.
    bool key_without_database = false;
};

} // namespace vbmc::store
