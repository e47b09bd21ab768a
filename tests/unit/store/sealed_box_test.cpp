#include "store/sealed_box.h"
#include "store/secrets_codec.h"
#include "unit/store/store_support.h"

#include <set>

using namespace vbmc;
using namespace vbmc::store;

namespace {

Secret key(u8 fill) {
    const std::vector<u8> raw(SealedBox::key_size, fill);
    return Secret(Bytes(raw));
}

} // namespace

TEST_CASE("what was sealed opens, whatever its size") {
    SealedBox box(key(1));
    for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 4096U, 100'000U}) {
        const std::vector<u8> plain(size, 0x5a);
        const auto sealed = box.seal(plain, "place");
        REQUIRE(sealed);
        CHECK(sealed->size() == size + SealedBox::overhead);
        const auto opened = box.open(*sealed, "place");
        REQUIRE(opened);
        CHECK(*opened == plain);
    }
}

TEST_CASE("a box does not open elsewhere, with another key, changed or cut") {
    SealedBox box(key(1));
    SealedBox other(key(2));
    const auto sealed = box.seal(bytes("a password"), "node-1");
    REQUIRE(sealed);
    CHECK_FALSE(box.open(*sealed, "node-2"));
    CHECK_FALSE(other.open(*sealed, "node-1"));
    for (std::size_t i = 0; i < sealed->size() * 8; ++i) {
        std::vector<u8> changed = *sealed;
        changed[i / 8] = static_cast<u8>(changed[i / 8] ^ 1U << (i % 8));
        CHECK_FALSE(box.open(changed, "node-1"));
    }
    for (std::size_t n = 0; n < sealed->size(); ++n) {
        CHECK_FALSE(box.open(Bytes(*sealed).first(n), "node-1"));
    }
    CHECK(box.open(*sealed, "node-1")); // and none of that harmed it
}

TEST_CASE("the same text is never sealed the same way twice") {
    SealedBox box(key(1));
    std::set<std::vector<u8>> seen;
    for (int i = 0; i < 1'000; ++i) {
        seen.insert(*box.seal(bytes("same"), "place"));
    }
    CHECK(seen.size() == 1'000);
}

TEST_CASE("secrets are encoded and decoded; no cut of them is accepted") {
    std::map<std::string, Secret> secrets;
    secrets.emplace("main/password", Secret("p\0w"));
    secrets.emplace("metal/token", Secret(""));
    secrets.emplace("", Secret("nameless"));
    const std::vector<u8> encoded = encode_secrets(secrets);
    const auto decoded = decode_secrets(encoded);
    REQUIRE(decoded);
    CHECK(*decoded == secrets);
    int accepted = 0;
    for (std::size_t n = 1; n < encoded.size(); ++n) {
        const auto cut = decode_secrets(Bytes(encoded).first(n));
        accepted += cut && cut->size() == secrets.size() ? 1 : 0;
    }
    CHECK(accepted == 0);
    const ByteArray<4> huge = {0xff, 0xff, 0xff, 0xff};
    CHECK_FALSE(decode_secrets(huge));
    CHECK(decode_secrets({})->empty());
}
