// Each command's Request and Response: what decode() takes, encode() writes, and what that writes
// is read back as the same. Input: a command's index (two bytes) and data. The same data is also
// run as the command itself, on a model.

#include "endpoint/commands.h"
#include "endpoint/payload_commands.h"
#include "endpoint/session_commands.h"
#include "fuzz/rig.h"
#include "ipmi/app_channel.h"
#include "ipmi/app_device.h"
#include "ipmi/app_messaging.h"
#include "ipmi/app_support.h"
#include "ipmi/app_system_info.h"
#include "ipmi/app_users.h"
#include "ipmi/app_watchdog.h"
#include "ipmi/chassis_boot.h"
#include "ipmi/chassis_control.h"
#include "ipmi/chassis_status.h"
#include "ipmi/dcmi.h"
#include "ipmi/oem_media.h"
#include "ipmi/sensor.h"
#include "ipmi/sensor_events.h"
#include "ipmi/storage_fru.h"
#include "ipmi/storage_sdr.h"
#include "ipmi/storage_sel.h"
#include "ipmi/table.h"
#include "ipmi/transport_lan.h"
#include "ipmi/transport_sol.h"

using namespace vbmc;

namespace {

template <class T>
void round_trip(Bytes data) {
    const auto value = decode<T>(data);
    if (!value) {
        return;
    }
    ByteArray<512> first{};
    ByteWriter out(first);
    encode(out, *value);
    VBMC_CHECK(out.ok());
    VBMC_CHECK(out.size() == data.size()); // a layout has one length for one content
    const auto again = decode<T>(out.written());
    VBMC_CHECK(again.has_value());
    ByteArray<512> second{};
    ByteWriter repeated(second);
    encode(repeated, *again);
    VBMC_CHECK(equal(repeated.written(), out.written()));
}

using RoundTrip = void (*)(Bytes);

template <class Command>
void both_ways(Bytes data) {
    round_trip<typename Command::Request>(data);
    round_trip<typename Command::Response>(data);
}

template <class List>
struct Checks;

template <class Target, class... Commands>
struct Checks<ipmi::CommandList<Target, Commands...>> {
    static void add(std::vector<RoundTrip>& all) { (all.push_back(&both_ways<Commands>), ...); }
};

template <class... Lists>
std::vector<RoundTrip> checks_of() {
    std::vector<RoundTrip> all;
    (Checks<Lists>::add(all), ...);
    return all;
}

using SessionCommands = ipmi::CommandList<
    endpoint::VirtualBmc,
    endpoint::GetSystemGuid,
    endpoint::GetChannelAuthenticationCapabilities,
    endpoint::SetSessionPrivilegeLevel,
    endpoint::CloseSession,
    endpoint::GetSessionInfo,
    endpoint::ActivatePayload,
    endpoint::DeactivatePayload,
    endpoint::GetPayloadActivationStatus,
    endpoint::GetPayloadInstanceInfo,
    endpoint::GetChannelCipherSuites>;

const std::vector<RoundTrip>& checks() {
    static const std::vector<RoundTrip> all = checks_of<
        ipmi::AppChannelCommands,
        ipmi::AppDeviceCommands,
        ipmi::AppMessagingCommands,
        ipmi::AppSupportCommands,
        ipmi::AppSystemInfoCommands,
        ipmi::AppUserCommands,
        ipmi::AppWatchdogCommands,
        ipmi::ChassisBootCommands,
        ipmi::ChassisControlCommands,
        ipmi::ChassisStatusCommands,
        ipmi::DcmiCommands,
        ipmi::OemMediaCommands,
        ipmi::SensorCommands,
        ipmi::SensorEventCommands,
        ipmi::StorageFruCommands,
        ipmi::StorageSdrCommands,
        ipmi::StorageSelCommands,
        ipmi::TransportLanCommands,
        ipmi::TransportSolCommands,
        SessionCommands>();
    // Nobody forgets to list a new command here.
    VBMC_CHECK(all.size() == ipmi::table().size() + endpoint::session_table().size());
    return all;
}

/// The command itself: no more than a datagram's worth of reply, whatever the data.
void run(std::size_t index, Bytes data) {
    const auto& entry = ipmi::table()[index % ipmi::table().size()];
    fuzz::Rig rig;
    rig.observe(bmc::PowerSeen{bmc::PowerState::on, false});
    ipmi::Context context;
    context.now = rig.now();
    context.privilege = bmc::Privilege::administrator;
    context.user_id = 2;
    context.session = 1;
    context.known = endpoint::known_commands();
    for (int times = 0; times < 2; ++times) {
        ByteArray<271> room{};
        ByteWriter reply(room);
        const ipmi::Ran ran = entry.run(rig.node().model(), context, data, reply);
        VBMC_CHECK(ran.code != ipmi::CompletionCode::cannot_return_bytes || data.size() > 0);
        const ipmi::Completion completion{bmc::Outcome::ok, true};
        if (ran.deferred != 0) {
            ipmi::Context later = context;
            later.completion = &completion;
            VBMC_CHECK(entry.run(rig.node().model(), later, data, reply).deferred == 0);
        }
    }
    rig.drain();
    rig.check_persistence();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size) {
    fuzz::Input input(Bytes(data, size));
    const std::size_t index = input.word();
    const std::vector<u8> rest = input.bytes(300);
    checks()[index % checks().size()](rest);
    run(index, rest);
    return 0;
}
