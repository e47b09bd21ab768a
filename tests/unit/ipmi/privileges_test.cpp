// The privileges of IPMI 2.0 appendix G, and what a lower level gets.

#include "unit/ipmi/rig.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using bmc::Privilege;
using test::Rig;

namespace {

struct Row {
    u8 netfn;
    u8 command;
    Privilege privilege;
};

constexpr auto user = Privilege::user;
constexpr auto operator_ = Privilege::operator_;
constexpr auto admin = Privilege::administrator;

constexpr Row rows[] = {
    {0x06, 0x01, user},      {0x06, 0x02, admin},     {0x06, 0x03, admin},
    {0x06, 0x04, user},      {0x06, 0x06, admin},     {0x06, 0x07, user},
    {0x06, 0x08, user},      {0x06, 0x09, user},      {0x06, 0x0a, user},
    {0x06, 0x0b, user},      {0x06, 0x0c, user},      {0x06, 0x0d, user},
    {0x06, 0x22, operator_}, {0x06, 0x24, operator_}, {0x06, 0x25, user},
    {0x06, 0x2e, admin},     {0x06, 0x2f, user},      {0x06, 0x30, admin},
    {0x06, 0x31, admin},     {0x06, 0x32, admin},     {0x06, 0x33, admin},
    {0x06, 0x34, user},      {0x06, 0x35, admin},     {0x06, 0x36, user},
    {0x06, 0x40, admin},     {0x06, 0x41, user},      {0x06, 0x42, user},
    {0x06, 0x43, admin},     {0x06, 0x44, operator_}, {0x06, 0x45, admin},
    {0x06, 0x46, operator_}, {0x06, 0x47, admin},     {0x06, 0x4c, admin},
    {0x06, 0x4d, operator_}, {0x06, 0x4e, user},      {0x06, 0x4f, user},
    {0x06, 0x50, user},      {0x06, 0x52, operator_}, {0x06, 0x56, admin},
    {0x06, 0x57, user},      {0x06, 0x58, admin},     {0x06, 0x59, user},
    {0x06, 0x60, admin},     {0x06, 0x61, user},      {0x06, 0x62, admin},
    {0x06, 0x63, user},      {0x06, 0x64, user},      {0x00, 0x00, user},
    {0x00, 0x01, user},      {0x00, 0x02, operator_}, {0x00, 0x03, operator_},
    {0x00, 0x04, operator_}, {0x00, 0x05, admin},     {0x00, 0x06, operator_},
    {0x00, 0x07, user},      {0x00, 0x08, operator_}, {0x00, 0x09, operator_},
    {0x00, 0x0a, admin},     {0x00, 0x0b, admin},     {0x00, 0x0f, user},
};

} // namespace

TEST_CASE("App and Chassis commands need the privilege that appendix G names") {
    for (const Row& row : rows) {
        INFO(test::to_hex(ByteArray<2>{row.netfn, row.command}));
        const auto* entry = ipmi::find(ipmi::table(), {row.netfn, row.command});
        REQUIRE(entry != nullptr);
        CHECK(entry->privilege == row.privilege);

        Rig rig;
        rig.privilege = static_cast<Privilege>(static_cast<u8>(row.privilege) - 1);
        const ByteArray<2> request = {row.netfn, row.command};
        CHECK(rig.ask_bytes(request) == "d4");
    }
}

TEST_CASE("no App or Chassis command is missing from the list above") {
    for (const auto& entry : ipmi::table()) {
        if (entry.id.netfn != ipmi::netfn::app && entry.id.netfn != ipmi::netfn::chassis) {
            continue;
        }
        INFO(test::to_hex(ByteArray<2>{entry.id.netfn, entry.id.command}));
        CHECK(std::any_of(std::begin(rows), std::end(rows), [&](const Row& row) {
            return row.netfn == entry.id.netfn && row.command == entry.id.command;
        }));
    }
}

TEST_CASE("with the endpoint's session and payload commands at least 115 standard ones are known") {
    constexpr std::size_t by_endpoint = 12;
    const auto is_oem = [](const auto& entry) { return entry.id.netfn >= 0x2e; };
    const auto all = ipmi::table();
    const auto oem = static_cast<std::size_t>(std::count_if(all.begin(), all.end(), is_oem));
    CHECK(all.size() - oem + by_endpoint >= 115);
}
