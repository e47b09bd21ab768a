#include "backend/libvirt/console.h"

#include "backend/libvirt/xml.h"

#include <boost/asio/strand.hpp>

#include <array>
#include <atomic>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <utility>

namespace vbmc::backend::libvirt {

namespace asio = boost::asio;

namespace {

constexpr std::size_t read_bytes = 4096;
constexpr std::size_t unread_bytes_max = 1024 * 1024; // on the way to the shard
constexpr std::size_t unsent_bytes_max = 64 * 1024;   // a serial line loses what nobody takes

} // namespace

/// `stream_` and `unsent_` belong to the strand; libvirt's event thread only reads from the stream.
class ConsoleLine : public std::enable_shared_from_this<ConsoleLine> {
  public:
    ConsoleLine(Domain domain, Stream stream, std::string port, const ConsolePlace& place)
        : domain_(std::move(domain)), stream_(std::move(stream)), port_(std::move(port)),
          desk_(place.desk), strand_(place.pool->get_executor()), ear_(place.ear) {}

    ConsoleLine(const ConsoleLine&) = delete;
    ConsoleLine& operator=(const ConsoleLine&) = delete;

    /// Once, after making it.
    bool start() {
        auto self = std::make_unique<std::shared_ptr<ConsoleLine>>(shared_from_this());
        if (virStreamEventAddCallback(stream_.get(), reading, on_stream, self.get(), free_self)) {
            return false;
        }
        self.release(); // libvirt's, until free_self
        return true;
    }

    void write(std::vector<u8> bytes) {
        asio::post(strand_, [self = shared_from_this(), bytes = std::move(bytes)] {
            const std::size_t room =
                unsent_bytes_max - std::min(self->unsent_.size(), unsent_bytes_max);
            const auto end =
                bytes.begin() + static_cast<std::ptrdiff_t>(std::min(room, bytes.size()));
            self->unsent_.insert(self->unsent_.end(), bytes.begin(), end);
            self->send();
        });
    }

    void send_break() {
        asio::post(strand_, [self = shared_from_this()] { self->order_break(); });
    }

    void close() {
        asio::post(strand_, [self = shared_from_this()] { self->end(); });
    }

    bool can_break() const noexcept { return !port_.empty(); }

  private:
    static constexpr int reading =
        VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_HANGUP | VIR_STREAM_EVENT_ERROR;

    static void free_self(void* opaque) {
        delete static_cast<std::shared_ptr<ConsoleLine>*>(opaque);
    }

    static void on_stream(virStreamPtr, int events, void* opaque) {
        const auto self = *static_cast<std::shared_ptr<ConsoleLine>*>(opaque);
        if ((events & VIR_STREAM_EVENT_WRITABLE) != 0) { // send() may ask for the next one
            virStreamEventUpdateCallback(self->stream_.get(), reading);
            asio::post(self->strand_, [self] { self->send(); });
        }
        if ((events & VIR_STREAM_EVENT_READABLE) != 0) {
            self->read();
        } else if ((events & (VIR_STREAM_EVENT_HANGUP | VIR_STREAM_EVENT_ERROR)) != 0) {
            self->tell_closed();
        }
    }

    void read() {
        std::array<char, read_bytes> buffer{};
        const int got = virStreamRecv(stream_.get(), buffer.data(), buffer.size());
        if (got == -2) {
            return; // nothing there after all
        }
        if (got <= 0) {
            tell_closed();
            return;
        }
        const auto count = static_cast<std::size_t>(got);
        if (unread_.load() + count > unread_bytes_max) {
            return; // the shard does not keep up: lost, as on a line
        }
        unread_ += count;
        std::vector<u8> bytes(buffer.begin(), buffer.begin() + got);
        tell([self = shared_from_this(), bytes = std::move(bytes)](const ConsoleSink& sink) {
            self->unread_ -= bytes.size();
            if (sink.bytes) {
                sink.bytes(bytes);
            }
        });
    }

    /// Over the desk to the ear's shard.
    void tell(std::function<void(const ConsoleSink&)> what) {
        desk_->post([ear = ear_, what = std::move(what)] {
            const auto alive = ear.lock();
            if (!alive) {
                return;
            }
            asio::post(alive->shard, [ear, what] {
                if (const auto there = ear.lock()) {
                    const ConsoleSink sink = there->sink; // the console may end within
                    what(sink);
                }
            });
        });
    }

    void tell_closed() {
        if (closed_.exchange(true)) {
            return;
        }
        virStreamEventUpdateCallback(stream_.get(), 0);
        tell([](const ConsoleSink& sink) {
            if (sink.closed) {
                sink.closed();
            }
        });
    }

