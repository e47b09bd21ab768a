#include "backend/config_schema.h"
#include "backend/driver.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::backend;

namespace {

const ConfigSchema& schema() {
    static const ConfigSchema instance = {{
        {"url", OptionType::url, true, "", "where the API is"},
        {"token", OptionType::secret, false, "", "the API token"},
        {"retries", OptionType::number, false, "3", "how often"},
        {"verify", OptionType::boolean, false, "true", "check certificates"},
        {"timeout", OptionType::duration, false, "2s", "per call"},
        {"name", OptionType::text, false, "", "as the backend knows it"},
        {"mode", OptionType::text, false, "fast", "how", "fast|slow"},
    }};
    return instance;
}

} // namespace

TEST_CASE("options are checked against their types", "[schema]") {
    struct Row {
        const char* name;
        const char* value;
        bool right;
    };

    for (const Row& row : {
             Row{"url", "https://host/path", true},
             Row{"url", "qemu:///system", true},
             Row{"url", "test:///default", true},
             Row{"url", "host", false},
             Row{"url", "://host", false},
             Row{"url", "https://", false},
             Row{"url", "https://a\nb", false},
             Row{"token", "line\nline", true},
             Row{"retries", "12", true},
             Row{"retries", "-1", true},
             Row{"retries", "twelve", false},
             Row{"retries", "1.5", false},
             Row{"retries", "", false},
             Row{"verify", "yes", true},
             Row{"verify", "0", true},
             Row{"verify", "maybe", false},
             Row{"timeout", "250ms", true},
             Row{"timeout", "1.5m", true},
             Row{"timeout", "3", true},
             Row{"timeout", "-3s", false},
             Row{"timeout", "3 weeks", false},
             Row{"timeout", "inf", false},
             Row{"name", "vm 7", true},
             Row{"name", "vm\x1b[2J", false},
             Row{"mode", "slow", true},
             Row{"mode", "slo", false},
             Row{"mode", "", false},
         }) {
        INFO(row.name << "=" << row.value);
        std::map<std::string, std::string> given = {{"url", "https://x"}};
        given[row.name] = row.value;
        const auto config = DriverConfig::check(schema(), given);
        CHECK(config.has_value() == row.right);
        if (config.has_error()) {
            CHECK(config.error().code == ErrorCode::invalid_argument);
            CHECK(config.error().field == std::string("backend.options.") + row.name);
        }
    }
}

TEST_CASE("defaults are filled in and values come out typed", "[schema]") {
    const auto config = DriverConfig::check(
        schema(), {{"url", "https://x"}, {"timeout", "250ms"}, {"verify", "off"}}
    );
    REQUIRE(config.has_value());
    CHECK(config->text("url") == "https://x");
    CHECK(config->number("retries") == 3);
    CHECK_FALSE(config->boolean("verify"));
    CHECK(config->seconds("timeout") == Approx(0.25));
    CHECK(config->text("mode") == "fast");
    CHECK_FALSE(config->has("token"));
    CHECK(config->text("token").empty());
}

TEST_CASE("errors name the field and what to do", "[schema]") {
    const auto missing = DriverConfig::check(schema(), {});
    REQUIRE(missing.has_error());
    CHECK(missing.error().message == "option 'url' is required");
    CHECK(missing.error().hint == "where the API is");

    const auto typo = DriverConfig::check(schema(), {{"url", "a://b"}, {"retires", "3"}});
    REQUIRE(typo.has_error());
    CHECK(typo.error().field == "backend.options.retires");
    CHECK(typo.error().hint == "did you mean 'retries'?");

    const auto far = DriverConfig::check(schema(), {{"url", "a://b"}, {"frobnicate", "3"}});
    REQUIRE(far.has_error());
    CHECK(far.error().hint.find("its options are: url, token") == 0);

    const auto secret =
        DriverConfig::check(schema(), {{"url", "a://b"}, {"token", std::string(10'000, 'k')}});
    REQUIRE(secret.has_error());
    CHECK(describe(secret.error()).find("kkk") == std::string::npos);
}

TEST_CASE("every kind has a sane schema and can be found", "[schema]") {
    REQUIRE(find_kind("sim") != nullptr);
    CHECK(find_kind("nonesuch") == nullptr);
    for (const DriverKind* kind : kinds()) {
        INFO(kind->name);
        CHECK_FALSE(kind->help.empty());
        std::map<std::string, std::string> required;
        for (const Option& option : kind->schema.options) {
            INFO(option.name);
            CHECK_FALSE(option.help.empty());
            CHECK(option.name.find_first_of("_ABCDEFGHIJKLMNOPQRSTUVWXYZ ") == std::string::npos);
            if (!option.fallback.empty()) { // a default must pass its own check
                const ConfigSchema alone = {{option}};
                CHECK(DriverConfig::check(
                          alone, {{std::string(option.name), std::string(option.fallback)}}
                ).has_value());
            }
        }
    }
}
