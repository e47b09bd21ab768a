#include "bmc/users.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::bmc;

namespace {

User user(u8 id, std::string_view name, Privilege limit) {
    User made;
    made.id = id;
    made.name.assign(name);
    made.password = Key20(Bytes(ByteArray<3>{'p', 'w', id}));
    made.enabled = true;
    made.messaging = true;
    made.limit = limit;
    return made;
}

std::vector<u8> bytes_of(std::string_view text) {
    return {text.begin(), text.end()};
}

} // namespace

TEST_CASE("a name is found as a whole, and only of users that can log in") {
    Users users;
    REQUIRE(users.set(user(2, "admin", Privilege::administrator)));
    REQUIRE(users.set(user(3, "admin2", Privilege::user)));
    REQUIRE(users.find_by_name(bytes_of("admin")) != nullptr);
    CHECK(users.find_by_name(bytes_of("admin"))->id == 2);
    CHECK(users.find_by_name(bytes_of("admin2"))->id == 3);
    CHECK(users.find_by_name(bytes_of("adm")) == nullptr);
    CHECK(users.find_by_name({}) == nullptr);
    users.edit(2)->enabled = false;
    CHECK(users.find_by_name(bytes_of("admin")) == nullptr);
}

TEST_CASE("name and privilege: the first of that name that may go so high") {
    Users users;
    REQUIRE(users.set(user(2, "joe", Privilege::user)));
    REQUIRE(users.set(user(5, "joe", Privilege::administrator)));
    const std::vector<u8> joe = bytes_of("joe");
    CHECK(users.find_by_name_and_privilege(joe, Privilege::user)->id == 2);
    CHECK(users.find_by_name_and_privilege(joe, Privilege::operator_)->id == 5);
    CHECK(users.find_by_name_and_privilege(joe, Privilege::administrator)->id == 5);
    CHECK(users.find_by_name_and_privilege(joe, Privilege::oem) == nullptr);
}

TEST_CASE("slots: free ones in order, removal, the null user out of reach") {
    Users users;
    CHECK(users.free_slot() == 2);
    REQUIRE(users.set(user(2, "a", Privilege::user)));
    REQUIRE(users.set(user(4, "c", Privilege::user)));
    CHECK(users.free_slot() == 3);
    CHECK(users.edit(null_user) == nullptr);
    CHECK(users.edit(0) == nullptr);
    CHECK(users.edit(17) == nullptr);
    CHECK(users.remove(2));
    CHECK_FALSE(users.remove(2));
    CHECK(users.free_slot() == 2);
    CHECK(users.list().size() == 1);
    CHECK(users.count_enabled() == 1);
}

TEST_CASE("K_g of zeros is none") {
    Users users;
    CHECK_FALSE(users.has_kg());
    users.set_kg(Key20(Bytes(ByteArray<1>{1})));
    CHECK(users.has_kg());
    users.set_kg(Key20());
    CHECK_FALSE(users.has_kg());
}

TEST_CASE("a key is 20 bytes, padded with zeros, never more") {
    const Key20 key(bytes_of("0123456789abcdefghijklmno"));
    CHECK(key.reveal().size() == 20);
    CHECK(key == Key20(bytes_of("0123456789abcdefghij")));
    CHECK_FALSE(key == Key20(bytes_of("0123456789abcdefghi")));
}
