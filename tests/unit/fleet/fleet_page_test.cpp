#include "unit/fleet/life.h"

using namespace vbmc;
using namespace vbmc::fleet;

TEST_CASE("pages of nodes follow each other without a gap", "[fleet]") {
    TemporaryFolder folder;
    Daemon d(folder.path);
    for (const char* name : {"a", "b", "c", "d", "e"}) {
        const auto made =
            d.create(name, [](CreateRequest& r) { r.spec.enabled = r.spec.name != "c"; });
        REQUIRE(made.has_value());
    }
    const auto read_all =
        [&d](std::size_t limit, const std::function<bool(const NodeView&)>& wanted) {
            std::string names;
            NodePage page;
            do {
                NodeQuery query;
                query.after = page.next_after;
                query.limit = limit;
                query.wanted = wanted;
                page = d.run(d.fleet->list_page(std::move(query)));
                CHECK(page.nodes.size() <= limit);
                CHECK(page.total == (wanted ? 4 : 5));
                for (const NodeView& node : page.nodes) {
                    names += node.spec.name;
                }
                names += ' ';
            } while (!page.next_after.empty());
            return names;
        };
    const auto runs = [](const NodeView& node) { return node.status.state == NodeState::running; };
    CHECK(read_all(2, nullptr) == "ab cd e ");
    CHECK(read_all(5, nullptr) == "abcde ");
    CHECK(read_all(2, runs) == "ab de ");
    CHECK(read_all(3, runs) == "abd e ");
    CHECK(read_all(9, runs) == "abde ");
}
