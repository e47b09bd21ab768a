#include "control/metrics_page.h"
#include "control/metrics_text.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using control::MetricsText;

TEST_CASE("metrics: names, labels and numbers are written as Prometheus reads them", "[metrics]") {
    MetricsText text;
    text.family("a_total", "counter", "one\\two\nthree \"four\"");
    text.sample({{"l", "x\\y\"z\n"}, {"m", ""}}, u64{18446744073709551615U});
    text.sample(0.5);
    text.sample({{"le", "+Inf"}}, u64{3}, "_bucket");
    CHECK(
        text.take() == "# HELP a_total one\\\\two\\nthree \"four\"\n"
                       "# TYPE a_total counter\n"
                       "a_total{l=\"x\\\\y\\\"z\\n\",m=\"\"} 18446744073709551615\n"
                       "a_total 0.5\n"
                       "a_total_bucket{le=\"+Inf\"} 3\n"
    );
}

TEST_CASE("metrics: commands are added up over shards, histograms are cumulative", "[metrics]") {
    fleet::FleetNumbers sum;
    for (int shard = 0; shard < 2; ++shard) {
        fleet::FleetNumbers one;
        one.shards = 1;
        one.ipmi.commands.count(0x00, 0x01, 0x00);
        one.ipmi.commands.count(0x06, 0x99, 0xc1);
        one.ipmi.count_wait(std::chrono::milliseconds(7));
        one.backends.count(
            "sim", "power_state", std::chrono::milliseconds(3), fleet::BackendNumbers::End::silent
        );
        sum.add(one);
    }
    const std::string page = control::fleet_page(sum, {}, "1.2.3");
    for (const char* line : {
             "vbmc_build_info{version=\"1.2.3\"} 1\n",
             "vbmc_shards 2\n",
             "vbmc_ipmi_commands_total{netfn=\"00\",cmd=\"01\",ccode=\"00\"} 2\n",
             "vbmc_ipmi_commands_total{netfn=\"unknown\",cmd=\"unknown\",ccode=\"c1\"} 2\n",
             "vbmc_ipmi_command_duration_seconds_bucket{le=\"0.005\"} 2\n",
             "vbmc_ipmi_command_duration_seconds_bucket{le=\"0.01\"} 4\n",
             "vbmc_ipmi_command_duration_seconds_count 4\n",
             "vbmc_backend_request_duration_seconds_bucket{backend=\"sim\",op=\"power_state\",le="
             "\"0.001\"} 0\n",
             "vbmc_backend_request_duration_seconds_bucket{backend=\"sim\",op=\"power_state\",le="
             "\"0.005\"} 2\n",
             "vbmc_backend_errors_total{backend=\"sim\",op=\"power_state\",error=\"unreachable\"} "
             "2\n",
         }) {
        INFO(line);
        CHECK(page.find(line) != std::string::npos);
    }
}

TEST_CASE("metrics: a command table that is full counts the rest together", "[metrics]") {
    rmcp::CommandCounts counts;
    for (unsigned command = 0; command < 256; ++command) {
        counts.count(0x00, static_cast<u8>(command), 0x00);
        counts.count(0x06, static_cast<u8>(command), 0x00);
    }
    u64 kept = 0;
    counts.for_each([&](const rmcp::CommandCounts::Entry& entry) { kept += entry.count; });
    CHECK(kept == 256);
    CHECK(counts.others() == 256);
}

TEST_CASE("metrics: the series of nodes follow a filter", "[metrics]") {
    std::vector<fleet::NodeView> nodes(2);
    nodes[0].spec.name = "n1";
    nodes[0].status.state = fleet::NodeState::running;
    nodes[0].status.power = bmc::PowerState::on;
    nodes[0].status.packets_in = 7;
    nodes[1].spec.name = "n2";
    const auto all = control::nodes_page(nodes, "");
    REQUIRE(all);
    CHECK(all->find("vbmc_node_power_on{node=\"n1\"} 1\n") != std::string::npos);
    CHECK(all->find("vbmc_node_power_on{node=\"n2\"}") == std::string::npos); // unknown
    CHECK(all->find("vbmc_node_up{node=\"n2\"} 0\n") != std::string::npos);
    const auto one = control::nodes_page(nodes, "name = n1");
    REQUIRE(one);
    CHECK(one->find("n2") == std::string::npos);
    CHECK(one->find("vbmc_node_packets_total{node=\"n1\"} 7\n") != std::string::npos);
    CHECK(control::nodes_page(nodes, "(((").has_error());
}
