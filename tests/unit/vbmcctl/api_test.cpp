#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "vbmcctl/backend_schema.h"
#include "vbmcctl/connection.h"
#include "vbmcctl/exit_code.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/node_view.h"
#include "vbmcctl/policy_options.h"
#include "vbmcctl/resolve.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <catch2/catch.hpp>
#include <grpcpp/support/status_code_enum.h>

using namespace vbmc;
using namespace vbmc::ctl;
using Texts = std::vector<std::string>;

TEST_CASE("what vbmcd says about an error is kept") {
    google::rpc::Status status;
    status.set_code(grpc::ALREADY_EXISTS);
    status.set_message("127.0.0.1:623 is taken by node n2");
    google::rpc::ErrorInfo info;
    info.set_reason("ENDPOINT_IN_USE");
    info.set_domain("vbmcd");
    (*info.mutable_metadata())["hint"] = "take another port";
    status.add_details()->PackFrom(info);
    google::rpc::BadRequest bad;
    bad.add_field_violations()->set_field("node.endpoint.port");
    status.add_details()->PackFrom(bad);
    const Error error = to_error(status);
    CHECK(error.code == ErrorCode::already_exists);
    CHECK(error.reason == "ENDPOINT_IN_USE");
    CHECK(error.message == "127.0.0.1:623 is taken by node n2");
    CHECK(error.hint == "take another port");
    CHECK(error.field == "node.endpoint.port");
    CHECK(exit_code_of(error) == ExitCode::conflict);
}

TEST_CASE("transport failures in words for people") {
    struct Row {
        const char* name;
        const char* text; // gRPC's
        const char* message;
    };

    const Row row = GENERATE(values<Row>({
        {"refused",
         "last error: UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to remote host: Connection "
         "refused",
         "vbmcd does not answer at h:1: nobody listens there"},
        {"name",
         "DNS resolution failed for h:1",
         "vbmcd does not answer at h:1: the name cannot be resolved"},
        {"ca",
         "Ssl handshake failed: SSL_ERROR_SSL: error:0A000086:SSL routines::certificate verify "
         "failed",
         "vbmcd does not answer at h:1 with a certificate that this CA has signed"},
        {"our certificate",
         "Socket closed",
         "vbmcd at h:1 closed the connection: it did not accept the certificate"},
        {"no tls",
         "Ssl handshake failed: WRONG_VERSION_NUMBER",
         "vbmcd does not answer at h:1: what listens there does not speak TLS"},
        {"other", "something new", "vbmcd does not answer at h:1"},
    }));
    CAPTURE(row.name);
    ConnectionOptions options;
    options.host = "h:1";
    const Error error = transport_error(options, grpc::UNAVAILABLE, row.text);
    CHECK(error.message == row.message);
    CHECK_FALSE(error.hint.empty());
    CHECK(exit_code_of(error) == ExitCode::unreachable);
}

TEST_CASE("no raw text of gRPC, whatever it says") {
    ConnectionOptions options;
    options.socket = "/nowhere/vbmcd.sock";
    for (int code = 1; code <= 16; ++code) {
        const Error error = transport_error(options, code, "RAW TEXT");
        CHECK(error.message.find("RAW TEXT") == std::string::npos);
        CHECK(error.hint.find("RAW TEXT") == std::string::npos);
        CHECK_FALSE(error.message.empty());
    }
    const Error gone = transport_error(options, grpc::UNAVAILABLE, "");
    CHECK(
        gone.message ==
        "vbmcd does not answer at /nowhere/vbmcd.sock: is it running? There is no such socket"
    );
    const Error late = transport_error(options, grpc::DEADLINE_EXCEEDED, "");
    CHECK(exit_code_of(late) == ExitCode::timeout);
}

