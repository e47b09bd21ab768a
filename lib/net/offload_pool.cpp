#include "net/offload_pool.h"

namespace vbmc::net {

OffloadPool::OffloadPool(const std::string& name, unsigned threads)
    : context_(static_cast<int>(threads)), guard_(context_.get_executor()) {
    for (unsigned i = 0; i < threads; ++i) {
        threads_.emplace_back("pool-" + name, [this] { context_.run(); });
    }
}

OffloadPool::~OffloadPool() {
    stop();
}

void OffloadPool::stop() {
    context_.stop();
    for (NamedThread& thread : threads_) {
        thread.join();
    }
}

} // namespace vbmc::net
