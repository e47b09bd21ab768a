#pragma once
// Who is at a node's serial console: any number watch, one types, which may also be an IPMI session
// (Serial over LAN). Keeps what the machine printed last. Made when a console is opened for the
// first time; owned by the Node, on its shard.

#include "base/bytes.h"
#include "base/result.h"

#include <functional>
#include <string>
#include <vector>

namespace vbmc::fleet {

enum class ConsoleMode : u8 {
    view,
    write, // refused while somebody else types
    force, // takes over
};

/// What somebody at a console is told.
struct ConsoleNews {
    enum class Kind : u8 {
        output,
        connected,    // the machine's stream is open
        disconnected, // it is lost, and will be opened again
        not_opened,   // it cannot be opened, and is tried again
        demoted,      // somebody else types from now on
        ended,        // the node stopped: no more news
    };
    Kind kind = Kind::output;
    std::vector<u8> bytes; // of output
    std::string who;       // of demoted
    std::string why;       // of not_opened
};

class ConsoleHub {
  public:
    static constexpr std::size_t history_bytes_max = 64 * 1024;
    static constexpr std::size_t watchers_max = 64;

    using Sink = std::function<void(const ConsoleNews&)>;

    struct Joined {
        u32 id = 0;
        bool connected = false;
        std::vector<u8> history;
    };

    /// The sink is called until leave(), and after `ended` never again. RESOURCE_EXHAUSTED: too
    /// many watch. CONSOLE_IN_USE: `write`, and somebody else types.
    Result<Joined> join(ConsoleMode mode, const std::string& who, Sink sink);

    /// Who it was; empty: it had ended before.
    std::string leave(u32 id);

    bool may_type(u32 id) const noexcept { return id != 0 && id == writer_; }

    /// An IPMI session took the console, or let it go.
    void session_began(const std::string& who);

    void session_ended() { session_.clear(); }

    /// Who the session is; empty: none has it.
    const std::string& session() const noexcept { return session_; }

    /// Somebody needs the machine's stream.
    bool wanted() const noexcept { return !session_.empty() || !watchers_.empty(); }

    void connected();
    void disconnected();

    /// An attempt to open the machine's stream failed. Everybody is told once a reason.
    void not_opened(const std::string& why);

    void output(Bytes bytes);

    /// The node stops.
    void end();

  private:
    struct Watcher {
        u32 id;
        std::string who;
        Sink sink;
        std::string told; // why the stream cannot be opened; empty: nothing yet
    };

    void tell(const ConsoleNews& news);
    void demote(const std::string& by);
    const Watcher* find(u32 id) const;
    std::vector<u8> history() const;

    std::vector<Watcher> watchers_;
    std::string session_;
    std::vector<u8> history_; // grows to its maximum, then a ring
    std::size_t history_begin_ = 0;
    u32 last_id_ = 0;
    u32 writer_ = 0; // 0: none of the watchers
    bool connected_ = false;
};

} // namespace vbmc::fleet
