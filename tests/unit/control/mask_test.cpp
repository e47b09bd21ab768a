// Partial and declared updates, and what the API's node says of a spec.

#include "control/convert.h"
#include "control/mask.h"
#include "print_result.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::control;

namespace {

fleet::NodeSpec current() {
    fleet::NodeSpec spec;
    spec.name = "n1";
    spec.uid = "uid";
    spec.etag = "e1";
    spec.address = IpAddress::v4(127, 0, 0, 1);
    spec.port = 6230;
    spec.labels = {{"rack", "r1"}, {"row", "4"}};
    spec.policy.fresh_for_s = 5;
    fleet::Target target;
    target.kind = "sim";
    spec.targets = {target};
    return spec;
}

v1::UpdateNodeRequest request(std::initializer_list<const char*> paths) {
    v1::UpdateNodeRequest out;
    out.mutable_node()->set_name("n1");
    for (const char* path : paths) {
        out.mutable_update_mask()->add_paths(path);
    }
    return out;
}

using Fields = std::vector<std::string>;

} // namespace

TEST_CASE("only masked paths change") {
    auto in = request({"labels.rack"});
    (*in.mutable_node()->mutable_labels())["rack"] = "r2";
    (*in.mutable_node()->mutable_labels())["new"] = "x";
    in.mutable_node()->mutable_endpoint()->set_port(9);
    const auto change = masked_change(in, current());
    REQUIRE(change);
    CHECK(change->fields == Fields{"labels"});
    CHECK(
        change->wanted.labels == std::map<std::string, std::string>{{"rack", "r2"}, {"row", "4"}}
    );
    CHECK(change->wanted.port == 6230);
}

TEST_CASE("a masked entry that is absent is removed") {
    const auto change = masked_change(request({"labels.rack", "annotations.x.y"}), current());
    REQUIRE(change);
    CHECK(change->fields == Fields{"annotations", "labels"});
    CHECK(change->wanted.labels == std::map<std::string, std::string>{{"row", "4"}});
}

TEST_CASE("an empty mask takes what is populated") {
    auto in = request({});
    in.mutable_node()->mutable_endpoint()->set_port(7000);
    in.mutable_node()->set_enabled(false);
    const auto change = masked_change(in, current());
    REQUIRE(change);
    CHECK(change->fields == Fields{"enabled", "port"});
    CHECK(change->wanted.port == 7000);
    CHECK(!change->wanted.enabled);
    CHECK(change->wanted.labels.size() == 2);
    CHECK(!masked_change(request({}), current()));
}

TEST_CASE("a star takes everything that has a default") {
    auto in = request({"*"});
    in.mutable_node()->add_targets()->set_kind("sim");
    const auto change = masked_change(in, current());
    REQUIRE(change);
    CHECK(change->wanted.labels.empty());
    CHECK(change->wanted.policy == fleet::NodePolicy{});
    CHECK(change->wanted.port == 6230);
}

TEST_CASE("parts of the policy change alone") {
    auto in = request({"policy.cipher_suites", "policy.confirm_window"});
    in.mutable_node()->mutable_policy()->add_cipher_suites(17);
    in.mutable_node()->mutable_policy()->mutable_confirm_window()->set_nanos(250'000'000);
    const auto change = masked_change(in, current());
    REQUIRE(change);
    CHECK(change->wanted.policy.cipher_suites == std::vector<u8>{17});
    CHECK(change->wanted.policy.confirm_window_s == Approx(0.25));
    CHECK(change->wanted.policy.fresh_for_s == 5);
}

TEST_CASE("a mask that cannot be is refused") {
    const char* path = GENERATE(
        "name",
        "uid",
        "etag",
        "status",
        "colour",
        "labels.",
        "policy.",
        "policy.colour",
        "endpoint.x",
        ""
    );
    const auto change = masked_change(request({path}), current());
    INFO(path);
    REQUIRE(!change);
    CHECK(change.error().reason == "BAD_MASK");
    CHECK(change.error().field == "update_mask");
}

TEST_CASE("an update needs a real endpoint") {
    CHECK(
        masked_change(request({"endpoint.address"}), current()).error().field ==
        "node.endpoint.address"
    );
    CHECK(
        masked_change(request({"endpoint.port"}), current()).error().field == "node.endpoint.port"
    );
    auto in = request({"endpoint"});
    in.mutable_node()->mutable_endpoint()->set_address("auto");
    CHECK(!masked_change(in, current()));
    in.mutable_node()->mutable_endpoint()->set_address("::1");
    in.mutable_node()->mutable_endpoint()->set_port(623);
    CHECK(masked_change(in, current())->wanted.address.to_string() == "::1");
}

TEST_CASE("a declared node that is the same changes nothing") {
    v1::Node node;
    node.set_name("n1");
    (*node.mutable_labels())["rack"] = "r1";
    (*node.mutable_labels())["row"] = "4";
    node.add_targets()->set_kind("sim");
    node.mutable_policy()->mutable_fresh_for()->set_seconds(5);
    const auto same = declared_change(node, current());
    REQUIRE(same);
    CHECK(same->fields.empty());

    node.mutable_labels()->erase("row");
    node.clear_policy();
    node.mutable_endpoint()->set_port(99);
    const auto change = declared_change(node, current());
    REQUIRE(change);
    CHECK(change->fields == Fields{"labels", "policy", "port"});
    CHECK(change->wanted.etag == "e1");
    CHECK(change->wanted.address == current().address);
    CHECK(api_path("port") == "endpoint.port");
}

