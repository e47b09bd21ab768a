// Which of flag, environment and file wins.

#include "options.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

using namespace vbmc;
using namespace vbmc::daemon;

namespace {

/// The variables that vbmcd reads, as a test wants them and nothing else.
class Environment {
  public:
    using Variables = std::map<std::string, std::string>;

    explicit Environment(const Variables& variables) {
        for (const char* name : {"VBMC_STATE_DIR", "VBMC_SOCKET", "VBMC_CONFIG", "VBMC_SHARDS"}) {
            ::unsetenv(name);
        }
        for (const auto& [name, value] : variables) {
            ::setenv(name.c_str(), value.c_str(), 1);
            names_.push_back(name);
        }
    }

    ~Environment() {
        for (const std::string& name : names_) {
            ::unsetenv(name.c_str());
        }
    }

    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;

  private:
    std::vector<std::string> names_;
};

Config parsed(std::vector<std::string> words) {
    words.insert(words.begin(), "vbmcd");
    std::vector<char*> argv;
    for (std::string& word : words) {
        argv.push_back(word.data());
    }
    const Parsed result = parse_options(static_cast<int>(argv.size()), argv.data());
    REQUIRE(result.options);
    return result.options->config;
}

} // namespace

TEST_CASE("a folder that the command line names has the socket, whatever vbmcctl is told") {
    const Environment environment(Environment::Variables{{"VBMC_SOCKET", "/tmp/other.sock"}});
    CHECK(parsed({"--state-dir", "/tmp/mine"}).control_socket() == "/tmp/mine/vbmcd.sock");
    CHECK(parsed({}).control_socket() == "/tmp/other.sock");
    CHECK(
        parsed({"--state-dir", "/tmp/mine", "--socket", "/tmp/a.sock"}).control_socket() ==
        "/tmp/a.sock"
    );
}

TEST_CASE("flags override the environment, and that overrides the defaults") {
    const Environment environment(Environment::Variables{
        {"VBMC_STATE_DIR", "/tmp/env"}, {"VBMC_SHARDS", "2"}});
    CHECK(parsed({}).state_dir == "/tmp/env");
    CHECK(parsed({}).control_socket() == "/tmp/env/vbmcd.sock");
    CHECK(parsed({}).shards == 2);
    CHECK(parsed({"--state-dir", "/tmp/flag", "--shards", "3"}).state_dir == "/tmp/flag");
    CHECK(parsed({"--shards", "3"}).shards == 3);
}

TEST_CASE("both places from the environment are two places") {
    const Environment environment(Environment::Variables{
        {"VBMC_STATE_DIR", "/tmp/env"}, {"VBMC_SOCKET", "/run/x.sock"}});
    CHECK(parsed({}).state_dir == "/tmp/env");
    CHECK(parsed({}).control_socket() == "/run/x.sock");
}
