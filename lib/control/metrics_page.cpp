#include "control/metrics_page.h"

#include "control/metrics_text.h"
#include "control/subjects.h"

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vbmc::control {

namespace {

constexpr std::array<std::string_view, 6> state_names = {
    "stopped", "starting", "running", "stopping", "failed", "quarantined"};
constexpr std::array<std::string_view, 4> power_names = {"unknown", "off", "on", "changing"};
constexpr std::array<std::string_view, 6> privilege_names = {
    "none", "callback", "user", "operator", "administrator", "oem"};
constexpr std::array<std::string_view, 6> action_names = {
    "off", "on", "cycle", "reset", "diag", "soft"};

std::string hex(u8 value) {
    constexpr std::string_view digits = "0123456789abcdef";
    return {digits[value >> 4], digits[value & 0x0f]};
}

std::string short_text(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%g", value);
    return text.data();
}

void nodes(MetricsText& out, const fleet::FleetNumbers& numbers) {
    out.family("vbmc_nodes", "gauge", "Registered nodes by their state.");
    for (std::size_t i = 0; i < state_names.size(); ++i) {
        out.sample({{"state", state_names[i]}}, numbers.states[i]);
    }
    out.family("vbmc_nodes_power", "gauge", "Nodes by the power state that was seen last.");
    for (std::size_t i = 0; i < power_names.size(); ++i) {
        out.sample({{"state", power_names[i]}}, numbers.power[i]);
    }
    out.family("vbmc_nodes_unreachable", "gauge", "Nodes whose backend does not answer.");
    out.sample(numbers.unreachable);
    out.family("vbmc_node_faults_total", "counter", "Exceptions that were contained in one node.");
    out.sample(numbers.faults);
}

void packets(MetricsText& out, const fleet::FleetNumbers& numbers) {
    out.family("vbmc_rmcp_packets_total", "counter", "Datagrams of all endpoints.");
    out.sample({{"dir", "in"}}, numbers.udp.received);
    out.sample({{"dir", "out"}}, numbers.udp.sent);
    out.family("vbmc_rmcp_drops_total", "counter", "Datagrams that got no answer, by reason.");
    for (std::size_t i = 0; i < numbers.ipmi.drops.size(); ++i) {
        out.sample({{"reason", to_string(static_cast<rmcp::Drop>(i))}}, numbers.ipmi.drops[i]);
    }
    out.family(
        "vbmc_socket_rx_drops_total",
        "counter",
        "Datagrams that the kernel dropped because a socket's queue was full."
    );
    out.sample(numbers.udp.queue_full);
    out.family("vbmc_socket_errors_total", "counter", "What the kernel refused.");
    out.sample({{"dir", "in"}}, numbers.udp.receive_errors);
    out.sample({{"dir", "out"}}, numbers.udp.send_failures);
}

void sessions(MetricsText& out, const fleet::FleetNumbers& numbers) {
    out.family("vbmc_sessions", "gauge", "Open IPMI sessions by their present privilege.");
    for (std::size_t i = 1; i < privilege_names.size(); ++i) {
        out.sample({{"privilege", privilege_names[i]}}, numbers.sessions[i]);
    }
    out.family("vbmc_sessions_opened_total", "counter", "Log-ins; suite 0 stands for IPMI 1.5.");
    for (std::size_t i = 0; i < numbers.ipmi.opened.size(); ++i) {
        if (numbers.ipmi.opened[i] > 0 || i == 3 || i == 17) {
            out.sample({{"cipher_suite", std::to_string(i)}}, numbers.ipmi.opened[i]);
        }
    }
    const auto by_reason = [&out](const auto& counts, auto first, auto last) {
        for (auto i = static_cast<std::size_t>(first); i <= static_cast<std::size_t>(last); ++i) {
            const auto reason = static_cast<rmcp::SessionEvent::Reason>(i);
            out.sample({{"reason", to_string(reason)}}, counts[i]);
        }
    };
    using Reason = rmcp::SessionEvent::Reason;
    out.family("vbmc_auth_failures_total", "counter", "Log-ins that were refused.");
    by_reason(numbers.ipmi.refused, Reason::unknown_name, Reason::no_session_free);
    out.family("vbmc_sessions_closed_total", "counter", "Sessions that ended, by reason.");
    by_reason(numbers.ipmi.closed, Reason::by_console, Reason::user_changed);
    out.family(
        "vbmc_session_events_not_told_total",
        "counter",
        "Log-ins and log-outs beyond what is told as events a second."
    );
    out.sample(numbers.log_ins_not_told);
    out.family("vbmc_sol_sessions", "gauge", "Active Serial-over-LAN sessions.");
    out.sample(numbers.consoles);
}

void commands(MetricsText& out, const fleet::FleetNumbers& numbers) {
    out.family("vbmc_ipmi_commands_total", "counter", "Commands by completion code, hexadecimal.");
    u64 answered = 0;
    numbers.ipmi.commands.for_each([&](const rmcp::CommandCounts::Entry& entry) {
        out.sample(
            {{"netfn", hex(entry.net_fn())},
             {"cmd", hex(entry.command())},
             {"ccode", hex(entry.completion_code())}},
            entry.count
        );
        answered += entry.count;
    });
    const auto rest = [&](std::string_view name, std::string_view code, u64 count) {
        out.sample({{"netfn", name}, {"cmd", name}, {"ccode", code}}, count);
        answered += count;
    };
    rest("unknown", "c1", numbers.ipmi.commands.unknown());
    rest("other", "other", numbers.ipmi.commands.others());

    out.family(
        "vbmc_ipmi_command_duration_seconds",
        "histogram",
        "How long requests waited for their backend; what is answered at once counts as 0."
    );
    u64 waited = 0;
    for (const u64 count : numbers.ipmi.waited) {
        waited += count;
    }
    u64 below = answered - std::min(answered, waited);
    for (std::size_t i = 0; i < rmcp::Counters::wait_bounds_ms.size(); ++i) {
        below += numbers.ipmi.waited[i];
        const std::string bound = short_text(rmcp::Counters::wait_bounds_ms[i] / 1000.0);
        out.sample({{"le", bound}}, below, "_bucket");
    }
    out.sample({{"le", "+Inf"}}, below + numbers.ipmi.waited.back(), "_bucket");
    out.sample({}, numbers.ipmi.waited_s, "_sum");
    out.sample({}, below + numbers.ipmi.waited.back(), "_count");
    out.family("vbmc_ipmi_requests_waiting", "gauge", "Requests that wait for a backend now.");
    out.sample(numbers.parked);
}

void backends(MetricsText& out, const fleet::FleetNumbers& numbers) {
    using Calls = fleet::CallNumbers;
    out.family(
        "vbmc_backend_request_duration_seconds", "histogram", "Calls to backends, by operation."
    );
    for (const Calls& call : numbers.backends.calls()) {
        u64 below = 0;
        for (std::size_t i = 0; i < Calls::bounds_s.size(); ++i) {
            below += call.took[i];
            const std::string bound = short_text(Calls::bounds_s[i]);
            out.sample(
                {{"backend", call.kind}, {"op", call.operation}, {"le", bound}}, below, "_bucket"
            );
        }
        below += call.took.back();
        out.sample(
            {{"backend", call.kind}, {"op", call.operation}, {"le", "+Inf"}}, below, "_bucket"
        );
        out.sample({{"backend", call.kind}, {"op", call.operation}}, call.seconds, "_sum");
        out.sample({{"backend", call.kind}, {"op", call.operation}}, below, "_count");
    }
    out.family(
        "vbmc_backend_errors_total",
        "counter",
        "Calls that failed: refused by the backend, or without any answer."
    );
    for (const Calls& call : numbers.backends.calls()) {
        for (const bool silent : {false, true}) {
            out.sample(
                {{"backend", call.kind},
                 {"op", call.operation},
                 {"error", silent ? "unreachable" : "refused"}},
                silent ? call.silent : call.refused
            );
        }
    }
    out.family("vbmc_power_actions_total", "counter", "Power actions that ended.");
    for (std::size_t i = 0; i < action_names.size(); ++i) {
        out.sample({{"action", action_names[i]}, {"result", "ok"}}, numbers.power_done[i]);
        out.sample({{"action", action_names[i]}, {"result", "failed"}}, numbers.power_failed[i]);
    }
}

void process_lines(MetricsText& out, const ProcessNumbers& process) {
    out.family("process_cpu_seconds_total", "counter", "User and system CPU time.");
    out.sample(process.cpu_s);
    out.family("process_resident_memory_bytes", "gauge", "Resident memory.");
    out.sample(process.resident_bytes);
    out.family("process_virtual_memory_bytes", "gauge", "Virtual memory.");
    out.sample(process.virtual_bytes);
    out.family("process_open_fds", "gauge", "Open file descriptors.");
    out.sample(process.open_files);
    out.family("process_max_fds", "gauge", "The most file descriptors that may be open.");
    out.sample(process.open_files_max);
    out.family("process_start_time_seconds", "gauge", "When the process started, in Unix time.");
    out.sample(process.started_s);
}

struct NodeSeries {
    std::string_view name;
    std::string_view type;
    std::string_view help;
    std::optional<double> (*value)(const fleet::NodeStatus&); // nothing: no sample
};

constexpr NodeSeries node_series[] = {
    {"vbmc_node_up",
     "gauge",
     "1 when the node's endpoint answers.",
     [](const fleet::NodeStatus& node) -> std::optional<double> {
         return node.state == fleet::NodeState::running ? 1 : 0;
     }},
    {"vbmc_node_power_on",
     "gauge",
     "1 on, 0 off; absent while unknown or changing.",
     [](const fleet::NodeStatus& node) -> std::optional<double> {
         if (!bmc::is_settled(node.power)) {
             return std::nullopt;
         }
         return node.power == bmc::PowerState::on ? 1 : 0;
     }},
    {"vbmc_node_power_age_seconds",
     "gauge",
     "Since the backend confirmed the power state.",
     [](const fleet::NodeStatus& node) { return node.power_age_s; }},
    {"vbmc_node_sessions",
     "gauge",
     "Open IPMI sessions.",
     [](const fleet::NodeStatus& node) -> std::optional<double> { return node.sessions; }},
    {"vbmc_node_packets_total",
     "counter",
     "Datagrams received.",
     [](const fleet::NodeStatus& node) -> std::optional<double> {
         return static_cast<double>(node.packets_in);
     }},
    {"vbmc_node_drops_total",
     "counter",
     "Datagrams that got no answer.",
     [](const fleet::NodeStatus& node) -> std::optional<double> {
         return static_cast<double>(node.packets_dropped);
     }},
};

} // namespace

ProcessNumbers read_process() {
    ProcessNumbers numbers;
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    numbers.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    const auto page = static_cast<u64>(::sysconf(_SC_PAGESIZE));
    std::ifstream statm("/proc/self/statm");
    statm >> numbers.virtual_bytes >> numbers.resident_bytes;
    numbers.virtual_bytes *= page;
    numbers.resident_bytes *= page;

    struct stat files {};

    if (::stat("/proc/self/fd", &files) == 0 &&
        files.st_size > 0) { // their number, since Linux 6.2
        numbers.open_files = static_cast<u64>(files.st_size);
    } else {
        std::error_code error;
        for (std::filesystem::directory_iterator at("/proc/self/fd", error), end;
             !error && at != end;
             at.increment(error)) {
            ++numbers.open_files;
        }
    }
    rlimit limit{};
    numbers.open_files_max = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
    return numbers;
}

std::string fleet_page(
    const fleet::FleetNumbers& numbers, const ProcessNumbers& process, std::string_view version
) {
    MetricsText out;
    out.family("vbmc_build_info", "gauge", "Always 1; the version is a label.");
    out.sample({{"version", version}}, u64{1});
    out.family("vbmc_shards", "gauge", "Threads that serve endpoints.");
    out.sample(numbers.shards);
    nodes(out, numbers);
    packets(out, numbers);
    sessions(out, numbers);
    commands(out, numbers);
    backends(out, numbers);
    process_lines(out, process);
    return out.take();
}

Result<std::string>
nodes_page(const std::vector<fleet::NodeView>& nodes, const std::string& filter) {
    const auto wanted = parse_node_filter(filter);
    if (!wanted) {
        return wanted.error();
    }
    std::vector<const fleet::NodeView*> shown;
    for (const fleet::NodeView& node : nodes) {
        if (matches(*wanted, node)) {
            shown.push_back(&node);
        }
    }
    MetricsText out;
    for (const NodeSeries& series : node_series) {
        out.family(series.name, series.type, series.help);
        for (const fleet::NodeView* node : shown) {
            if (const auto value = series.value(node->status)) {
                out.sample({{"node", node->spec.name}}, *value);
            }
        }
    }
    return out.take();
}

} // namespace vbmc::control
