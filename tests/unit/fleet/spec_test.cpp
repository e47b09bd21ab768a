#include "fleet/credentials.h"
#include "fleet/sel_text.h"
#include "fleet/spec_check.h"
#include "fleet/spec_record.h"

#include <catch2/catch.hpp>

#include <set>

using namespace vbmc;
using namespace vbmc::fleet;

namespace {

NodeSpec good() {
    NodeSpec spec;
    spec.name = "n1";
    spec.uid = "6f1d2c3b-0a9e-4f00-8123-456789abcdef";
    spec.etag = "e1";
    spec.address = IpAddress::v4(127, 0, 0, 1);
    spec.port = 6230;
    Target target;
    target.kind = "sim";
    spec.targets.push_back(target);
    return spec;
}

} // namespace

TEST_CASE("specifications are checked field by field", "[spec]") {
    struct Row {
        const char* field; // empty: it is right
        void (*change)(NodeSpec& spec);
    };

    const Row rows[] = {
        {"", [](NodeSpec&) {}},
        {"", [](NodeSpec& s) { s.name = "Node_7.rack-2"; }},
        {"name", [](NodeSpec& s) { s.name = ""; }},
        {"name", [](NodeSpec& s) { s.name = "../victim"; }},
        {"name", [](NodeSpec& s) { s.name = "-x"; }},
        {"name", [](NodeSpec& s) { s.name = "a b"; }},
        {"name", [](NodeSpec& s) { s.name = std::string(64, 'a'); }},
        {"port", [](NodeSpec& s) { s.port = 0; }},
        {"address", [](NodeSpec& s) { s.address = *IpAddress::parse("224.0.0.1"); }},
        {"address", [](NodeSpec& s) { s.address = *IpAddress::parse("ff02::1"); }},
        {"address", [](NodeSpec& s) { s.address = *IpAddress::parse("fe80::1"); }},
        {"", [](NodeSpec& s) { s.address = *IpAddress::parse("fe80::1%2"); }},
        {"", [](NodeSpec& s) { s.address = *IpAddress::parse("::"); }},
        {"policy.cipher_suites", [](NodeSpec& s) { s.policy.cipher_suites = {}; }},
        {"policy.cipher_suites", [](NodeSpec& s) { s.policy.cipher_suites = {0}; }},
        {"policy.cipher_suites",
         [](NodeSpec& s) {
             s.policy.cipher_suites = {3, 3};
         }},
        {"policy.cipher_suites", [](NodeSpec& s) { s.policy.cipher_suites = {4}; }},
        {"", [](NodeSpec& s) { s.policy.cipher_suites = {17}; }},
        {"policy.privilege_max", [](NodeSpec& s) { s.policy.privilege_max = "root"; }},
        {"policy.confirm_window", [](NodeSpec& s) { s.policy.confirm_window_s = -1; }},
        {"policy.stale_after", [](NodeSpec& s) { s.policy.stale_after_s = 1e9; }},
        {"labels", [](NodeSpec& s) { s.labels["a b"] = "c"; }},
        {"labels.a", [](NodeSpec& s) { s.labels["a"] = std::string(1000, 'x'); }},
        {"targets", [](NodeSpec& s) { s.targets.clear(); }},
        {"targets", [](NodeSpec& s) { s.targets.push_back(s.targets[0]); }},
        {"backend", [](NodeSpec& s) { s.targets[0].kind = "simm"; }},
        {"backend.options.sped", [](NodeSpec& s) { s.targets[0].options["sped"] = "2"; }},
        {"routes.soft", [](NodeSpec& s) { s.routes["soft"] = "ssh"; }},
        {"routes.fly", [](NodeSpec& s) { s.routes["fly"] = "main"; }},
        {"", [](NodeSpec& s) { s.routes["soft"] = "main"; }},
    };
    for (const Row& row : rows) {
        NodeSpec spec = good();
        row.change(spec);
        const auto checked = check_spec(spec);
        const auto targets = check_targets(spec);
        const std::string field = checked.has_error()   ? checked.error().field
                                  : targets.has_error() ? targets.error().field
                                                        : "";
        CHECK(field == row.field);
    }
    NodeSpec typo = good();
    typo.targets[0].kind = "smi";
    CHECK(check_targets(typo).error().hint == "did you mean 'sim'?");
}

