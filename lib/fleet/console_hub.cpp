#include "fleet/console_hub.h"

#include <algorithm>
#include <utility>

namespace vbmc::fleet {

Result<ConsoleHub::Joined> ConsoleHub::join(ConsoleMode mode, const std::string& who, Sink sink) {
    if (watchers_.size() >= watchers_max) {
        return Error(
            ErrorCode::resource_exhausted,
            "TOO_MANY_WATCHERS",
            std::to_string(watchers_max) + " watch this console already"
        );
    }
    const Watcher* writer = find(writer_);
    const std::string holder = writer != nullptr ? writer->who : session_;
    if (mode == ConsoleMode::write && !holder.empty()) {
        return Error(
                   ErrorCode::failed_precondition,
                   "CONSOLE_IN_USE",
                   "the console is in use by " + holder
        )
            .with_hint("watch it (--view), or take it over (--force)");
    }
    if (mode != ConsoleMode::view) {
        demote(who);
    }
    const u32 id = ++last_id_;
    watchers_.push_back({id, who, std::move(sink), {}});
    if (mode != ConsoleMode::view) {
        writer_ = id;
    }
    return Joined{id, connected_, history()};
}

const ConsoleHub::Watcher* ConsoleHub::find(u32 id) const {
    const auto at = std::find_if(watchers_.begin(), watchers_.end(), [id](const Watcher& watcher) {
        return watcher.id == id;
    });
    return at == watchers_.end() ? nullptr : &*at;
}

std::string ConsoleHub::leave(u32 id) {
    const Watcher* watcher = find(id);
    if (watcher == nullptr) {
        return {};
    }
    std::string who = watcher->who;
    watchers_.erase(watchers_.begin() + (watcher - watchers_.data()));
    if (writer_ == id) {
        writer_ = 0;
    }
    return who;
}

void ConsoleHub::demote(const std::string& by) {
    const Watcher* writer = find(std::exchange(writer_, 0));
    if (writer != nullptr) {
        ConsoleNews news;
        news.kind = ConsoleNews::Kind::demoted;
        news.who = by;
        writer->sink(news);
    }
}

void ConsoleHub::session_began(const std::string& who) {
    session_ = who;
    demote(who);
}

void ConsoleHub::tell(const ConsoleNews& news) {
    for (const Watcher& watcher : watchers_) {
        watcher.sink(news);
    }
}

void ConsoleHub::connected() {
    connected_ = true;
    for (Watcher& watcher : watchers_) {
        watcher.told.clear();
    }
    ConsoleNews news;
    news.kind = ConsoleNews::Kind::connected;
    tell(news);
}

void ConsoleHub::disconnected() {
    if (std::exchange(connected_, false)) {
        ConsoleNews news;
        news.kind = ConsoleNews::Kind::disconnected;
        tell(news);
    }
}

void ConsoleHub::not_opened(const std::string& why) {
    ConsoleNews news;
    news.kind = ConsoleNews::Kind::not_opened;
    news.why = why;
    for (Watcher& watcher : watchers_) {
        if (std::exchange(watcher.told, why) != why) {
            watcher.sink(news);
        }
    }
}

void ConsoleHub::output(Bytes bytes) {
    ConsoleNews news;
    news.bytes.assign(bytes.begin(), bytes.end());
    tell(news);
    const Bytes kept = bytes.last(std::min(bytes.size(), history_bytes_max));
    for (const u8 byte : kept) {
        if (history_.size() < history_bytes_max) {
            history_.push_back(byte);
        } else {
            history_[history_begin_] = byte;
            history_begin_ = (history_begin_ + 1) % history_bytes_max;
        }
    }
}

std::vector<u8> ConsoleHub::history() const {
    std::vector<u8> all = history_;
    std::rotate(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(history_begin_), all.end());
    return all;
}

void ConsoleHub::end() {
    const std::vector<Watcher> all = std::exchange(watchers_, {});
    writer_ = 0;
    session_.clear();
    connected_ = false;
    ConsoleNews news;
    news.kind = ConsoleNews::Kind::ended;
    for (const Watcher& watcher : all) {
        watcher.sink(news);
    }
}

} // namespace vbmc::fleet