    void send() {
        while (!unsent_.empty() && !ended_) {
            const std::string chunk(unsent_.begin(), unsent_.end());
            const int sent = virStreamSend(stream_.get(), chunk.data(), chunk.size());
            if (sent == -2) { // later
                virStreamEventUpdateCallback(stream_.get(), reading | VIR_STREAM_EVENT_WRITABLE);
                return;
            }
            if (sent < 0) {
                unsent_.clear();
                tell_closed();
                return;
            }
            unsent_.erase(unsent_.begin(), unsent_.begin() + sent);
        }
    }

    /// libvirt has no call for a break; QEMU's monitor has.
    void order_break() {
        const std::string order =
            R"({"execute":"chardev-send-break","arguments":{"id":"char)" + port_ + R"("}})";
        char* reply = nullptr;
        if (virDomainQemuMonitorCommand(domain_.get(), order.c_str(), &reply, 0) == 0) {
            std::free(reply);
        }
    }

    void end() {
        if (std::exchange(ended_, true)) {
            return;
        }
        closed_ = true;
        virStreamEventRemoveCallback(stream_.get());
        virStreamAbort(stream_.get());
    }

    Domain domain_;
    Stream stream_;
    std::string port_; // alias of the serial port, for a break; empty: none
    std::shared_ptr<Desk> desk_;
    asio::strand<net::Executor> strand_;
    std::weak_ptr<ConsoleEar> ear_;
    std::vector<u8> unsent_;
    bool ended_ = false;
    std::atomic<bool> closed_{false};
    std::atomic<std::size_t> unread_{0};
};

namespace {

/// The alias of the serial port behind this console, when it is a plain QEMU one.
std::string serial_port(virDomainPtr domain, const Whom& whom, const std::string& device) {
    const auto xml = running_xml(domain, whom);
    const auto document = parse_domain(xml.has_value() ? *xml : "");
    if (document.has_error()) {
        return {};
    }
    const pugi::xml_node root = (*document)->child("domain");
    const std::string_view type = root.attribute("type").as_string();
    if (type != "kvm" && type != "qemu" && type != "hvf") {
        return {};
    }
    for (const pugi::xml_node& serial : root.child("devices").children("serial")) {
        std::string alias = serial.child("alias").attribute("name").as_string();
        const bool plain =
            alias.find_first_not_of("abcdefghijklmnopqrstuvwxyz"
                                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == std::string::npos;
        if ((device.empty() || alias == device) && plain) {
            return alias;
        }
    }
    return {};
}

Error no_console(const Whom& whom) {
    Error why = fault(whom, "open its console");
    if (last_code() == VIR_ERR_OPERATION_FAILED) {
        why.code = ErrorCode::resource_exhausted;
        why.hint = "somebody else has it open (virsh console?): close it there";
    } else if (why.code == ErrorCode::internal || why.code == ErrorCode::invalid_argument) {
        why.code = ErrorCode::failed_precondition;
        why.hint = "give it a serial port: <serial type='pty'/> and <console type='pty'/>";
    }
    return why;
}

} // namespace

Result<std::shared_ptr<ConsoleLine>> open_line(
    virConnectPtr connection, const Whom& whom, const ConsoleWish& wish, const ConsolePlace& place
) {
    auto domain = find_domain(connection, whom);
    if (domain.has_error()) {
        return domain.error();
    }
    if (virDomainIsActive(domain->get()) != 1) {
        return trouble(
            whom, ErrorCode::failed_precondition, "its console opens when it is started: it is off"
        );
    }
    Stream stream(virStreamNew(connection, VIR_STREAM_NONBLOCK));
    if (!stream) {
        return fault(whom, "make a stream");
    }
    const char* device = wish.device.empty() ? nullptr : wish.device.c_str();
    const unsigned flags = wish.take_over ? VIR_DOMAIN_CONSOLE_FORCE : 0;
    if (virDomainOpenConsole(domain->get(), device, stream.get(), flags) != 0) {
        return no_console(whom);
    }
    std::string port = serial_port(domain->get(), whom, wish.device);
    auto line = std::make_shared<ConsoleLine>(
        std::move(*domain), std::move(stream), std::move(port), place
    );
    if (!line->start()) {
        Error why = fault(whom, "read its console");
        line->close();
        return why;
    }
    return line;
}

LibvirtConsole::LibvirtConsole(std::shared_ptr<ConsoleLine> line, std::shared_ptr<ConsoleEar> ear)
    : line_(std::move(line)), ear_(std::move(ear)) {}

LibvirtConsole::~LibvirtConsole() {
    line_->close();
}

Result<void> LibvirtConsole::write(Bytes bytes) {
    line_->write({bytes.begin(), bytes.end()});
    return {};
}

Result<void> LibvirtConsole::send_break() {
    if (!line_->can_break()) {
        return Error(ErrorCode::unsupported, "this hypervisor cannot send a break");
    }
    line_->send_break();
    return {};
}

} // namespace vbmc::backend::libvirt
