#pragma once

// The list of command groups; each adds its commands to the tree. One file a group.

namespace vbmc::ctl {

class Cli;

void add_add_command(Cli& cli);         // add
void add_set_command(Cli& cli);         // set
void add_edit_command(Cli& cli);        // edit
void add_apply_commands(Cli& cli);      // apply, diff
void add_list_commands(Cli& cli);       // list, show
void add_lifecycle_commands(Cli& cli);  // start, stop, restart, rm
void add_power_command(Cli& cli);       // power
void add_console_command(Cli& cli);     // console
void add_source_commands(Cli& cli);     // source add, list, show, set, pause, resume, rm
void add_discover_command(Cli& cli);    // discover
void add_boot_command(Cli& cli);        // bootdev
void add_sel_command(Cli& cli);         // sel
void add_sensors_command(Cli& cli);     // sensors
void add_sessions_command(Cli& cli);    // sessions
void add_top_command(Cli& cli);         // top
void add_users_command(Cli& cli);       // users
void add_events_command(Cli& cli);      // events
void add_backend_commands(Cli& cli);    // backend list, describe, test
void add_ipmitool_command(Cli& cli);    // ipmitool
void add_wait_command(Cli& cli);        // wait
void add_info_commands(Cli& cli);       // info, version
void add_completion_commands(Cli& cli); // completion, __complete

} // namespace vbmc::ctl