TEST_CASE("routes choose the target of each capability", "[spec]") {
    NodeSpec spec = good();
    Target second = spec.targets[0];
    second.name = "ssh";
    spec.targets.push_back(second);
    spec.routes = {{"power", "ssh"}, {"console", "main"}, {"nmi", "main"}};
    const auto checked = check_targets(spec);
    REQUIRE(checked.has_value());
    CHECK(checked->routes[static_cast<std::size_t>(Route::power)] == 1);
    CHECK(checked->routes[static_cast<std::size_t>(Route::soft)] == 1); // goes with power
    CHECK(checked->routes[static_cast<std::size_t>(Route::nmi)] == 0);
    CHECK(checked->routes[static_cast<std::size_t>(Route::sensors)] == 0);
}

TEST_CASE("users are checked", "[spec]") {
    struct Row {
        UserSpec user;
        const char* field;
    };

    const auto user = [](std::string name, std::string password, std::string privilege, u8 id) {
        UserSpec u;
        u.name = std::move(name);
        u.password = Secret(std::string_view(password));
        u.privilege = std::move(privilege);
        u.id = id;
        return u;
    };
    for (const Row& row : {
             Row{user("admin", "secret-enough", "administrator", 0), ""},
             Row{user("sixteen-bytes-ab", "12345678901234567890", "user", 16), ""},
             Row{user("", "x", "user", 0), "user.name"},
             Row{user("seventeen-bytes-x", "x", "user", 0), "user.name"},
             Row{user("a\nb", "x", "user", 0), "user.name"},
             Row{user("a", "123456789012345678901", "user", 0), "user.password"},
             Row{user("a", "", "user", 0), "user.password"},
             Row{user("a", "x", "king", 0), "user.privilege"},
             Row{user("a", "x", "user", 1), "user.id"},
             Row{user("a", "x", "user", 17), "user.id"},
         }) {
        const auto checked = check_user(row.user, true);
        CHECK((checked.has_error() ? checked.error().field : "") == row.field);
    }
    const UserSpec in = user("ops", "pass word 20 bytes!!", "operator", 3);
    const bmc::User model = to_model(in, {});
    CHECK(model.can_log_in());
    CHECK(model.password_is_20);
    const UserSpec out = from_model(model, true);
    CHECK(out.name == "ops");
    CHECK(out.password == in.password);
    CHECK(out.privilege == "operator");
    CHECK(from_model(model, false).password.empty());
}

TEST_CASE("a specification survives the store's format", "[spec]") {
    NodeSpec spec = good();
    spec.labels = {{"rack", "a1"}, {"quote", "\"\\\n"}};
    spec.annotations = {{"note", "äöü"}};
    spec.targets[0].options = {{"speed", "10"}, {"unknown-token", "s3cret"}};
    spec.routes = {{"soft", "main"}};
    spec.policy.cipher_suites = {17};
    spec.policy.ipmi15 = true;
    spec.policy.allow = {*IpNetwork::parse("10.0.0.0/8"), *IpNetwork::parse("2001:db8::/32")};
    spec.policy.confirm_window_s = 0.25;
    spec.enabled = false;
    spec.address = *IpAddress::parse("fe80::1%2");
    const store::NodeRecord record = to_record(spec, Wall{});
    CHECK(record.spec.find("s3cret") == std::string::npos); // what is not known as harmless
    CHECK(record.secrets.size() == 1);
    const auto back = from_record(record);
    REQUIRE(back.has_value());
    CHECK(*back == spec);

    for (const char* damaged :
         {"", "{", "[]", "7", "{}", "{\"version\":\"1\"}", "{\"version\":99}"}) {
        store::NodeRecord bad = to_record(spec, Wall{});
        bad.spec = damaged;
        INFO(damaged);
        const auto read = from_record(bad);
        REQUIRE(read.has_error());
        CHECK(read.error().code == ErrorCode::corrupt);
    }
    store::NodeRecord odd = to_record(spec, Wall{});
    odd.spec = R"({"version":1,"targets":[3,{"kind":7}],"labels":{"a":1},"policy":{"allow":"x"}})";
    CHECK(from_record(odd).has_value()); // wrong types keep their defaults
}

