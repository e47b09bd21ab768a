#include "net/thread.h"

#include <csignal>
#include <pthread.h>
#include <utility>

namespace vbmc::net {

NamedThread::NamedThread(const std::string& name, std::function<void()> body) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); // inherited: no signal ever lands on a worker
    thread_ = std::thread([name, body = std::move(body)] {
        name_this_thread(name);
        body();
    });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
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
