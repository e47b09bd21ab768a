#pragma once
// Why bytes are not a message. Small, without text: a hostile datagram costs one counter.

#include "base/bytes.h"
#include "base/check.h"
#include "base/result.h"

namespace vbmc::wire {

enum class ParseError : u8 {
    truncated,    // ends before its own layout does
    left_over,    // goes on after its own layout ended
    bad_version,  // RMCP version, IPMI authentication type or next header
    bad_class,    // an RMCP class that we do not speak
    bad_checksum, // LAN message checksum 1 or 2
    bad_length,   // a length field that cannot be
    bad_value,    // a field outside its values
};

template <class T>
using Parsed = Result<T, ParseError>;

/// Parsed<T>::value() on an error is a bug of the caller: has_value() comes first.
[[noreturn]] inline void
throw_exception_from_error(const ParseError&, const boost::source_location& where) {
    check_failed("unchecked wire::ParseError", where.file_name(), static_cast<int>(where.line()));
}

} // namespace vbmc::wire
