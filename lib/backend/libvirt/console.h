#pragma once
// A domain's serial console as a stream. The owner (LibvirtConsole) lives on the shard; the stream
// itself is worked by libvirt's event thread (reading) and the hub's pool (writing, closing).

#include "backend/driver.h"
#include "backend/libvirt/hub.h"
#include "backend/libvirt/machine.h"

#include <memory>
#include <string>

namespace vbmc::backend::libvirt {

/// What an opened console is, on its way from the pool to the shard.
class ConsoleLine;

struct ConsoleWish {
    std::string device;    // alias of the serial port or console; empty: the first one
    bool take_over = true; // also from whoever has it open now
};

/// On a pool thread. `ear` hears bytes and the end on its shard.
struct ConsoleEar {
    explicit ConsoleEar(boost::asio::io_context& shard_) : shard(shard_) {}

    boost::asio::io_context& shard;
    ConsoleSink sink;
};

struct ConsolePlace {
    std::shared_ptr<Desk> desk;
    std::shared_ptr<boost::asio::io_context> pool;
    std::weak_ptr<ConsoleEar> ear;
};

Result<std::shared_ptr<ConsoleLine>> open_line(
    virConnectPtr connection, const Whom& whom, const ConsoleWish& wish, const ConsolePlace& place
);

class LibvirtConsole final : public Console {
  public:
    LibvirtConsole(std::shared_ptr<ConsoleLine> line, std::shared_ptr<ConsoleEar> ear);
    ~LibvirtConsole() override;
    LibvirtConsole(const LibvirtConsole&) = delete;
    LibvirtConsole& operator=(const LibvirtConsole&) = delete;
    Result<void> write(Bytes bytes) override;
    Result<void> send_break() override;

  private:
    std::shared_ptr<ConsoleLine> line_;
    std::shared_ptr<ConsoleEar> ear_;
};

} // namespace vbmc::backend::libvirt
