#include "net/thread.h"

#include "base/blocked_signals.h"

#include <pthread.h>
#include <utility>

namespace vbmc::net {

NamedThread::NamedThread(const std::string& name, std::function<void()> body) {
    const BlockedSignals quiet;
    thread_ = std::thread([name, body = std::move(body)] {
        name_this_thread(name);
        body();
    });
}

void NamedThread::join() {
    if (thread_.joinable()) {
        thread_.join();
    }
}

void name_this_thread(const std::string& name) {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

} // namespace vbmc::net
