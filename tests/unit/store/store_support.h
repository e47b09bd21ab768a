#pragma once
// A state directory that goes away, sample records, and blocking versions of the store's calls.

#include "store/store.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

template <class T>
struct Catch::StringMaker<vbmc::Result<T>> {
    static std::string convert(const vbmc::Result<T>& result) {
        return result ? "success" : vbmc::describe(result.error());
    }
};

namespace vbmc::store {

class TempDir {
  public:
    TempDir() {
        std::string name = (std::filesystem::temp_directory_path() / "vbmc-store-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }

    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    const std::string& path() const { return path_; }

    std::string file(const std::string& name) const { return path_ + "/" + name; }

    StoreConfig config() const {
        StoreConfig config;
        config.state_dir = path_;
        config.busy_timeout_ms = 200;
        return config;
    }

  private:
    std::string path_;
};

inline std::vector<u8> bytes(std::string_view text) {
    return {text.begin(), text.end()};
}

inline std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

inline NodeRecord node(unsigned i, const std::string& etag = "1") {
    NodeRecord record;
    record.uid = "uid-" + std::to_string(i);
    record.name = "node" + std::to_string(i);
    record.etag = etag;
    record.enabled = i % 2 == 0;
    record.address = "127.0.0.1";
    record.port = static_cast<u16>(10'000 + i);
    record.spec = R"({"labels":{"rack":"r1"}})";
    record.secrets.emplace("main/password", Secret("backend-secret-" + etag));
    record.created = Wall(std::chrono::milliseconds(1'700'000'000'123));
    record.updated = Wall(std::chrono::milliseconds(1'700'000'000'456));
    return record;
}

inline SectionBlob section(u8 number, std::string_view text) {
    return {number, bytes(text)};
}

inline std::vector<SectionBlob> sections(const std::string& tag) {
    std::vector<SectionBlob> all;
    all.push_back(section(secret_section, "users-" + tag));
    all.push_back(section(3, "sel-" + tag));
    return all;
}

inline std::string text(const SectionBlob& section) {
    return {section.bytes.begin(), section.bytes.end()};
}

/// Opens or says why not, in the test's output.
inline std::unique_ptr<Store> must_open(const StoreConfig& config) {
    auto store = Store::open(config);
    if (!store) {
        FAIL(describe(store.error()));
    }
    return std::move(*store);
}

inline Error must_refuse(const StoreConfig& config) {
    auto store = Store::open(config);
    if (store) {
        FAIL("the store opened");
    }
    INFO(describe(store.error()));
    CHECK_FALSE(store.error().message.empty());
    return store.error();
}

inline Snapshot must_load(Store& store) {
    auto all = store.load_all();
    if (!all) {
        FAIL(describe(all.error()));
    }
    return std::move(*all);
}

/// Calls `call(done)` and waits for done.
template <class Call>
Result<void> wait(Call&& call) {
    std::promise<Result<void>> promise;
    auto future = promise.get_future();
    call([&promise](Result<void> outcome) { promise.set_value(std::move(outcome)); });
    return future.get();
}

inline Result<void> put(Store& store, NodeRecord record, std::vector<SectionBlob> all = {}) {
    return wait([&](Done done) {
        store.put_node(std::move(record), std::move(all), std::move(done));
    });
}

inline Result<void> put_sections(Store& store, std::string uid, std::vector<SectionBlob> all) {
    return wait([&](Done done) {
        store.put_sections(std::move(uid), std::move(all), std::move(done));
    });
}

inline Result<void> remove(Store& store, std::string uid) {
    return wait([&](Done done) { store.remove_node(std::move(uid), std::move(done)); });
}

inline std::vector<EventRecord> events(Store& store, EventQuery query) {
    std::promise<Result<std::vector<EventRecord>>> promise;
    auto future = promise.get_future();
    store.read_events(std::move(query), [&](auto result) { promise.set_value(std::move(result)); });
    auto result = future.get();
    if (!result) {
        FAIL(describe(result.error()));
    }
    return std::move(*result);
}

} // namespace vbmc::store
