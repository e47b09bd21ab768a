// Persisted sections that are not what we wrote. Input: a section's number and its bytes, either
// alone or as changes (bit 7) to what a node that was used saves. What load() refuses changes
// nothing; what it takes is saved as the same bytes again and can be lived with.

#include "fuzz/rig.h"

using namespace vbmc;
using namespace std::chrono_literals;

namespace {

/// Commands that read what was loaded.
void read_everything(fuzz::Rig& rig) {
    test::ClientOptions options;
    test::ModelClient client(rig.tools(), options);
    const test::Send send = [&rig](const test::Packet& packet) {
        test::Packet copy = packet;
        const Bytes answer = rig.receive(copy);
        return std::optional(test::Packet(answer.begin(), answer.end()));
    };
    if (!client.log_in(send)) {
        return; // the users are others now
    }
    client.call(send, 0x06, 0x3b, {4});
    static const std::vector<std::vector<u8>> requests = {
        {0x00, 0x01},
        {0x00, 0x07},
        {0x00, 0x09, 5, 0, 0},
        {0x00, 0x0f},
        {0x04, 0x13, 1, 0, 0},
        {0x04, 0x27, 0x10},
        {0x04, 0x2d, 0x10},
        {0x06, 0x25},
        {0x06, 0x41, 1, 0x40},
        {0x06, 0x44, 1, 2},
        {0x06, 0x46, 2},
        {0x06, 0x59, 0, 1, 0, 0},
        {0x0a, 0x10, 0},
        {0x0a, 0x11, 0, 0, 0, 16},
        {0x0a, 0x23, 0, 0, 0, 0, 0, 16},
        {0x0a, 0x40},
        {0x0a, 0x43, 0, 0, 0, 0, 0, 0xff},
        {0x0a, 0x48},
        {0x0c, 0x02, 1, 24, 0, 0},
        {0x0c, 0x22, 1, 2, 0, 0},
        {0x2c, 0x06, 0xdc, 0, 16},
        {0x2c, 0x09, 0xdc, 0, 16},
    };
    for (const std::vector<u8>& request : requests) {
        client.call(send, request[0], request[1], {request.begin() + 2, request.end()});
    }
}

std::vector<u8> changed(std::vector<u8> saved, fuzz::Input& input) {
    while (input.more() && !saved.empty()) {
        const std::size_t at = input.word() % saved.size();
        const u8 how = input.byte();
        if (how == 0) {
            saved.resize(at);
        } else if (how == 1) {
            saved.insert(saved.begin() + static_cast<std::ptrdiff_t>(at), input.byte());
        } else {
            saved[at] = input.byte();
        }
    }
    return saved;
}

/// A node that has something in every section.
void use(fuzz::Rig& rig) {
    rig.observe(bmc::PowerSeen{bmc::PowerState::on, false});
    rig.observe(bmc::PowerFailed{bmc::PowerAction::cycle, bmc::Outcome::failed});
    rig.node().model().set_boot(rig.now(), {bmc::BootDevice::pxe, true, true});
    rig.pass(1h);
    rig.observe(bmc::PowerSeen{bmc::PowerState::off, false});
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size) {
    fuzz::Input input(Bytes(data, size));
    const u8 first = input.byte();
    const auto section = static_cast<bmc::Section>((first & 0x7f) % bmc::section_count);
    fuzz::Rig rig;
    use(rig);
    const std::vector<u8> before = rig.node().save(section, rig.now());
    const std::vector<u8> bytes = (first & 0x80) != 0 ? changed(before, input) : input.rest();
    const bool loaded = rig.node().load(section, bytes, rig.now());
    const std::vector<u8> after = rig.node().save(section, rig.now());
    if (!loaded) {
        VBMC_CHECK(equal(before, after));
    } else {
        VBMC_CHECK(rig.node().load(section, after, rig.now()));
        VBMC_CHECK(equal(rig.node().save(section, rig.now()), after));
    }
    rig.drain();
    read_everything(rig);
    rig.observe(bmc::PowerSeen{bmc::PowerState::on, true});
    rig.pass(2min);
    rig.check_persistence();
    return 0;
}
