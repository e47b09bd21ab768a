#include "bmc/fru.h"

#include <catch2/catch.hpp>

#include <map>
#include <numeric>

using namespace vbmc;
using bmc::Fru;

namespace {

bmc::Config config() {
    bmc::Config made;
    made.name = "node-7";
    for (u8 i = 0; i < 16; ++i) {
        made.guid[i] = static_cast<u8>(15 - i);
    }
    return made;
}

std::vector<u8> image(const Fru& fru, const bmc::Config& of = config()) {
    std::vector<u8> bytes(Fru::size);
    fru.read(of, 0, bytes);
    return bytes;
}

bool sums_to_zero(Bytes bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), 0U) % 256 == 0;
}

/// The texts of an area, from where its type/length bytes begin.
std::vector<std::string> texts(Bytes whole, u8 offset, std::size_t first) {
    std::vector<std::string> all;
    std::size_t at = offset * std::size_t{8} + first;
    while (whole[at] != 0xc1) {
        const std::size_t size = whole[at] & 0x3f;
        REQUIRE((whole[at] & 0xc0) == 0xc0);
        all.emplace_back(
            whole.begin() + static_cast<std::ptrdiff_t>(at) + 1,
            whole.begin() + static_cast<std::ptrdiff_t>(at + 1 + size)
        );
        at += 1 + size;
    }
    return all;
}

void check_areas(Bytes whole) {
    CHECK(sums_to_zero(whole.first(8)));
    for (const std::size_t index : {2U, 3U, 4U}) {
        const std::size_t at = whole[index] * std::size_t{8};
        INFO("area " << index);
        CHECK(whole[at] == 1);
        CHECK(sums_to_zero(whole.subspan(at, whole[at + 1] * std::size_t{8})));
    }
}

const std::string uuid = "00010203-0405-0607-0809-0a0b0c0d0e0f";

} // namespace

TEST_CASE("the generated inventory names the node and the controller") {
    const auto bytes = image(Fru());
    check_areas(bytes);
    CHECK(texts(bytes, bytes[2], 3) == std::vector<std::string>{"", uuid});
    CHECK(
        texts(bytes, bytes[3], 6) ==
        std::vector<std::string>{"vbmcd", "Virtual BMC", uuid, "vbmcd 0.01", ""}
    );
    CHECK(
        texts(bytes, bytes[4], 3) ==
        std::vector<std::string>{
            "vbmcd", "Managed node", "", "", uuid, "", "", "Name: node-7", "UUID: " + uuid}
    );
}

TEST_CASE("what the backend knows is shown, as printable text") {
    Fru fru;
    fru.observe(
        {.manufacturer = "QEMU",
         .product = "pc-q35\n\xc3\xa4",
         .serial = "S",
         .asset_tag = "rack 4"}
    );
    const auto bytes = image(fru);
    check_areas(bytes);
    const auto product = texts(bytes, bytes[4], 3);
    CHECK(product[0] == "QEMU");
    CHECK(product[1] == "pc-q35???");
    CHECK(product[4] == "S "); // one character alone would be the end mark
    CHECK(product[5] == "rack 4");
}

TEST_CASE("what is told later replaces what was told before; a zero byte ends a text") {
    Fru fru;
    fru.observe({.manufacturer = "QEMU", .product = "pc", .serial = "1", .asset_tag = "old"});
    const std::string serial("S7\0junk", 7);
    fru.observe({.manufacturer = "", .product = "q35", .serial = serial, .asset_tag = ""});
    CHECK(fru.identity().manufacturer().empty());
    CHECK(fru.identity().product() == "q35");
    CHECK(fru.identity().serial() == "S7");
    CHECK(fru.identity().asset_tag().empty());
    fru.observe({});
    CHECK(fru.identity().product().empty());
}

TEST_CASE("the longest texts still fit") {
    Fru fru;
    const std::string much(5000, 'x');
    fru.observe({.manufacturer = much, .product = much, .serial = much, .asset_tag = much});
    bmc::Config wide = config();
    wide.name = much;
    wide.firmware_product = much;
    const auto bytes = image(fru, wide);
    check_areas(bytes);
    CHECK(texts(bytes, bytes[4], 3)[0].size() == 48);
    CHECK(bytes.back() == 0);
}

TEST_CASE("parts are parts of the whole") {
    const Fru fru;
    const auto whole = image(fru);
    for (const std::size_t chunk : {1U, 5U, 16U, 32U}) {
        std::vector<u8> joined;
        for (std::size_t at = 0; at < Fru::size; at += chunk) {
            std::vector<u8> part(std::min(chunk, Fru::size - at));
            fru.read(config(), at, part);
            joined.insert(joined.end(), part.begin(), part.end());
        }
        CHECK(joined == whole);
    }
}

TEST_CASE("what was written counts from then on and persists") {
    Fru fru;
    const ByteArray<3> data = {1, 2, 3};
    fru.write(config(), Fru::size - 3, data);
    fru.observe({.manufacturer = "late", .product = "", .serial = "", .asset_tag = ""});
    auto expected = image(Fru());
    std::copy(data.begin(), data.end(), expected.end() - 3);
    CHECK(image(fru) == expected);
    std::vector<u8> saved;
    fru.save(saved);
    Fru again;
    REQUIRE(again.load(saved));
    CHECK(image(again) == expected);
    for (std::size_t n = 2; n < saved.size(); ++n) {
        REQUIRE_FALSE(again.load(Bytes(saved).first(n)));
    }
    CHECK_FALSE(again.load({}));
    CHECK(image(again) == expected);
    saved[0] = 7;
    CHECK_FALSE(again.load(saved));
}

TEST_CASE("an untouched inventory saves as nothing") {
    std::vector<u8> saved;
    Fru().save(saved);
    CHECK(saved.size() == 1);
    Fru written;
    written.write(config(), 0, ByteArray<1>{9});
    REQUIRE(written.load(saved));
    CHECK(image(written) == image(Fru()));
}
