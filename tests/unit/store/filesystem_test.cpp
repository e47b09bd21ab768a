// Small file systems of our own: really full, really read-only. Needs the right to mount.

#include "unit/store/store_support.h"

#include <sys/mount.h>
#include <unistd.h>

using namespace vbmc;
using namespace vbmc::store;

namespace {

class SmallDisk {
  public:
    SmallDisk() {
        mounted_ = ::mount("tmpfs", dir_.path().c_str(), "tmpfs", 0, "size=1m,mode=0700") == 0;
        if (!mounted_) {
            WARN("needs the right to mount a tmpfs");
        }
    }

    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    ~SmallDisk() {
        if (mounted_) {
            ::umount2(dir_.path().c_str(), MNT_DETACH);
        }
    }

    bool mounted() const { return mounted_; }

    const TempDir& dir() const { return dir_; }

    void fill_up() const {
        std::ofstream ballast(dir_.file("ballast"), std::ios::binary);
        while (ballast << std::string(4'096, 'b') << std::flush) {
        }
    }

    void make_room() const { std::filesystem::remove(dir_.file("ballast")); }

    bool set_read_only(bool on) const {
        const unsigned long read_only = on ? 1UL : 0UL; // MS_RDONLY
        const unsigned long flags = MS_REMOUNT | read_only;
        return ::mount("tmpfs", dir_.path().c_str(), "tmpfs", flags, "size=1m") == 0;
    }

  private:
    TempDir dir_;
    bool mounted_ = false;
};

std::string long_text() {
    return std::string(20'000, 's');
}

} // namespace

TEST_CASE("on a full file system a write is refused; with room again the same store goes on") {
    const SmallDisk disk;
    if (!disk.mounted()) {
        return;
    }
    auto store = must_open(disk.dir().config());
    REQUIRE(put(*store, node(1), sections("one")));
    disk.fill_up();
    Result<void> outcome;
    unsigned good = 1;
    for (unsigned i = 2; outcome && i < 50; ++i) {
        NodeRecord record = node(i);
        record.spec = long_text();
        outcome = put(*store, std::move(record));
        good += outcome ? 1 : 0;
    }
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code == ErrorCode::resource_exhausted);
    CHECK(outcome.error().reason == "DISK_FULL");
    CHECK(must_load(*store).nodes.size() == good);

    disk.make_room();
    CHECK(put(*store, node(100), sections("more")));
    store.reset();
    CHECK(must_load(*must_open(disk.dir().config())).nodes.size() == good + 1);
}

TEST_CASE("starting on a full file system says so, and costs nothing") {
    const SmallDisk disk;
    if (!disk.mounted()) {
        return;
    }
    disk.fill_up();
    CHECK(must_refuse(disk.dir().config()).reason == "DISK_FULL"); // the first start
    disk.make_room();
    {
        auto store = must_open(disk.dir().config());
        REQUIRE(put(*store, node(1), sections("one")));
    }
    disk.fill_up();
    CHECK(must_refuse(disk.dir().config()).reason == "DISK_FULL");
    disk.make_room();
    CHECK(must_load(*must_open(disk.dir().config())).nodes.size() == 1);
}

TEST_CASE("a file system that is read-only is told at start, and nothing is lost") {
    const SmallDisk disk;
    if (!disk.mounted()) {
        return;
    }
    {
        auto store = must_open(disk.dir().config());
        REQUIRE(put(*store, node(1), sections("one")));
    }
    REQUIRE(disk.set_read_only(true));
    CHECK(must_refuse(disk.dir().config()).reason == "READ_ONLY");
    REQUIRE(disk.set_read_only(false));
    CHECK(must_load(*must_open(disk.dir().config())).nodes.size() == 1);
}
