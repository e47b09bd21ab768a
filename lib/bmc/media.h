#pragma once
// The boot image that OEM commands name before they start it, and whether the backend has one
// inserted. Memory only once somebody names an image; nothing of it persists.

#include <memory>
#include <string>

namespace vbmc::bmc {

class VirtualMedia {
  public:
    static constexpr std::size_t text_size_max = 255;

    bool inserted = false; // as the backend said last

    void set_image(std::string url) { edit() = {.host = {}, .path = std::move(url)}; }

    void set_host(std::string host) { edit().host = std::move(host); }

    void set_path(std::string path) { edit().path = std::move(path); }

    void forget() { named_.reset(); }

    /// What to insert: the URL or path as it was given, or nfs://HOST/PATH; empty when there is
    /// none.
    std::string image() const {
        if (!named_ || named_->host.empty() || named_->path.empty()) {
            return named_ ? named_->path : std::string();
        }
        const bool rooted = named_->path.front() == '/';
        return "nfs://" + named_->host + (rooted ? "" : "/") + named_->path;
    }

  private:
    struct Named {
        std::string host;
        std::string path;
    };

    Named& edit() {
        if (!named_) {
            named_ = std::make_unique<Named>();
        }
        return *named_;
    }

    std::unique_ptr<Named> named_;
};

} // namespace vbmc::bmc