namespace {

api::Node sample() {
    api::Node node;
    node.set_name("n1");
    node.set_uid("u");
    node.set_etag("e");
    node.mutable_endpoint()->set_address("127.0.0.1");
    node.mutable_endpoint()->set_port(6230);
    api::Target& target = *node.add_targets();
    target.set_name("main");
    target.set_kind("sim");
    (*target.mutable_options())["speed"] = "5";
    target.add_secret_options("token");
    (*node.mutable_labels())["rack"] = "7";
    api::Policy& policy = *node.mutable_policy();
    policy.add_cipher_suites(17);
    policy.add_cipher_suites(3);
    policy.set_privilege_max(api::PRIVILEGE_ADMINISTRATOR);
    set_seconds(*policy.mutable_confirm_window(), 0.7);
    node.set_enabled(true);
    node.mutable_status()->set_state(api::NodeStatus::RUNNING);
    node.mutable_status()->set_power(api::POWER_STATE_ON);
    return node;
}

} // namespace

TEST_CASE("a node's document is a manifest") {
    const api::Node node = sample();
    const Manifest manifest = parse_manifest(to_yaml(node_document(node)), "f");
    REQUIRE(manifest.errors.empty());
    REQUIRE(manifest.nodes.size() == 1);
    const api::Node wanted = wanted_node(manifest.nodes[0], &node);
    CHECK(wanted_document(wanted) == wanted_document(node));
}

TEST_CASE("what a manifest leaves out stays as the API says") {
    const api::Node node = sample();
    const Manifest manifest =
        parse_manifest("{name: n1, backend: {kind: sim, options: {token: x}}}\n", "f");
    const api::Node wanted = wanted_node(manifest.nodes.at(0), &node);
    CHECK(wanted.endpoint().address() == "127.0.0.1");
    CHECK(wanted.endpoint().port() == 6230);
    CHECK(wanted.enabled());
    CHECK(wanted.labels().empty());                         // the default
    CHECK(wanted.targets(0).options().count("token") == 0); // never shown
    CHECK(wanted.targets(0).secret_options(0) == "token");
    const api::Node fresh = wanted_node(manifest.nodes.at(0), nullptr);
    CHECK(fresh.policy().cipher_suites_size() == 2);
}

