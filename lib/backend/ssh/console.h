#pragma once
// A machine's console over ssh: a terminal with a command or the login shell on it. Made by a
// driver; keeps the session it runs on; on the node's shard.

#include "backend/ssh/host.h"

#include <memory>

namespace vbmc::backend::ssh {

/// `on_break` may be empty: the console has no break then.
std::unique_ptr<Console> make_console(
    boost::asio::io_context& shard,
    std::shared_ptr<Host> host,
    ChannelPtr channel,
    ConsoleSink sink,
    std::string on_break
);

} // namespace vbmc::backend::ssh
