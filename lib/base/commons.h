#pragma once
// Things that many owners share, found by a key: a connection that all nodes of one hypervisor use,
// a library's threads. Made by the first who asks, on his thread; any thread may ask. Holds the
// lock that our other code has no need for.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace vbmc {

class Commons {
  public:
    Commons() = default;
    Commons(const Commons&) = delete;
    Commons& operator=(const Commons&) = delete;

    /// Lives as long as somebody holds it. `make` must not ask again. A key belongs to one type.
    template <class T>
    std::shared_ptr<T>
    share(const std::string& key, const std::function<std::shared_ptr<T>()>& make) {
        const std::lock_guard lock(mutex_);
        std::weak_ptr<void>& slot = shared_[key];
        if (auto present = slot.lock()) {
            return std::static_pointer_cast<T>(std::move(present));
        }
        std::shared_ptr<T> made = make();
        slot = made;
        drop_expired();
        return made;
    }

    /// Lives as long as this object.
    template <class T>
    std::shared_ptr<T>
    keep(const std::string& key, const std::function<std::shared_ptr<T>()>& make) {
        const std::lock_guard lock(mutex_);
        std::shared_ptr<void>& slot = kept_[key];
        if (!slot) {
            slot = make();
        }
        return std::static_pointer_cast<T>(slot);
    }

  private:
    void drop_expired() {
        std::erase_if(shared_, [](const auto& entry) { return entry.second.expired(); });
    }

    std::mutex mutex_;
    std::map<std::string, std::weak_ptr<void>> shared_;
    std::map<std::string, std::shared_ptr<void>> kept_;
};

} // namespace vbmc