TEST_CASE("words for enumerators") {
    CHECK(power_text(api::POWER_STATE_UNSPECIFIED) == "unknown");
    CHECK(state_text(api::NodeStatus::QUARANTINED) == "quarantined");
    CHECK(boot_device_text(api::BOOT_DEVICE_UNSPECIFIED) == "none");
    CHECK(boot_device_text(api::BOOT_DEVICE_REMOTE_CDROM) == "remote-cdrom");
    CHECK(privilege_of("operator") == api::PRIVILEGE_OPERATOR);
    CHECK(privilege_of("") == api::PRIVILEGE_UNSPECIFIED);
    CHECK(endpoint_text("::1", 623) == "[::1]:623");
    CHECK(endpoint_text("127.0.0.1", 623) == "127.0.0.1:623");
    google::protobuf::Timestamp time;
    time.set_seconds(1'700'000'000);
    time.set_nanos(5'000'000);
    CHECK(time_text(time) == "2023-11-14T22:13:20.005Z");
}

TEST_CASE("the ipmitool line is exact and safe to paste") {
    Json document = {{"address", "::1"}, {"port", 623}, {"policy", {{"cipher_suites", {17, 3}}}}};
    CHECK(
        shell_line(ipmitool_words(document, "admin")) == "-I lanplus -H ::1 -p 623 -U admin -C 17"
    );
    document["policy"]["cipher_suites"] = {3};
    CHECK(
        shell_line(ipmitool_words(document, "o'neil; rm")) ==
        "-I lanplus -H ::1 -p 623 -U 'o'\\''neil; rm' -C 3"
    );
    CHECK(shell_line({""}) == "''");
}

TEST_CASE("a verb among names") {
    const Texts verbs = {"list", "add", "rm"};

    struct Row {
        Texts words;
        bool names_elsewhere;
        Texts names;
        std::string verb;
        Texts operands;
    };

    const Row row = GENERATE_COPY(values<Row>({
        {{"n1"}, false, {"n1"}, "", {}},
        {{"n1", "list"}, false, {"n1"}, "list", {}},
        {{"n1", "n2", "add", "bob"}, false, {"n1", "n2"}, "add", {"bob"}},
        {{"add", "n1", "bob"}, false, {"n1"}, "add", {"bob"}},
        {{"list", "n1"}, false, {"n1"}, "list", {}},
        {{"add", "bob"}, true, {}, "add", {"bob"}},
        {{"n1", "rm", "list"}, false, {"n1"}, "rm", {"list"}},
        {{"list"}, false, {}, "list", {}},
        {{}, false, {}, "", {}},
    }));
    CAPTURE(row.words);
    const VerbArgs split = split_at_verb(row.words, verbs, row.names_elsewhere, 1);
    CHECK(split.names == row.names);
    CHECK(split.verb == row.verb);
    CHECK(split.operands == row.operands);
}

TEST_CASE("policy fields by name") {
    api::Policy policy;
    CHECK(*set_policy_field(policy, "cipher-suites", "17, 3") == "cipher_suites");
    CHECK(policy.cipher_suites_size() == 2);
    CHECK(*set_policy_field(policy, "ipmi15", "yes") == "ipmi15");
    CHECK(policy.ipmi15());
    CHECK(*set_policy_field(policy, "confirm_window", "250ms") == "confirm_window");
    CHECK(seconds_of(policy.confirm_window()) == Approx(0.25));
    CHECK(*set_policy_field(policy, "allow", "10.0.0.0/8,::1") == "allow");
    CHECK(policy.allow_size() == 2);
    CHECK(set_policy_field(policy, "hide_users", "maybe").has_error());
    CHECK(set_policy_field(policy, "cipher_suites", "x").has_error());
    CHECK(
        set_policy_field(policy, "alow", "x").error().message ==
        "policy has no 'alow' (did you mean 'allow'?)"
    );
}

TEST_CASE("options of a backend among those of vbmcctl") {
    CLI::App app("", "vbmcctl");
    std::string text;
    bool flag = false;
    app.add_option("-o,--output", text, "");
    app.add_flag("-y,--yes", flag, "");
    CLI::App* add = app.add_subcommand("add", "");
    add->add_option("--backend", text, "");
    add->add_flag("--stopped", flag, "");
    app.add_subcommand("list", "");

    struct Row {
        Texts given;
        Texts folded;
    };

    const Row row = GENERATE(values<Row>({
        {{"add", "n1", "--backend", "sim", "--latency", "5ms"},
         {"add", "n1", "--backend", "sim", "--option", "latency=5ms"}},
        {{"add", "--latency=5ms", "n1"}, {"add", "--option", "latency=5ms", "n1"}},
        {{"-o", "json", "add", "n1", "--fast", "--stopped"},
         {"-o", "json", "add", "n1", "--option", "fast", "--stopped"}},
        {{"add", "n1", "--fast"}, {"add", "n1", "--option", "fast"}},
        {{"add", "n1", "--yes", "--x", "y"}, {"add", "n1", "--yes", "--option", "x=y"}},
        {{"add", "--help"}, {"add", "--help"}},
        {{"list", "--latency", "5ms"}, {"list", "--latency", "5ms"}},
        {{"add", "--", "-x"}, {"add", "--", "-x"}},
        {{}, {}},
    }));
    CAPTURE(row.given);
    CHECK(fold_unknown_options(app, row.given) == row.folded);
}

TEST_CASE("backend options are checked by name") {
    api::BackendKind kind;
    kind.set_name("sim");
    api::BackendOption& latency = *kind.add_options();
    latency.set_name("latency");
    latency.set_type(api::BackendOption::DURATION);
    api::BackendOption& soft = *kind.add_options();
    soft.set_name("ignore-soft");
    soft.set_type(api::BackendOption::BOOLEAN);
    CHECK(schema_options(kind, {"latency=5ms", "ignore-soft"})->at("ignore-soft") == "true");
    CHECK(
        schema_options(kind, {"latncy=1"}).error().message ==
        "backend 'sim' has no option 'latncy' (did you mean 'latency'?)"
    );
    CHECK(schema_options(kind, {"latency"}).error().message == "option 'latency' needs a value");
}
