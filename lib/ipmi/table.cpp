#include "ipmi/table.h"

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
#include "ipmi/transport_lan.h"
#include "ipmi/transport_sol.h"

namespace vbmc::ipmi {

namespace {

constexpr auto all = join<bmc::Bmc>(
    AppChannelCommands::entries,
    AppDeviceCommands::entries,
    AppMessagingCommands::entries,
    AppSupportCommands::entries,
    AppSystemInfoCommands::entries,
    AppUserCommands::entries,
    AppWatchdogCommands::entries,
    ChassisBootCommands::entries,
    ChassisControlCommands::entries,
    ChassisStatusCommands::entries,
    DcmiCommands::entries,
    OemMediaCommands::entries,
    SensorCommands::entries,
    SensorEventCommands::entries,
    StorageFruCommands::entries,
    StorageSdrCommands::entries,
    StorageSelCommands::entries,
    TransportLanCommands::entries,
    TransportSolCommands::entries
);

constexpr bool ids_differ() {
    for (std::size_t i = 1; i < all.size(); ++i) {
        if (all[i - 1].id.key() == all[i].id.key()) {
            return false;
        }
    }
    return true;
}

static_assert(ids_differ(), "two commands have the same network function and number");

} // namespace

std::span<const Entry<bmc::Bmc>> table() noexcept {
    return all;
}

} // namespace vbmc::ipmi
