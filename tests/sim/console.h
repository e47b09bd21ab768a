#pragma once
// A remote console: logs in, works, and ends or just vanishes, with the habits of a real client.
// Loses patience as that client does, and comes back later.

#include "sim/login.h"
#include "sim/marks.h"
#include "sim/sim_node.h"

#include <string_view>

namespace vbmc::sim {

/// How a client sends again, and what it does at the end.
struct Habits {
    std::string_view name;
    bool same_number;     // a retry keeps rqSeq
    Duration first_wait;  // for an answer
    Duration longer_wait; // more for each retry
    unsigned tries;
    bool closes;
    u32 console_id;
};

/// What consoles share.
struct Neighbourhood {
    Timeline& timeline;
    Random& random;
    Marks& marks;
    Judge& judge;
    Network& network;
    crypto::Toolbox& tools;
    std::deque<Login>& logins;
    std::deque<Op>& ops;
};

class Console {
  public:
    Console(const Neighbourhood& around, const Habits& habits, const Peer& peer, SimNode& node);

    /// Logs in after a while, and again and again until rest().
    void live();

    void on_datagram(Bytes datagram);

    /// No more work: whatever is under way is given up, without a word.
    void rest();

    /// One log-in, one Get Chassis Status, Close Session; ends with `proven()`.
    void prove();

    bool proven() const noexcept { return step_ == Step::proven; }

    /// What the machine was told to be when it was asked last.
    bool told_on() const noexcept { return told_on_; }

    const Peer& peer() const noexcept { return peer_; }

    SimNode& node() noexcept { return node_; }

    Account account;
    std::vector<u8> bmc_key;
    u8 suite = 17;         // 0: IPMI 1.5
    bool stubborn = false; // goes on with a password that is wrong

  private:
    enum class Step { resting, opening, first, second, raising, working, closing, proven };

    void begin();
    void say(test::Packet packet);
    void say_again();
    void wait();
    void on_silence();
    void give_up();
    void next_step(Step step, test::Packet packet);
    void on_handshake(Bytes datagram);
    void on_handshake15(Bytes datagram);
    void refused();
    void ask(u8 net_fn, u8 command, std::vector<u8> data);
    void on_reply(const test::Reply& reply);
    void logged_in();
    void work();
    void finish();
    void choose_work();
    void choose_change();
    void control_power();
    void on_answer(const Op& op, const test::Reply& reply);

    // console_sol.cpp
    void reset_typing();
    void start_typing();
    void type_line();
    void on_sol(const test::Reply& reply);
    void send_sol(u8 number, u8 acked, u8 accepted, std::string_view text);
    void stop_typing();

    Neighbourhood around_;
    Habits habits_;
    Peer peer_;
    SimNode& node_;
    Step step_ = Step::resting;
    Login* login_ = nullptr;
    Op* op_ = nullptr;
    test::Packet last_; // of the handshake, to be sent again as it was
    u64 patience_ = 0;  // which wait is the present one
    unsigned tries_ = 0;
    unsigned work_left_ = 0;
    bool proving_ = false;
    bool told_on_ = false;
    bool typed_ = false;  // once a log-in
    std::set<u32> taken_; // session sequence numbers of what came

    struct Typing {
        bool active = false;
        u8 number = 0;
        u8 last_received = 0;
        std::string under_way;
        unsigned repeats = 0;
        unsigned lines_left = 0;
        std::size_t printed_at = 0;
        u64 turn = 0;
    };

    Typing typing_;
};

} // namespace vbmc::sim
