// Consoles on behalf of the control API: what a node's hub tells on its shard arrives on the
// control thread, and keys go the other way.

#include "fleet/fleet_impl.h"

#include <boost/asio/post.hpp>

#include <utility>

namespace vbmc::fleet {

namespace {

class Line final : public ConsoleLine {
  public:
    Line(std::weak_ptr<Node> node, boost::asio::io_context& shard, u32 id)
        : node_(std::move(node)), shard_(shard), id_(id) {}

    ~Line() override {
        there([id = id_](Node& node) { node.leave_console(id); });
    }

    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;

    void type(std::vector<u8> keys) override {
        there([id = id_, keys = std::move(keys)](Node& node) mutable {
            node.type_console(id, std::move(keys));
        });
    }

    void send_break() override {
        there([id = id_](Node& node) { node.break_console(id); });
    }

  private:
    /// A node that is gone took its shard's work with it: then there is nothing to do.
    template <class F>
    void there(F function) {
        if (auto node = node_.lock()) {
            boost::asio::post(
                shard_,
                [node = std::move(node), function = std::move(function)]() mutable {
                    function(*node);
                }
            );
        }
    }

    std::weak_ptr<Node> node_;
    boost::asio::io_context& shard_;
    u32 id_;
};

} // namespace

Awaitable<Result<ConsoleOpening>> Fleet::Impl::open_console(
    std::string name,
    ConsoleMode mode,
    std::string who,
    std::function<void(const ConsoleNews&)> sink
) {
    auto found = find_made(name);
    if (found.has_error()) {
        co_return found.error();
    }
    const EntryPtr entry = *found;
    auto executor = control_.get_executor();
    ConsoleHub::Sink carry = [executor, sink = std::move(sink)](const ConsoleNews& news) {
        boost::asio::post(executor, [sink, news] { sink(news); });
    };
    auto join = [mode, who = std::move(who), carry = std::move(carry)](Node& node) mutable {
        return node.join_console(mode, who, std::move(carry));
    };
    Result<ConsoleHub::Joined> joined = co_await on_node(entry, std::move(join));
    if (joined.has_error()) {
        co_return joined.error();
    }
    ConsoleOpening opening;
    opening.line = std::make_unique<Line>(entry->node, home(*entry), joined->id);
    opening.joined = std::move(*joined);
    co_return opening;
}

} // namespace vbmc::fleet
