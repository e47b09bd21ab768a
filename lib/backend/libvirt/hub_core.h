#pragma once
// The state behind a Hub: connected, connecting or waiting to; who listens; which calls wait. All
// of it on the desk, except submit() and run_job(). Shared with everything that is under way.

#include "backend/libvirt/connection.h"

#include <boost/asio/basic_waitable_timer.hpp>

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

namespace vbmc::backend::libvirt {

class HubCore : public std::enable_shared_from_this<HubCore> {
  public:
    HubCore(
        std::shared_ptr<Desk> desk, std::shared_ptr<boost::asio::io_context> pool, Access access
    );

    /// From any thread.
    void submit(Job job);

    void begin(); // once, on the desk
    void end();   // the last handle is gone, or the process ends
    void listen(std::weak_ptr<Listener> listener);

  private:
    enum class Phase : u8 { idle, opening, open, waiting, ended };

    struct Hearer {
        std::weak_ptr<Listener> listener;
        u32 heard = 0; // events so far: an older list of states says nothing new
    };

    void take(Job job);
    void start(Job job);
    void next_of(const std::string& lane);
    void refuse(const Job& job, const Error& why);
    void refuse_queue(const Error& why);
    void run_job(const std::shared_ptr<Connection>& connection, const Job& job);
    void send_to_pool(Job job);
    void grow();

    void open();
    void opened(Result<std::unique_ptr<Connection>> result, u32 serial);
    void adopt(std::unique_ptr<Connection> connection, u32 serial);
    void not_opened(Error why);
    void give_up_opening();
    void lost(u32 serial);
    void wait_and_open();
    void arm(Duration pause);
    void on_timer();

    void on_event(const DomainEvent& event, u32 serial);
    void resync();
    void resynced(const Result<std::vector<DomainState>>& states, u32 before);
    void tell(Hearer& hearer, const Notice& notice);
    void tell(const DomainEvent& event, const Notice& notice);
    void tell_all(const Notice& notice);

    std::shared_ptr<Connection> hold(std::unique_ptr<Connection> connection) const;

    std::shared_ptr<Desk> desk_;
    std::shared_ptr<boost::asio::io_context> pool_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> pool_guard_;
    Access access_;
    Whom whom_;
    boost::asio::basic_waitable_timer<
        std::chrono::steady_clock,
        boost::asio::wait_traits<std::chrono::steady_clock>,
        net::Executor>
        timer_;
    Phase phase_ = Phase::idle;
    u32 openings_ = 0; // so far; each is a serial
    u32 serial_ = 0;   // of the connection, 0: none: what comes from another is nothing to us
    std::shared_ptr<Connection> connection_;
    std::deque<Job> queue_;                                  // until it is open
    std::unordered_map<std::string, std::deque<Job>> lanes_; // those with a call; what waits for it
    unsigned threads_ = 0;
    unsigned running_ = 0;
    unsigned hanging_ = 0; // attempts to connect that were given up and have not ended
    std::unordered_multimap<std::string, Hearer> hearers_;
    unsigned failures_ = 0; // in a row
    Mono tried_at_ = Mono::min();
    Error why_not_;
    u32 events_ = 0;
    bool listing_ = false;
    bool list_again_ = false;
};

} // namespace vbmc::backend::libvirt
