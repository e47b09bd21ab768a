#include "bmc/sol_config.h"

#include "bmc/record.h"

namespace vbmc::bmc {

namespace {

constexpr u8 record_version = 1;

} // namespace

void SolConfig::save(std::vector<u8>& out) const {
    append_record(out, record_version, *this);
}

bool SolConfig::load(Bytes saved) {
    const auto read = read_record<SolConfig>(saved, record_version);
    if (!read || read->privilege > Privilege::oem) {
        return false;
    }
    *this = *read;
    bit_rate_active = bit_rate_stored;
    return true;
}

} // namespace vbmc::bmc
