#include "vbmcctl/manifest.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

using namespace vbmc::ctl;

TEST_CASE("a node with everything") {
    const Manifest manifest = parse_manifest(
        R"(
name: n1
address: 127.0.0.2
port: 623
targets:
  - name: hard
    kind: sim
    options: {latency: 5ms, on: true}
  - {name: soft, kind: sim}
routes: {soft: soft}
labels: {rack: 7}
annotations: {note: "a: b"}
users:
  - {name: bob, password: "secret word", privilege: operator}
  - name: eve
    password-file: eve.txt
    enabled: no
policy:
  cipher-suites: [17, 3]
  ipmi15: true
  hide_users: yes
  allow: [127.0.0.0/8]
  privilege_max: admin
  confirm_window: 700ms
enabled: false
uid: ignored
status: {state: running}
)",
        "f.yaml"
    );
    REQUIRE(manifest.errors.empty());
    REQUIRE(manifest.nodes.size() == 1);
    const ManifestNode& node = manifest.nodes[0];
    CHECK(node.name == "n1");
    CHECK(node.address == "127.0.0.2");
    CHECK(node.port == 623u);
    REQUIRE(node.targets.size() == 2);
    CHECK(node.targets[0].name == "hard");
    CHECK(node.targets[0].options.at("latency") == "5ms");
    CHECK(node.targets[0].options.at("on") == "true");
    CHECK(node.routes.at("soft") == "soft");
    CHECK(node.labels.at("rack") == "7");
    REQUIRE(node.users.size() == 2);
    CHECK(node.users[0].password.reveal() == "secret word");
    CHECK(node.users[0].privilege == "operator");
    CHECK(node.users[1].password_file == "eve.txt");
    CHECK(node.users[1].enabled == false);
    REQUIRE(node.policy.has_value());
    CHECK(node.policy->cipher_suites == std::vector<std::uint32_t>{17, 3});
    CHECK(node.policy->ipmi15);
    CHECK(node.policy->hide_users);
    CHECK(node.policy->privilege_max == "administrator");
    CHECK(node.policy->confirm_window_s == Approx(0.7));
    CHECK(node.enabled == false);
}

TEST_CASE("ranges go in parallel") {
    const Manifest manifest = parse_manifest(
        "name: node[001-100]\n"
        "address: 127.0.2.[1-100]\n"
        "port: [6230-6329]\n"
        "backend: {kind: sim, options: {domain: 'vm-{name}'}}\n"
        "labels: {host: '{name}'}\n",
        "f.yaml"
    );
    REQUIRE(manifest.errors.empty());
    REQUIRE(manifest.nodes.size() == 100);
    CHECK(manifest.nodes[0].name == "node001");
    CHECK(manifest.nodes[0].address == "127.0.2.1");
    CHECK(manifest.nodes[0].port == 6230u);
    CHECK(manifest.nodes[99].name == "node100");
    CHECK(manifest.nodes[99].address == "127.0.2.100");
    CHECK(manifest.nodes[99].port == 6329u);
    CHECK(manifest.nodes[41].targets[0].options.at("domain") == "vm-node042");
    CHECK(manifest.nodes[41].labels.at("host") == "node042");
}

TEST_CASE("one value serves a whole range") {
    const Manifest manifest =
        parse_manifest("- {name: 'n[1-3]', address: 127.0.0.1, port: auto, backend: sim}\n", "f");
    REQUIRE(manifest.errors.empty());
    REQUIRE(manifest.nodes.size() == 3);
    CHECK(manifest.nodes[2].address == "127.0.0.1");
    CHECK(manifest.nodes[2].port == 0u);
}

TEST_CASE("lists, several documents and JSON") {
    CHECK(
        parse_manifest("- {name: a, backend: sim}\n- {name: b, backend: sim}\n", "f")
            .nodes.size() == 2
    );
    CHECK(
        parse_manifest("name: a\nbackend: sim\n---\nname: b\nbackend: sim\n", "f").nodes.size() == 2
    );
    CHECK(parse_manifest(R"([{"name": "a", "backend": {"kind": "sim"}}])", "f").nodes.size() == 1);
    CHECK(
        parse_manifest("nodes:\n- {name: a, backend: sim}\n- {name: b, backend: sim}\n", "f")
            .nodes.size() == 2
    );
    const Manifest empty = parse_manifest("# nothing\n", "f");
    CHECK(empty.nodes.empty());
    CHECK(empty.errors.empty());
}