TEST_CASE("passwords are long, unlike, and free of look-alikes", "[credentials]") {
    SystemEntropy entropy;
    std::set<std::string> seen;
    std::set<char> characters;
    for (int i = 0; i < 2000; ++i) {
        const Secret password = make_password(entropy);
        const std::string text(password.reveal());
        CHECK(text.size() >= 16);
        CHECK(text.size() <= 20);
        CHECK(text.find_first_of("0O1lIoB8S5 '\"\\$") == std::string::npos);
        CHECK(text.front() != '-');
        CHECK(seen.insert(text).second);
        characters.insert(text.begin(), text.end());
    }
    CHECK(characters.size() == 54);
}

TEST_CASE("UUIDs", "[credentials]") {
    SystemEntropy entropy;
    for (int i = 0; i < 100; ++i) {
        const std::string text = make_uuid(entropy);
        CHECK(text[14] == '4');
        CHECK(parse_uuid(text).has_value());
    }
    CHECK_FALSE(parse_uuid("").has_value());
    CHECK_FALSE(parse_uuid("6f1d2c3b-0a9e-4f00-8123-456789abcdeg").has_value());
    CHECK_FALSE(parse_uuid("6f1d2c3b00a9e-4f00-8123-456789abcdef").has_value());
    const auto bytes = parse_uuid("6F1D2C3B-0a9e-4f00-8123-456789abcdef");
    REQUIRE(bytes.has_value());
    CHECK((*bytes)[0] == 0x6f);
    CHECK((*bytes)[15] == 0xef);
    const auto mac = mac_from_uuid(*bytes);
    CHECK((mac[0] & 0x03) == 0x02); // locally administered, unicast
    CHECK(mac[5] == 0xef);
}

TEST_CASE("SEL entries read as sentences", "[sel]") {
    struct Row {
        bmc::Sel::Record record;
        const char* text;
        const char* sensor;
    };

    const auto record = [](u8 type, u8 number, u8 event, u8 data1, u8 data2) {
        return bmc::Sel::Record{
            1, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, type, number, event, data1, data2, 0xff};
    };
    for (const Row& row : {
             Row{record(0x09, 1, 0x6f, 0x00, 0xff), "power off", "Power Unit"},
             Row{record(0x09, 1, 0xef, 0x00, 0xff), "power on", "Power Unit"},
             Row{record(0x1d, 5, 0x6f, 0xf7, 1), "system restart by chassis control", nullptr},
             Row{record(0x23, 3, 0x6f, 0xc1, 0xff), "watchdog: hard reset", nullptr},
             Row{record(0x01, 0x10, 0x01, 0x59, 0x60), "above upper critical", nullptr},
             Row{record(0x01, 0x10, 0x81, 0x59, 0x60), "above upper critical (cleared)", nullptr},
             Row{record(0x77, 0x10, 0x6f, 0x03, 0x60), "state 3", nullptr},
             Row{bmc::Sel::Record{1, 0, 0xe0}, "OEM record", nullptr},
         }) {
        CHECK(event_text(row.record) == row.text);
    }
    CHECK(level_text(0) == "ok");
    CHECK(level_text(0x08) == "nc");
    CHECK(level_text(0x18) == "cr");
    CHECK(level_text(0x38) == "nr");
    CHECK(state_text(0x09, 0x6f, 0x0000) == "ok");
    CHECK(state_text(0x09, 0x6f, 0x0021) == "power off, power control failed");
}
