// Secrets that are references: what they may reach, and that a change counts at once.

#include "backend/config_schema.h"
#include "backend/credential.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using namespace vbmc;
using namespace vbmc::backend;

namespace {

namespace fs = std::filesystem;

class Folder {
  public:
    Folder() {
        std::string pattern = (fs::temp_directory_path() / "vbmc-credential-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
        fs::create_directory(path_ / "allowed");
        fs::create_directory(path_ / "systemd");
    }

    ~Folder() { fs::remove_all(path_); }

    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string write(const std::string& name, const std::string& text, unsigned mode = 0600) {
        const fs::path file = path_ / name;
        fs::remove(file);
        std::ofstream(file, std::ios::binary) << text;
        REQUIRE(::chmod(file.c_str(), mode) == 0);
        return file.string();
    }

    CredentialRules rules() const {
        CredentialRules rules;
        rules.directories = {(path_ / "allowed").string()};
        rules.credentials_directory = (path_ / "systemd").string();
        return rules;
    }

    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

} // namespace

TEST_CASE("a secret is a value, a literal or a reference", "[credential]") {
    Folder folder;
    ::setenv("VBMC_SECRET_TEST", "from the environment", 1);
    folder.write("allowed/plain", "from a file");
    folder.write("allowed/lines", "line 1\nline 2\r\n");
    folder.write("systemd/token", "from systemd\n", 0440);

    struct Row {
        std::string given;
        std::string secret;
    };

    const std::vector<Row> rows = {
        {"hunter2", "hunter2"},
        {"", ""},
        {"literal:env:HOME", "env:HOME"},
        {"literal:", ""},
        {"environment", "environment"},
        {"env:VBMC_SECRET_TEST", "from the environment"},
        {"file:" + folder.path().string() + "/allowed/plain", "from a file"},
        {"file:" + folder.path().string() + "/allowed/lines", "line 1\nline 2"},
        {"credential:token", "from systemd"},
    };
    for (const Row& row : rows) {
        INFO(row.given);
        const auto secret = resolve_secret(folder.rules(), row.given);
        REQUIRE(secret.has_value());
        CHECK(secret->reveal() == row.secret);
    }
}

TEST_CASE("references reach only what the operator named", "[credential]") {
    Folder folder;
    const std::string base = folder.path().string();
    folder.write("outside", "not yours");
    folder.write("allowed/inside", "yours");
    fs::create_symlink(folder.path() / "outside", folder.path() / "allowed/link-out");
    fs::create_symlink("inside", folder.path() / "allowed/link-in");
    folder.write("systemd/vbmcd.key", "the master key");

    struct Row {
        std::string given;
        std::string reason;
    };

    const std::vector<Row> rows = {
        {"env:HOME", "CREDENTIAL_NOT_ALLOWED"},
        {"env:PATH", "CREDENTIAL_NOT_ALLOWED"},
        {"env:", "CREDENTIAL_INVALID"},
        {"env:A=B", "CREDENTIAL_INVALID"},
        {"env:VBMC_SECRET_UNSET", "CREDENTIAL_UNUSABLE"},
        {"file:/etc/shadow", "CREDENTIAL_NOT_ALLOWED"},
        {"file:relative", "CREDENTIAL_INVALID"},
        {"file:" + base + "/outside", "CREDENTIAL_NOT_ALLOWED"},
        {"file:" + base + "/allowed", "CREDENTIAL_NOT_ALLOWED"},
        {"file:" + base + "/allowed/../outside", "CREDENTIAL_NOT_ALLOWED"},
        {"file:" + base + "/allowed/..", "CREDENTIAL_NOT_ALLOWED"},
        {"file:" + base + "/allowed-not/x", "CREDENTIAL_NOT_ALLOWED"},
        {"file:" + base + "/allowed/link-out", "CREDENTIAL_NOT_ALLOWED"},
        {"file:" + base + "/allowed/missing", "CREDENTIAL_UNUSABLE"},
        {"credential:vbmcd.key", "CREDENTIAL_NOT_ALLOWED"},
        {"credential:../outside", "CREDENTIAL_INVALID"},
        {"credential:..", "CREDENTIAL_INVALID"},
        {"credential:missing", "CREDENTIAL_UNUSABLE"},
    };
    for (const Row& row : rows) {
        INFO(row.given);
        const auto secret = resolve_secret(folder.rules(), row.given);
        REQUIRE(secret.has_error());
        CHECK(secret.error().reason == row.reason);
    }
    CHECK(resolve_secret(folder.rules(), "file:" + base + "/allowed/link-in").has_value());
}

TEST_CASE("a file that others can read is no place for a secret", "[credential]") {
    Folder folder;
    const auto mode = GENERATE(0640U, 0604U, 0620U, 0666U, 0601U);
    const std::string path = folder.write("allowed/open", "shared", mode);
    const auto secret = resolve_secret(folder.rules(), "file:" + path);
    REQUIRE(secret.has_error());
    CHECK(secret.error().hint.find("chmod 0400") != std::string::npos);
    CHECK(secret.error().message.find("shared") == std::string::npos);
}

TEST_CASE("what is no small file is refused at once", "[credential]") {
    Folder folder;
    const std::string base = folder.path().string() + "/allowed/";
    REQUIRE(::mkfifo((base + "pipe").c_str(), 0600) == 0);
    fs::create_directory(base + "folder");
    folder.write("allowed/long", std::string(credential_bytes_max + 1, 'x'));
    folder.write("allowed/full", std::string(credential_bytes_max, 'x'));
    folder.write("allowed/empty", "\n");
    const CredentialRules rules = folder.rules();
    for (const char* name : {"pipe", "folder", "long", "empty"}) {
        INFO(name);
        CHECK(resolve_secret(rules, "file:" + base + name).has_error());
    }
    CHECK(resolve_secret(rules, "file:" + base + "full")->size() == credential_bytes_max);
}

TEST_CASE("a driver's secret follows its file without a restart", "[credential]") {
    Folder folder;
    static const ConfigSchema schema = {
        {{"token", OptionType::secret, true, "", "the token"},
         {"note", OptionType::text, false, "", "not a secret"}}};
    const std::string path = folder.write("allowed/token", "first");
    const auto rules = std::make_shared<const CredentialRules>(folder.rules());
    const auto config = DriverConfig::check(schema, {{"token", "file:" + path}}, rules);
    REQUIRE(config.has_value());
    CHECK(config->secret("token")->reveal() == "first");
    folder.write("allowed/token.new", "second\n");
    fs::rename(path + ".new", path);
    CHECK(config->secret("token")->reveal() == "second");
    fs::remove(path);
    const auto gone = config->secret("token");
    REQUIRE(gone.has_error());
    CHECK(gone.error().field == "backend.options.token");
    CHECK(gone.error().message.find("option 'token'") == 0);

    // Only secrets are references: a text that looks like one is a text.
    CHECK(check_references(schema, {{"note", "env:HOME"}}, *rules).has_value());
    CHECK(check_references(schema, {{"token", "env:HOME"}}, *rules).has_error());
    CHECK(check_references(schema, {{"token", "file:" + path}}, *rules).has_value());
    // Without rules of its own a configuration has the safe defaults.
    const auto plain = DriverConfig::check(schema, {{"token", "file:" + path}});
    CHECK(plain->secret("token").error().reason == "CREDENTIAL_NOT_ALLOWED");
}
