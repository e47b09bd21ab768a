// Sources as data: selectors, names, options, and their way into the store and back.

#include "fleet/source_spec.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::fleet;

TEST_CASE("a star stands for anything", "[source]") {
    struct Row {
        const char* pattern;
        const char* text;
        bool fits;
    };

    const auto row = GENERATE(values<Row>({
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "anything", true},
        {"vm-*", "vm-", true},
        {"vm-*", "vm-1", true},
        {"vm-*", "my-vm-1", false},
        {"*-db", "x-db", true},
        {"*-db", "x-db-1", false},
        {"a*b*c", "a--b--bc", true},
        {"a*b*c", "a--c--b", false},
        {"**", "x", true},
        {"a", "A", false},
        {"*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    }));
    INFO(row.pattern << " on " << row.text);
    CHECK(glob_match(row.pattern, row.text) == row.fits);
}

TEST_CASE("a selector asks for everything that it names", "[source]") {
    backend::Found machine;
    machine.name = "web-1";
    machine.labels = {{"role", "web"}, {"spare", ""}};

    struct Row {
        Selector selector;
        bool fits;
    };

    const auto row = GENERATE(values<Row>({
        {{}, true},
        {{"web-*", {}}, true},
        {{"db-*", {}}, false},
        {{"", {{"role", "w*"}}}, true},
        {{"", {{"role", ""}}}, true},
        {{"", {{"spare", ""}}}, true},
        {{"", {{"spare", "yes"}}}, false},
        {{"", {{"zone", ""}}}, false},
        {{"web-*", {{"role", "db"}}}, false},
    }));
    CHECK(row.selector.fits(machine) == row.fits);
}

TEST_CASE("a machine's name becomes a node's", "[source]") {
    struct Row {
        const char* prefix;
        const char* machine;
        const char* node;
    };

    const auto row = GENERATE(values<Row>({
        {"", "vm1", "vm1"},
        {"lab-", "vm1", "lab-vm1"},
        {"", "my vm/1", "my-vm-1"},
        {"", "--x", "x"},
        {"", "", "the-id"},
        {"", "../etc", "etc"},
    }));
    Registration registration;
    registration.name_prefix = row.prefix;
    backend::Found machine;
    machine.id = "the-id";
    machine.name = row.machine;
    CHECK(node_name(registration, machine) == row.node);
    machine.name = std::string(200, 'n');
    CHECK(node_name(registration, machine).size() == 63);
}

TEST_CASE("a node gets the options that its kind has", "[source]") {
    SourceSpec spec;
    spec.kind = "sim";
    spec.options = {{"inventory", "[]"}, {"speed", "5"}, {"latency", "1s"}};
    backend::Found machine;
    machine.options = {{"machine", "7"}, {"latency", "2s"}, {"no-such-option", "x"}};
    const std::map<std::string, std::string> wanted = {
        {"speed", "5"}, {"latency", "2s"}, {"machine", "7"}};
    CHECK(node_options(spec, machine) == wanted);
}

TEST_CASE("a source is the same when it comes back", "[source]") {
    SourceSpec spec;
    spec.name = "lab";
    spec.kind = "sim";
    spec.options = {{"inventory", "[{}]"}, {"speed", "5"}};
    spec.selector = {"vm-*", {{"role", "web"}}};
    spec.registration.name_prefix = "lab-";
    spec.registration.address = "auto";
    spec.registration.labels = {{"a", "b"}};
    spec.registration.username = "ops";
    spec.registration.password = "a secret";
    spec.interval_s = 5;
    spec.grace_s = 0;
    spec.paused = true;
    const store::SourceRecord record = to_record(spec, Wall{});
    CHECK(record.spec.find("[{}]") == std::string::npos); // secrets are kept apart
    CHECK(record.spec.find("a secret") == std::string::npos);
    CHECK(record.secrets.size() == 2);
    const auto back = source_from_record(record);
    REQUIRE(back.has_value());
    CHECK(*back == spec);

    store::SourceRecord damaged = record;
    damaged.spec = "{";
    CHECK(source_from_record(damaged).has_error());
    damaged.spec = R"({"version": 99})";
    CHECK(source_from_record(damaged).has_error());
}

TEST_CASE("what is wrong with a source is told by field", "[source]") {
    const backend::CredentialRules rules;
    SourceSpec good;
    good.name = "lab";
    good.kind = "sim";
    good.options = {{"inventory", "[]"}};
    REQUIRE(check_source(good, rules).has_value());

    struct Row {
        const char* field;
        void (*spoil)(SourceSpec&);
    };

    const auto row = GENERATE(values<Row>({
        {"name", [](SourceSpec& s) { s.name = "a b"; }},
        {"kind", [](SourceSpec& s) { s.kind = "nothing"; }},
        {"backend.options.inventory", [](SourceSpec& s) { s.options.clear(); }},
        {"backend.options.x", [](SourceSpec& s) { s.options["x"] = "y"; }},
        {"backend.options.inventory",
         [](SourceSpec& s) { s.options["inventory"] = "file:/etc/shadow"; }},
        {"interval", [](SourceSpec& s) { s.interval_s = 0; }},
        {"grace", [](SourceSpec& s) { s.grace_s = -1; }},
        {"registration.address", [](SourceSpec& s) { s.registration.address = "here"; }},
        {"registration.username", [](SourceSpec& s) { s.registration.username = ""; }},
        {"registration.password", [](SourceSpec& s) { s.registration.password = "env:HOME"; }},
        {"registration.name_prefix", [](SourceSpec& s) { s.registration.name_prefix = "-"; }},
    }));
    row.spoil(good);
    const auto checked = check_source(good, rules);
    REQUIRE(checked.has_error());
    CHECK(checked.error().field == row.field);
}
