#include "backend/libvirt/connection.h"

#include "backend/libvirt/handles.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <libvirt/virterror.h>

namespace vbmc::backend::libvirt {

namespace {

constexpr int keep_alive_interval_s = 5;
constexpr unsigned keep_alive_misses = 3;

using Events = std::shared_ptr<const ConnectionEvents>;

void free_events(void* opaque) {
    delete static_cast<Events*>(opaque);
}

const ConnectionEvents& events_of(void* opaque) {
    return **static_cast<Events*>(opaque);
}

DomainEvent event_of(virDomainPtr domain) {
    DomainEvent event;
    event.uuid = uuid_of(domain);
    const char* name = virDomainGetName(domain);
    event.name = name != nullptr ? name : "";
    return event;
}

int on_lifecycle(virConnectPtr, virDomainPtr domain, int type, int detail, void* opaque) {
    DomainEvent event = event_of(domain);
    event.type = type;
    event.detail = detail;
    events_of(opaque).domain(std::move(event));
    return 0;
}

void on_reboot(virConnectPtr, virDomainPtr domain, void* opaque) {
    DomainEvent event = event_of(domain);
    event.rebooted = true;
    events_of(opaque).domain(std::move(event));
}

void on_close(virConnectPtr, int, void* opaque) {
    events_of(opaque).closed();
}

// What libvirt asks for in the course of a log-in. The array is C's: libvirt takes it non-const.
std::array<int, 5> credential_types() {
    return {
        VIR_CRED_USERNAME,
        VIR_CRED_AUTHNAME,
        VIR_CRED_PASSPHRASE,
        VIR_CRED_NOECHOPROMPT,
        VIR_CRED_ECHOPROMPT};
}

/// libvirt frees the answer, hence malloc.
bool answer(virConnectCredential& asked, std::string_view text) {
    auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
    if (copy == nullptr) {
        return false;
    }
    std::memcpy(copy, text.data(), text.size());
    copy[text.size()] = '\0';
    asked.result = copy;
    asked.resultlen = static_cast<unsigned>(text.size());
    return true;
}

int on_credentials(virConnectCredentialPtr asked, unsigned count, void* opaque) {
    const auto& access = *static_cast<const Access*>(opaque);
    for (unsigned i = 0; i < count; ++i) {
        const int type = asked[i].type;
        if (type == VIR_CRED_PASSPHRASE || type == VIR_CRED_NOECHOPROMPT) {
            const Result<Secret> password = access.password();
            if (password.has_error() || password->empty() ||
                !answer(asked[i], password->reveal())) {
                return -1;
            }
        } else if (access.username.empty() || !answer(asked[i], access.username)) {
            return -1;
        }
    }
    return 0;
}

/// ssh must not ask anybody: there is no terminal.
std::string with_no_tty(const std::string& uri) {
    const auto scheme = uri.find("://");
    const bool ssh =
        scheme != std::string::npos && uri.substr(0, scheme).find("+ssh") != std::string::npos;
    if (!ssh || uri.find("no_tty=") != std::string::npos) {
        return uri;
    }
    return uri + (uri.find('?') == std::string::npos ? "?" : "&") + "no_tty=1";
}

} // namespace

std::string uuid_of(virDomainPtr domain) {
    std::array<char, VIR_UUID_STRING_BUFLEN> text{};
    return virDomainGetUUIDString(domain, text.data()) == 0 ? std::string(text.data())
                                                            : std::string();
}

bmc::PowerState power_of(virDomainPtr domain, int state) noexcept {
    switch (state) {
    case VIR_DOMAIN_RUNNING:
    case VIR_DOMAIN_BLOCKED:
    case VIR_DOMAIN_PAUSED:
    case VIR_DOMAIN_SHUTDOWN: // on its way down
    case VIR_DOMAIN_PMSUSPENDED:
        return bmc::PowerState::on;
    case VIR_DOMAIN_SHUTOFF:
        return bmc::PowerState::off;
    case VIR_DOMAIN_CRASHED: // kept as it is (on_crash preserve), or gone
        return virDomainIsActive(domain) == 1 ? bmc::PowerState::on : bmc::PowerState::off;
    default:
        return bmc::PowerState::unknown;
    }
}

Result<std::vector<DomainState>> list_states(virConnectPtr connection, const Whom& whom) {
    virDomainPtr* domains = nullptr;
    const int count = virConnectListAllDomains(connection, &domains, 0);
    if (count < 0) {
        return fault(whom, "list its domains");
    }
    std::vector<DomainState> all;
    for (int i = 0; i < count; ++i) {
        const Domain domain(domains[i]);
        int state = VIR_DOMAIN_NOSTATE;
        if (virDomainGetState(domain.get(), &state, nullptr, 0) == 0) {
            const char* name = virDomainGetName(domain.get());
            all.push_back(
                {uuid_of(domain.get()), name != nullptr ? name : "", power_of(domain.get(), state)}
            );
        }
    }
    std::free(domains);
    return all;
}

Result<std::unique_ptr<Connection>>
Connection::open(const Access& access, std::shared_ptr<const ConnectionEvents> events) {
    auto types = credential_types();
    Access copy = access; // libvirt's callback takes a plain pointer
    virConnectAuth auth{types.data(), static_cast<unsigned>(types.size()), on_credentials, &copy};
    virConnectPtr raw = virConnectOpenAuth(with_no_tty(access.uri).c_str(), &auth, 0);
    if (raw == nullptr) {
        Error why = fault({{}, shown(access.uri)}, "connect");
        if (why.code == ErrorCode::internal || why.code == ErrorCode::failed_precondition) {
            why.code = ErrorCode::unavailable; // nothing was reached
        }
        return why;
    }
    std::unique_ptr<Connection> made(new Connection(raw));
    virConnectSetKeepAlive(raw, keep_alive_interval_s, keep_alive_misses); // where there is a wire
    made->subscribe(events);
    return made;
}

void Connection::subscribe(const std::shared_ptr<const ConnectionEvents>& events) {
    const auto add = [&](int id, virConnectDomainEventGenericCallback callback) {
        auto opaque = std::make_unique<Events>(events);
        const int added = virConnectDomainEventRegisterAny(
            connection_, nullptr, id, callback, opaque.get(), free_events
        );
        if (added >= 0) {
            opaque.release(); // libvirt's, until free_events
            callbacks_.push_back(added);
        }
        return added >= 0;
    };
    if (add(VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle))) {
        add(VIR_DOMAIN_EVENT_ID_REBOOT, VIR_DOMAIN_EVENT_CALLBACK(on_reboot));
    }
    auto opaque = std::make_unique<Events>(events);
    if (virConnectRegisterCloseCallback(connection_, on_close, opaque.get(), free_events) == 0) {
        opaque.release();
        hears_close_ = true;
    }
}

Connection::~Connection() {
    for (const int callback : callbacks_) {
        virConnectDomainEventDeregisterAny(connection_, callback);
    }
    if (hears_close_) {
        virConnectUnregisterCloseCallback(connection_, on_close);
    }
    virConnectClose(connection_);
}

} // namespace vbmc::backend::libvirt
