#pragma once
// A source of nodes: where to look for machines, which of them are meant, and what their nodes are
// like. Plain data between the store, Sources and the control API.

#include "base/secret.h"
#include "base/time.h"
#include "fleet/selector.h"
#include "store/records.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace vbmc::fleet {

struct Registration {
    std::string name_prefix;
    std::string address; // "": the default one; "auto": from the pool; else an address
    std::map<std::string, std::string> labels;
    std::string username = "admin";
    std::string password; // or a reference; empty: a random one for each node

    friend bool operator==(const Registration&, const Registration&) = default;
};

struct SourceSpec {
    std::string name;
    std::string kind;
    std::map<std::string, std::string> options; // of the kind's discover schema
    Selector selector;
    Registration registration;
    double interval_s = 60;
    double grace_s = 600;
    bool paused = false;

    friend bool operator==(const SourceSpec&, const SourceSpec&) = default;
};

struct SourceCondition {
    std::string machine; // its id; empty: the source itself
    std::string reason;  // UPPER_SNAKE
    std::string message;
};

struct SourceStatus {
    u32 machines = 0; // that the selector fitted at the last look
    std::vector<std::string> nodes;
    std::optional<Wall> looked;
    std::string last_error;
    std::optional<Wall> next_look;
    std::vector<SourceCondition> conditions;
};

struct SourceView {
    SourceSpec spec;
    SourceStatus status;
};

/// What can be judged without looking: name, kind, options, references, times.
Result<void> check_source(const SourceSpec& spec, const backend::CredentialRules& rules);

store::SourceRecord to_record(const SourceSpec& spec, Wall now);
Result<SourceSpec> source_from_record(const store::SourceRecord& record);

/// A name for the node of a machine: what a node's name may not have becomes '-'.
std::string node_name(const Registration& registration, const backend::Found& machine);

/// The options of its node: those of the source that a node has too, and the machine's own.
std::map<std::string, std::string>
node_options(const SourceSpec& spec, const backend::Found& machine);

} // namespace vbmc::fleet
