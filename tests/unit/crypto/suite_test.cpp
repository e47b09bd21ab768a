#include "crypto/suite.h"
#include "crypto/toolbox.h"

#include <catch2/catch.hpp>

#include <set>

using namespace vbmc;
using namespace vbmc::crypto;

TEST_CASE("the suite table is that of IPMI 2.0 Table 22-20", "[crypto][suite]") {
    struct Row {
        u8 id;
        u8 authentication;
        u8 integrity;
        u8 confidentiality;
        std::size_t digest;
        std::size_t check_value;
        std::size_t code;
    };

    const Row rows[] = {
        {1, 1, 0, 0, 20, 12, 0},
        {2, 1, 1, 0, 20, 12, 12},
        {3, 1, 1, 1, 20, 12, 12},
        {6, 2, 0, 0, 16, 16, 0},
        {7, 2, 2, 0, 16, 16, 16},
        {8, 2, 2, 1, 16, 16, 16},
        {11, 2, 3, 0, 16, 16, 16},
        {12, 2, 3, 1, 16, 16, 16},
        {15, 3, 0, 0, 32, 16, 0},
        {16, 3, 4, 0, 32, 16, 16},
        {17, 3, 4, 1, 32, 16, 16},
    };
    REQUIRE(std::size(rows) == suites.size());
    for (const Row& row : rows) {
        INFO("suite " << int(row.id));
        const Suite* const suite = find_suite(row.id);
        REQUIRE(suite != nullptr);
        CHECK(static_cast<u8>(suite->authentication) == row.authentication);
        CHECK(static_cast<u8>(suite->integrity) == row.integrity);
        CHECK(static_cast<u8>(suite->confidentiality) == row.confidentiality);
        CHECK(digest_size(suite->authentication) == row.digest);
        CHECK(check_value_size(suite->authentication) == row.check_value);
        CHECK(code_size(suite->integrity) == row.code);
        CHECK(suite->authenticates() == (row.integrity != 0));
        CHECK(suite->encrypts() == (row.confidentiality != 0));
    }
}

TEST_CASE("suite 0 and the RC4 suites do not exist", "[crypto][suite]") {
    for (const int id : {0, 4, 5, 9, 10, 13, 14, 18, 19, 255}) {
        INFO("suite " << id);
        CHECK(find_suite(static_cast<u8>(id)) == nullptr);
    }
    for (const Suite& suite : suites) {
        CHECK(suite.authentication != Authentication::none);
        // Nothing is encrypted that is not authenticated.
        CHECK((!suite.encrypts() || suite.authenticates()));
    }
}

TEST_CASE("every suite's triple is its own", "[crypto][suite]") {
    std::set<std::array<u8, 3>> triples;
    for (const Suite& suite : suites) {
        triples.insert(
            {static_cast<u8>(suite.authentication),
             static_cast<u8>(suite.integrity),
             static_cast<u8>(suite.confidentiality)}
        );
    }
    CHECK(triples.size() == suites.size());
}

TEST_CASE("the toolbox has all algorithms here", "[crypto][suite]") {
    const Toolbox tools;
    for (const Suite& suite : suites) {
        CHECK(tools.supports(suite));
    }
}
