#pragma once
// RAKP messages 1 to 4 (IPMI 2.0 §13.20 to §13.23). Names and codes are views into the datagram.

#include "wire/open_session.h"

namespace vbmc::wire {

inline constexpr std::size_t user_name_max = 16;

struct Rakp1 {
    u8 tag = 0;
    u32 bmc_session_id = 0;
    ByteArray<16> console_random{};
    u8 role = 0;        // the whole byte: bit 4 is the name-only lookup and goes into every HMAC
    u8 name_length = 0; // as sent; over user_name_max the name is empty
    Bytes name;

    bool name_only_lookup() const noexcept { return (role & 0x10) != 0; }

    u8 privilege() const noexcept { return role & 0x0f; }
};

struct Rakp2 {
    u8 tag = 0;
    Status status = Status::ok;
    u32 console_session_id = 0;
    ByteArray<16> bmc_random{}; // this and what follows only with Status::ok
    ByteArray<16> guid{};
    Bytes auth_code;
};

struct Rakp3 {
    u8 tag = 0;
    Status status = Status::ok;
    u32 bmc_session_id = 0;
    Bytes auth_code; // empty with an error status
};

struct Rakp4 {
    u8 tag = 0;
    Status status = Status::ok;
    u32 console_session_id = 0;
    Bytes check_value; // empty with an error status
};

Parsed<Rakp1> parse_rakp1(Bytes payload) noexcept;
Parsed<Rakp2> parse_rakp2(Bytes payload) noexcept;
Parsed<Rakp3> parse_rakp3(Bytes payload) noexcept;
Parsed<Rakp4> parse_rakp4(Bytes payload) noexcept;

void write(ByteWriter& out, const Rakp1& message) noexcept;
void write(ByteWriter& out, const Rakp2& message) noexcept;
void write(ByteWriter& out, const Rakp3& message) noexcept;
void write(ByteWriter& out, const Rakp4& message) noexcept;

} // namespace vbmc::wire
