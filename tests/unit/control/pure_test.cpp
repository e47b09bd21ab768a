// Page tokens, roles, text and statuses.

#include "control/page.h"
#include "control/roles.h"
#include "control/status.h"
#include "control/text.h"
#include "google/rpc/error_details.pb.h"
#include "print_result.h"

#include <catch2/catch.hpp>
#include <grpcpp/support/status.h>

using namespace vbmc;
using namespace vbmc::control;

TEST_CASE("page sizes: default, clamp, refusal") {
    CHECK(*page_size(0) == 1000);
    CHECK(*page_size(7) == 7);
    CHECK(*page_size(1'000'000) == 5000);
    REQUIRE(!page_size(-1));
    CHECK(page_size(-1).error().field == "page_size");
}

TEST_CASE("a page token goes with its filter only") {
    const std::string token = make_page_token("db-1", "backend=sim");
    CHECK(*read_page_token(token, "backend=sim") == "db-1");
    CHECK(read_page_token("", "backend=sim")->empty());
    CHECK(!read_page_token(token, "backend=ssh"));
    CHECK(!read_page_token("zz", ""));
    CHECK(!read_page_token("abc", ""));
    CHECK(!read_page_token("abcd", ""));
    CHECK(!read_page_token(std::string(10'000, 'a'), ""));
    for (std::size_t length = 1; length < token.size(); ++length) {
        const auto name = read_page_token(token.substr(0, length), "backend=sim");
        CHECK((!name || std::string("db-1").starts_with(*name)));
    }
}

TEST_CASE("roles include each other") {
    RoleSet admin;
    admin.add(Role::admin);
    CHECK(admin.has(Role::viewer));
    CHECK(admin.has(Role::operate));
    CHECK(admin.has(Role::secrets_reader));
    RoleSet operate;
    operate.add(Role::operate);
    CHECK(operate.has(Role::viewer));
    CHECK(!operate.has(Role::admin));
    CHECK(!operate.has(Role::secrets_reader));
    RoleSet reader;
    reader.add(Role::secrets_reader);
    CHECK(!reader.has(Role::viewer));
    CHECK(parse_role("operator") == Role::operate);
    CHECK(parse_role("secrets") == Role::secrets_reader);
    CHECK(parse_role("secrets-reader") == Role::secrets_reader);
    CHECK(!parse_role("root"));
}

TEST_CASE("callers get the roles of uid, groups and certificate names") {
    const auto map = RoleMap::resolve(
        {
            {Role::viewer, "gid:500"},
            {Role::operate, "uid:1001"},
            {Role::admin, "cn:ops"},
            {Role::viewer, "dns:mon.example"},
            {Role::secrets_reader, "uri:spiffe://example/vault"},
        },
        1000
    );
    REQUIRE(map);
    const auto unix_roles = [&](u32 uid, u32 gid, std::vector<u32> groups) {
        UnixPeer peer;
        peer.uid = uid;
        peer.gid = gid;
        peer.groups = std::move(groups);
        return map->identify(peer).roles.names();
    };
    using Names = std::vector<std::string>;
    const Names all = {"viewer", "operator", "admin", "secrets"};
    CHECK(unix_roles(0, 0, {}) == all);
    CHECK(unix_roles(1000, 1000, {}) == all); // the daemon's own
    CHECK(unix_roles(1001, 1001, {}) == Names{"viewer", "operator"});
    CHECK(unix_roles(2000, 500, {}) == Names{"viewer"});
    CHECK(unix_roles(2000, 2000, {7, 500}) == Names{"viewer"});
    CHECK(unix_roles(500, 2000, {}).empty()); // a uid is not a gid

    CertificatePeer peer;
    peer.common_name = "ops";
    peer.address = "ipv4:192.0.2.1:5";
    CHECK(map->identify(peer).identity == "cn:ops@ipv4:192.0.2.1:5");
    CHECK(map->identify(peer).roles.names() == all);
    peer.common_name = "mon.example"; // a CN is not a DNS name
    CHECK(map->identify(peer).roles.empty());
    peer.dns = {"other.example", "mon.example"};
    peer.uris = {"spiffe://example/vault"};
    CHECK(map->identify(peer).roles.names() == Names{"viewer", "secrets"});
    CHECK(map->identify(PeerIdentity{}).roles.empty());
}

TEST_CASE("a rule that cannot be understood is refused by name") {
    for (const char* subject :
         {"",
          "cn:",
          "root",
          "uid:-1",
          "user:no-such-user-here",
          "group:no-such-group",
          "shoe:44"}) {
        const auto map = RoleMap::resolve({{Role::viewer, subject}}, 0);
        INFO(subject);
        REQUIRE(!map);
        CHECK(map.error().reason == "BAD_ROLE_SUBJECT");
        CHECK(map.error().field == "roles.viewer");
    }
    CHECK(RoleMap::resolve({{Role::viewer, "user:root"}, {Role::viewer, "gid:root"}}, 0));
}

TEST_CASE("who lacks a role is told which") {
    Caller caller;
    REQUIRE(require(caller, Role::viewer));
    CHECK(require(caller, Role::viewer)->code == ErrorCode::unauthenticated);
    caller.identity = "uid:5";
    CHECK(require(caller, Role::admin)->code == ErrorCode::permission_denied);
    CHECK_THAT(require(caller, Role::admin)->message, Catch::Contains("role admin"));
    caller.roles.add(Role::admin);
    CHECK(!require(caller, Role::secrets_reader));
}

TEST_CASE("text becomes UTF-8") {
    struct Row {
        std::string in, out;
    };

    const Row row = GENERATE(values<Row>({
        {"", ""},
        {"plain", "plain"},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"a\xff", "a\\xff"},
        {"\xc3", "\\xc3"},
        {"\xc0\x80", "\\xc0\\x80"},                   // overlong
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          // a surrogate
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, // beyond Unicode
        {"\xe2\x82", "\\xe2\\x82"},
    }));
    CHECK(to_utf8(row.in) == row.out);
}

TEST_CASE("a status carries code, reason, hint, field and node") {
    Error error(ErrorCode::unavailable, "BACKEND_UNREACHABLE", "no answer \xff");
    error.field = "node.targets[0].options.url";
    error.hint = "look there";
    const grpc::Status status = to_grpc_status(error, "n1");
    CHECK(status.error_code() == grpc::UNAVAILABLE);
    CHECK(status.error_message() == "no answer \\xff");
    google::rpc::Status details;
    REQUIRE(details.ParseFromString(status.error_details()));
    REQUIRE(details.details_size() == 3);
    google::rpc::ErrorInfo info;
    REQUIRE(details.details(0).UnpackTo(&info));
    CHECK(info.reason() == "BACKEND_UNREACHABLE");
    CHECK(info.domain() == "vbmcd");
    CHECK(info.metadata().at("node") == "n1");
    CHECK(info.metadata().at("hint") == "look there");
    google::rpc::BadRequest bad;
    REQUIRE(details.details(1).UnpackTo(&bad));
    CHECK(bad.field_violations(0).field() == error.field);
    google::rpc::RetryInfo retry;
    REQUIRE(details.details(2).UnpackTo(&retry));
    CHECK(retry.retry_delay().seconds() == 1);
}

TEST_CASE("a status stays small enough for trailers") {
    const Error error(ErrorCode::internal, std::string(100'000, 'x'));
    CHECK(to_grpc_status(error, std::string(100'000, 'n')).error_details().size() < 4096);
}