TEST_CASE("each mistake has its line") {
    struct Row {
        const char* text;
        const char* message;
    };

    const Row row = GENERATE(values<Row>({
        {"name: a\nbackend: sim\nadress: x\n",
         "f:3: unknown field 'adress' in a node (did you mean 'address'?)"},
        {"- name: a\n  backend: sim\n- backend: sim\n", "f:3: a node needs a 'name'"},
        {"name: a\n", "f:1: node 'a' needs a 'backend'"},
        {"name: a\nname: b\nbackend: sim\n", "f:2: 'name' stands twice in a node"},
        {"name: a\nbackend: sim\nport: 70000\n", "f:3: 'port' is 1 to 65535 or auto, not '70000'"},
        {"name: a\nbackend: sim\nport: 0\n", "f:3: 'port' is 1 to 65535 or auto, not '0'"},
        {"name: a\nbackend: sim\nport: {x: 1}\n",
         "f:3: 'port' is a number, a range such as [6230-6329], or auto"},
        {"name: a\nbackend: sim\nenabled: maybe\n", "f:3: 'enabled' is true or false, not 'maybe'"},
        {"name: a\nbackend: {options: {}}\n", "f:2: backend needs a 'kind'"},
        {"name: a\nbackend: sim\ntargets: []\n", "f:3: a node has either 'backend' or 'targets'"},
        {"name: a\nbackend: sim\nlabels: [x]\n",
         "f:3: 'labels' in a node is a mapping of names to values"},
        {"name: a\nbackend: sim\nusers:\n  - {password: x}\n", "f:4: a user needs a 'name'"},
        {"name: a\nbackend: sim\nusers:\n  - {name: b, privilege: root}\n",
         "f:4: no privilege 'root'"},
        {"name: a\nbackend: sim\nusers:\n  - {name: b, id: 99}\n",
         "f:4: 'id' is a number up to 16, not '99'"},
        {"name: a\nbackend: sim\npolicy:\n  allow_list: x\n",
         "f:4: unknown field 'allow_list' in policy (did you mean 'allow'?)"},
        {"name: a\nbackend: sim\npolicy: {fresh_for: soon}\n",
         "f:3: 'fresh_for' is a duration such as 700ms, not 'soon'"},
        {"name: n[1-3]\naddress: 127.0.0.[1-2]\nbackend: sim\n",
         "f:1: 'address' stands for 2 values, but there are 3 names"},
        {"name: n[3-1]\nbackend: sim\n", "f:1: range [3-1] runs backwards"},
        {"nodes: {name: a}\n", "f:1: 'nodes' is a list"},
        {"nodes: []\nextra: 1\n", "f:2: unknown field 'extra' in the manifest"},
        {"just text\n", "f:1: a manifest is a node or a list of nodes"},
        {"- 5\n", "f:1: a node is a mapping of names to values"},
    }));
    CAPTURE(row.text);
    const Manifest manifest = parse_manifest(row.text, "f");
    REQUIRE_FALSE(manifest.errors.empty());
    CHECK(manifest.errors.front().message == row.message);
}

TEST_CASE("text that is not YAML") {
    const Manifest manifest = parse_manifest("name: a\n  bad: [unclosed\n", "fleet.yaml");
    REQUIRE(manifest.errors.size() == 1);
    CHECK(manifest.errors[0].message.starts_with("fleet.yaml:2: not YAML: "));
}

TEST_CASE("all mistakes at once") {
    const Manifest manifest =
        parse_manifest("- {name: a, backend: sim, x: 1}\n- {name: b, backend: sim, y: 1}\n", "f");
    CHECK(manifest.errors.size() == 2);
}

TEST_CASE("what vbmcd objects to is found in the file") {
    const Manifest manifest = parse_manifest(
        "# head\n"
        "- name: a\n"
        "  backend: sim\n"
        "  address: 127.0.0.1\n"
        "  port: 80\n",
        "f.yaml"
    );
    REQUIRE(manifest.nodes.size() == 1);
    const ManifestNode& node = manifest.nodes[0];
    CHECK(node.where() == "f.yaml:2");
    CHECK(node.where("node.endpoint.port") == "f.yaml:5");
    CHECK(node.where("endpoint.address") == "f.yaml:4");
    CHECK(node.where("targets[0].options.latency") == "f.yaml:3");
    CHECK(node.where("policy.allow") == "f.yaml:2");
}

namespace {

class Folder {
  public:
    Folder() : path_(std::filesystem::temp_directory_path() / "vbmcctl-manifest-test") {
        std::filesystem::remove_all(path_);
        std::filesystem::create_directory(path_);
    }

    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    ~Folder() { std::filesystem::remove_all(path_); }

    std::string put(const std::string& name, const std::string& text) const {
        std::ofstream(path_ / name) << text;
        return (path_ / name).string();
    }

    std::string path() const { return path_.string(); }

  private:
    std::filesystem::path path_;
};

} // namespace

TEST_CASE("folders and password files") {
    const Folder folder;
    folder.put("b.yaml", "{name: b, backend: sim}\n");
    folder.put("a.yml", "name: a\nbackend: sim\nusers: [{name: u, password-file: pw}]\n");
    folder.put("c.txt", "not: read\n");
    folder.put("pw", "from a file\nsecond line\n");
    Manifest manifest = load_manifests({folder.path()});
    REQUIRE(manifest.errors.empty());
    REQUIRE(manifest.nodes.size() == 2);
    CHECK(manifest.nodes[0].name == "a");
    read_password_files(manifest);
    CHECK(manifest.errors.empty());
    CHECK(manifest.nodes[0].users[0].password.reveal() == "from a file");
}

TEST_CASE("files that are not there, names that are there twice") {
    const Folder folder;
    CHECK(
        load_manifests({folder.path() + "/none.yaml"}).errors.at(0).message ==
        "cannot read " + folder.path() + "/none.yaml: No such file or directory"
    );
    CHECK(
        load_manifests({folder.path()}).errors.at(0).message ==
        folder.path() + " holds no *.yaml, *.yml or *.json"
    );
    const std::string one = folder.put("1.yaml", "{name: x, backend: sim}\n");
    const std::string two = folder.put("2.yaml", "\n{name: x, backend: sim}\n");
    CHECK(
        load_manifests({one, two}).errors.at(0).message ==
        two + ":2: node 'x' is already at " + one + ":1"
    );
    const std::string three =
        folder.put("3.yaml", "name: y\nbackend: sim\nusers:\n  - {name: u, password-file: gone}\n");
    Manifest manifest = load_manifests({three});
    read_password_files(manifest);
    CHECK(
        manifest.errors.at(0).message ==
        three + ":4: cannot read " + folder.path() + "/gone: No such file or directory"
    );
}
