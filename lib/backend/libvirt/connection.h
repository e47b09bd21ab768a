#pragma once
// One virConnect from its opening to its end: logs in, keeps alive, subscribes to events. Made and
// destroyed on a pool thread (both block); its events come on libvirt's event thread.

#include "backend/libvirt/hub.h"

#include <functional>
#include <libvirt/libvirt.h>
#include <memory>
#include <string>
#include <vector>

namespace vbmc::backend::libvirt {

/// What libvirt told of a domain.
struct DomainEvent {
    std::string uuid;
    std::string name;
    bool rebooted = false;
    int type = 0; // virDomainEventType, when not rebooted
    int detail = 0;
};

/// Called on libvirt's event thread: they post.
struct ConnectionEvents {
    std::function<void(DomainEvent)> domain;
    std::function<void()> closed;
};

class Connection {
  public:
    static Result<std::unique_ptr<Connection>>
    open(const Access& access, std::shared_ptr<const ConnectionEvents> events);

    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    virConnectPtr get() const noexcept { return connection_; }

    bool is_alive() const noexcept { return virConnectIsAlive(connection_) != 0; }

    /// False: this hypervisor's driver tells no events, it has to be asked.
    bool tells() const noexcept { return !callbacks_.empty(); }

  private:
    explicit Connection(virConnectPtr connection) : connection_(connection) {}

    void subscribe(const std::shared_ptr<const ConnectionEvents>& events);

    void stop_hearing_close();

    virConnectPtr connection_;
    std::vector<int> callbacks_;
    std::shared_ptr<const ConnectionEvents>* on_close_ = nullptr; // libvirt's, as a rule
    std::weak_ptr<const ConnectionEvents> hears_close_;           // expired: libvirt freed it
};

/// The state of a domain as a power meter sees it: a paused guest draws power.
bmc::PowerState power_of(virDomainPtr domain, int state) noexcept;

struct DomainState {
    std::string uuid;
    std::string name;
    bmc::PowerState power = bmc::PowerState::unknown;
};

/// All domains, running or not.
Result<std::vector<DomainState>> list_states(virConnectPtr connection, const Whom& whom);

std::string uuid_of(virDomainPtr domain);

} // namespace vbmc::backend::libvirt
