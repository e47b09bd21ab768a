#include "backend/libvirt/connection.h"

#include "backend/libvirt/handles.h"
#include "backend/libvirt/uri.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <libvirt/virterror.h>
#include <optional>

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

std::string text_of(const char* text) {
    return text != nullptr ? text : "";
}

DomainEvent event_of(virDomainPtr domain) {
    DomainEvent event;
    event.uuid = uuid_of(domain);
    event.name = text_of(virDomainGetName(domain));
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

/// The course of a log-in: what may be told, and why it could not be.
struct LogIn {
    const Access* access;
    std::optional<Error> why_not;
};

Error not_told(std::string what) {
    return Error(ErrorCode::unauthenticated, std::move(what))
        .with_hint("set the options username and password");
}

std::optional<Error> give(const Access& access, virConnectCredential& asked) {
    switch (asked.type) {
    case VIR_CRED_PASSPHRASE:
    case VIR_CRED_NOECHOPROMPT: {
        const Result<Secret> password = access.password();
        if (password.has_error()) {
            return password.error();
        }
        if (password->empty()) {
            return not_told("it asks for a password");
        }
        return answer(asked, password->reveal()) ? std::nullopt
                                                 : std::optional(not_told("no memory"));
    }
    case VIR_CRED_ECHOPROMPT: // a question for a person: whether a host's key is the right one
        return Error(ErrorCode::unavailable, "it asks: " + text_of(asked.prompt))
            .with_hint("vbmcd answers no questions: put the host's key into the known_hosts");
    default:
        if (access.username.empty()) {
            return not_told("it asks for a user name");
        }
        return answer(asked, access.username) ? std::nullopt : std::optional(not_told("no memory"));
    }
}

int on_credentials(virConnectCredentialPtr asked, unsigned count, void* opaque) {
    auto& log_in = *static_cast<LogIn*>(opaque);
    for (unsigned i = 0; i < count && !log_in.why_not; ++i) {
        log_in.why_not = give(*log_in.access, asked[i]);
    }
    return log_in.why_not ? -1 : 0;
}

Error no_connection(const Whom& whom, const LogIn& log_in) {
    if (log_in.why_not) {
        Error why =
            trouble(whom, log_in.why_not->code, "cannot connect: " + log_in.why_not->message);
        why.reason = log_in.why_not->reason;
        why.hint = log_in.why_not->hint;
        return why;
    }
    return connect_fault(whom);
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
            const std::string name = text_of(virDomainGetName(domain.get()));
            all.push_back({uuid_of(domain.get()), name, power_of(domain.get(), state)});
        }
    }
    std::free(domains);
    return all;
}

Result<std::unique_ptr<Connection>>
Connection::open(const Access& access, std::shared_ptr<const ConnectionEvents> events) {
    auto types = credential_types();
    LogIn log_in{&access, std::nullopt};
    virConnectAuth auth{types.data(), static_cast<unsigned>(types.size()), on_credentials, &log_in};
    virConnectPtr raw = virConnectOpenAuth(unattended(access.uri).c_str(), &auth, 0);
    if (raw == nullptr) {
        return no_connection({{}, shown(access.uri)}, log_in);
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
    const auto own = std::make_shared<const ConnectionEvents>(*events);
    auto opaque = std::make_unique<Events>(own);
    if (virConnectRegisterCloseCallback(connection_, on_close, opaque.get(), free_events) == 0) {
        on_close_ = opaque.release();
        hears_close_ = own;
    }
}

/// A hypervisor's driver that runs inside this process has no wire to lose: it says yes to the
/// callback, forgets it, and never frees it. The others free it within this call, or, when it
/// fails because the wire is dead, later.
void Connection::stop_hearing_close() {
    const bool stopped =
        on_close_ != nullptr && virConnectUnregisterCloseCallback(connection_, on_close) == 0;
    if (stopped && !hears_close_.expired()) {
        free_events(on_close_);
    }
    on_close_ = nullptr;
}

Connection::~Connection() {
    for (const int callback : callbacks_) {
        virConnectDomainEventDeregisterAny(connection_, callback);
    }
    stop_hearing_close();
    virConnectClose(connection_);
}

} // namespace vbmc::backend::libvirt
