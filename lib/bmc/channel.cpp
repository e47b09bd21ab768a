#include "bmc/channel.h"

#include "bmc/record.h"

namespace vbmc::bmc {

namespace {

constexpr u8 record_version = 1;

} // namespace

void Channel::save(std::vector<u8>& out) const {
    append_record(out, record_version, *this);
}

bool Channel::load(Bytes saved) {
    const auto read = read_record<Channel>(saved, record_version);
    if (!read || read->stored.limit > Privilege::oem) {
        return false;
    }
    stored = read->stored;
    active = stored;
    return true;
}

} // namespace vbmc::bmc