TEST_CASE("the form of a node is checked, and the field named") {
    struct Row {
        const char* field;
        void (*spoil)(v1::Node&);
    };

    const Row row = GENERATE(values<Row>({
        {"node.name", [](v1::Node& n) { n.set_name(""); }},
        {"node.name", [](v1::Node& n) { n.set_name("../victim"); }},
        {"node.name", [](v1::Node& n) { n.set_name(std::string(64, 'a')); }},
        {"node.name", [](v1::Node& n) { n.set_name("-a"); }},
        {"node.endpoint.address",
         [](v1::Node& n) { n.mutable_endpoint()->set_address("host.example"); }},
        {"node.endpoint.port", [](v1::Node& n) { n.mutable_endpoint()->set_port(65536); }},
        {"node.labels", [](v1::Node& n) { (*n.mutable_labels())[""] = "x"; }},
        {"node.labels", [](v1::Node& n) { (*n.mutable_labels())["a b"] = "x"; }},
        {"node.labels.a", [](v1::Node& n) { (*n.mutable_labels())["a"] = std::string(300, 'x'); }},
        {"node.targets[0].kind", [](v1::Node& n) { n.add_targets(); }},
        {"node.targets[1].name",
         [](v1::Node& n) {
             n.add_targets()->set_kind("sim");
             n.add_targets()->set_kind("sim");
         }},
        {"node.policy.cipher_suites",
         [](v1::Node& n) { n.mutable_policy()->add_cipher_suites(18); }},
        {"node.policy.allow", [](v1::Node& n) { n.mutable_policy()->add_allow("10.0.0.0/99"); }},
        {"node.policy.fresh_for",
         [](v1::Node& n) { n.mutable_policy()->mutable_fresh_for()->set_seconds(-1); }},
        {"node.policy.privilege_max",
         [](v1::Node& n) { n.mutable_policy()->set_privilege_max(static_cast<v1::Privilege>(9)); }},
    }));
    v1::Node node;
    node.set_name("n1");
    row.spoil(node);
    const auto spec = to_spec(node);
    INFO(row.field);
    REQUIRE(!spec);
    CHECK(spec.error().code == ErrorCode::invalid_argument);
    CHECK(spec.error().field == row.field);
}

TEST_CASE("a spec and its node say the same") {
    fleet::NodeView view;
    view.spec = current();
    view.spec.annotations = {{"note", "\xff"}};
    view.spec.policy.allow = {*IpNetwork::parse("10.1.0.0/22")};
    view.spec.policy.privilege_max = "operator";
    view.status.power = bmc::PowerState::on;
    view.status.power_age_s = 1.5;
    const v1::Node node = to_proto(view);
    CHECK(node.annotations().at("note") == "\\xff");
    CHECK(node.status().power() == v1::POWER_STATE_ON);
    CHECK(node.status().power_age().nanos() == 500'000'000);
    const auto back = to_spec(node);
    REQUIRE(back);
    CHECK(differences(*back, view.spec) == Fields{"annotations"});
}

TEST_CASE("the fleet's fields become the API's") {
    struct Row {
        const char* in;
        const char* out;
    };

    const Row row = GENERATE(values<Row>({
        {"", ""},
        {"name", "node.name"},
        {"address", "node.endpoint.address"},
        {"port", "node.endpoint.port"},
        {"etag", "node.etag"},
        {"backend", "node.targets.kind"},
        {"backend.options.url", "node.targets.options.url"},
        {"policy.fresh_for", "node.policy.fresh_for"},
        {"labels.a", "node.labels.a"},
        {"user.name", "user.name"},
    }));
    Error error(ErrorCode::invalid_argument, "x");
    error.field = row.in;
    CHECK(with_api_field(error).field == row.out);
}

TEST_CASE("users: form, defaults, warnings") {
    v1::User user;
    user.set_name("root");
    user.set_password("short");
    auto spec = to_user(user);
    REQUIRE(spec);
    CHECK(spec->privilege == "administrator");
    CHECK(spec->enabled);
    CHECK(!password_warning(*spec).empty());
    user.set_password("long enough 1");
    CHECK(password_warning(*to_user(user)).empty());
    user.set_password(std::string(21, 'x'));
    CHECK(to_user(user).error().field == "user.password");
    user.set_password("");
    user.set_name(std::string(17, 'x'));
    CHECK(to_user(user).error().field == "user.name");
    user.set_name("");
    CHECK(to_user(user).error().field == "user.name");
    user.set_id(1);
    CHECK(to_user(user).error().field == "user.id");
    user.set_id(17);
    CHECK(to_user(user).error().field == "user.id");
    user.set_id(2); // the name stays as it is
    CHECK(to_user(user));
}
