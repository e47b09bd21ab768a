// A node's serial console: shared by an IPMI session and the watchers of the control API. The
// worker's stream is open while anybody wants it.

#include "fleet/node.h"
#include "net/clock.h"

#include <utility>

namespace vbmc::fleet {

void Node::tell_console(std::string_view what, const std::string& who) {
    NodeNote told;
    told.kind = NodeNote::Kind::audit;
    told.what = what;
    told.who = who;
    note(std::move(told));
}

/// The stream is opened for the first who needs it; where that failed, it is tried for the next.
void Node::want_console() {
    if (console_ && worker_ && console_->wanted()) {
        worker_->submit(bmc::ConsoleOpen());
    }
}

/// And closed behind the last.
void Node::let_console_go() {
    if (console_ && worker_ && !console_->wanted()) {
        worker_->submit(bmc::ConsoleClose());
    }
}

/// The model's own wishes about the console: true when they end here.
bool Node::relay_console(const bmc::Intent& intent) {
    if (std::holds_alternative<bmc::ConsoleOpen>(intent)) {
        if (!console_) {
            console_ = std::make_unique<ConsoleHub>();
        }
        std::string who = "an IPMI session";
        const auto info =
            bmc_.sol() == nullptr ? std::nullopt : bmc_.sessions().session(bmc_.sol()->session());
        if (info) {
            const bmc::User* user = model().users.find(info->user_id);
            const Bytes name = user == nullptr ? Bytes() : user->name.bytes();
            who = std::string(name.begin(), name.end()) + "@" + info->peer.to_string();
        }
        console_->session_began(who);
        tell_console("console_opened", who);
        want_console();
        return true;
    }
    if (std::holds_alternative<bmc::ConsoleClose>(intent)) {
        if (console_) {
            tell_console("console_closed", console_->session());
            console_->session_ended();
            let_console_go();
        }
        return true;
    }
    return false;
}

void Node::watch_console(const bmc::Observation& seen) {
    if (!console_) {
        return;
    }
    if (const auto* output = std::get_if<bmc::ConsoleBytes>(&seen)) {
        console_->output(output->bytes);
    } else if (std::holds_alternative<bmc::ConsoleOpened>(seen)) {
        console_->connected();
    } else if (std::holds_alternative<bmc::ConsoleClosed>(seen)) {
        console_->disconnected();
    }
}

void Node::on_console_refused(const Error& why) {
    if (console_) {
        console_->not_opened(describe(why));
    }
}

Result<ConsoleHub::Joined>
Node::join_console(ConsoleMode mode, const std::string& who, ConsoleHub::Sink sink) {
    if (!worker_) {
        return Error(
                   ErrorCode::failed_precondition,
                   "NODE_NOT_RUNNING",
                   "node '" + name() + "' does not run"
        )
            .with_hint("vbmcctl start " + name());
    }
    if (!model().config.capabilities.console) {
        return Error(
            ErrorCode::unsupported, "NO_CONSOLE", "this node's backend has no serial console"
        );
    }
    if (!console_) {
        console_ = std::make_unique<ConsoleHub>();
    }
    if (mode == ConsoleMode::force && bmc_.sol() != nullptr) {
        guarded([this] { bmc_.deactivate_sol(); });
        settle();
    }
    auto joined = console_->join(mode, who, std::move(sink));
    if (joined.has_value()) {
        tell_console(mode == ConsoleMode::view ? "console_watched" : "console_opened", who);
        want_console();
    }
    return joined;
}

void Node::leave_console(u32 id) {
    const std::string who = console_ ? console_->leave(id) : std::string();
    if (!who.empty()) {
        tell_console("console_closed", who);
        let_console_go();
    }
}

void Node::type_console(u32 id, std::vector<u8> keys) {
    if (worker_ && console_ && console_->may_type(id)) {
        worker_->submit(bmc::ConsoleInput{std::move(keys)});
    }
}

void Node::break_console(u32 id) {
    if (worker_ && console_ && console_->may_type(id)) {
        worker_->submit(bmc::ConsoleBreak());
    }
}

} // namespace vbmc::fleet
