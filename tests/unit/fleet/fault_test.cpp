// Faults inside an endpoint and in a driver, behind real sockets: contained, counted, told; the
// third in a minute takes the node out of service, a restart brings it back, and others go on.

#include "bmc/users.h"
#include "crypto/toolbox.h"
#include "support/model_client.h"
#include "unit/fleet/life.h"

#include <cstdlib>
#include <new>

using namespace vbmc;
using namespace vbmc::fleet;
using namespace std::chrono_literals;
using boost::asio::ip::udp;
using vbmc::test::ClientOptions;
using vbmc::test::ModelClient;
using vbmc::test::Packet;

namespace {

constexpr const char* password = "a-good-password";

/// No memory for exactly this many bytes; 0: there is enough.
std::atomic<std::size_t> failing_size{0};

void* allocate(std::size_t size) {
    void* memory = failing_size.load() == size ? nullptr : std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}

} // namespace

// The whole test program's.
void* operator new(std::size_t size) {
    return allocate(size);
}

void* operator new[](std::size_t size) {
    return allocate(size);
}

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return std::malloc(size == 0 ? 1 : size);
}

void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    return std::malloc(size == 0 ? 1 : size);
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}

void operator delete[](void* memory) noexcept {
    std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace {

/// A console at a real endpoint.
struct Console {
    explicit Console(const NodeView& node) : client(tools, options()) {
        const timeval timeout{0, 500'000};
        ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
        socket.connect(
            {boost::asio::ip::make_address(node.spec.address.to_string()), node.spec.port}
        );
    }

    static ClientOptions options() {
        ClientOptions made;
        made.password = password;
        return made;
    }

    std::optional<Packet> send(const Packet& packet) {
        socket.send(boost::asio::buffer(packet));
        Packet answer(1024);
        const ssize_t got = ::recv(socket.native_handle(), answer.data(), answer.size(), 0);
        if (got <= 0) {
            return std::nullopt;
        }
        answer.resize(static_cast<std::size_t>(got));
        return answer;
    }

    bool log_in() {
        return client.log_in([this](const Packet& packet) { return send(packet); });
    }

    bool call(u8 net_fn, u8 command, const std::vector<u8>& data = {}) {
        const auto reply = client.call(
            [this](const Packet& packet) { return send(packet); }, net_fn, command, data
        );
        return reply && reply->completion_code == 0;
    }

    bool become_administrator() { return call(6, 0x3b, {4}); }

    /// Set User Name, of a slot that was empty.
    bool name_a_user(u8 slot) {
        std::vector<u8> request(17, 0);
        request[0] = slot;
        request[1] = 'x';
        return call(6, 0x45, request);
    }

    boost::asio::io_context context;
    udp::socket socket{context, udp::v4()};
    crypto::Toolbox tools;
    ModelClient client;
};

UserSpec user(const std::string& name) {
    UserSpec made;
    made.name = name;
    made.password = Secret(std::string_view(password));
    return made;
}

/// With eight users: the ninth needs a larger room, whose size nothing else here has.
void create_with_eight_users(Daemon& d, const std::string& name) {
    const auto created = d.create(name, [](CreateRequest& request) {
        request.users.push_back(user("admin"));
        for (char c = 'a'; c < 'h'; ++c) {
            request.users.push_back(user(std::string(1, c)));
        }
    });
    REQUIRE(created.has_value());
}

std::size_t faults_told(Daemon& d, const std::string& node) {
    std::size_t count = 0;
    for (const Event& event : d.fleet->events().recent(1000)) {
        count += event.node == node && event.fields.contains("fault") ? 1 : 0;
    }
    return count;
}

/// A command whose handler finds no memory: no answer, and the session is gone.
void meet_a_fault(const NodeView& node, u8 slot) {
    Console console(node);
    REQUIRE(console.log_in());
    REQUIRE(console.become_administrator());
    failing_size = sizeof(bmc::User) * 16;
    CHECK_FALSE(console.name_a_user(slot));
    failing_size = 0;
    CHECK_FALSE(console.call(6, 1));
}

} // namespace

TEST_CASE("a handler that throws costs sessions; three times, the service", "[fault]") {
    TemporaryFolder folder;
    Daemon d(folder.path);
    create_with_eight_users(d, "n1");
    REQUIRE(d.create("n2").has_value());
    meet_a_fault(d.get("n1"), 12);
    d.idle(100ms);
    CHECK(d.get("n1").status.state == NodeState::running);
    CHECK(d.get("n1").status.sessions == 0);
    CHECK(answers(d.get("n1")));
    CHECK(faults_told(d, "n1") == 1);
    CHECK(d.run(d.fleet->numbers()).faults == 1);

    meet_a_fault(d.get("n1"), 12);
    meet_a_fault(d.get("n1"), 12);
    d.idle(100ms);
    const NodeView out = d.get("n1");
    CHECK(out.status.state == NodeState::quarantined);
    REQUIRE(out.status.conditions.size() == 1);
    CHECK(out.status.conditions[0].type == "Quarantined");
    CHECK(out.status.conditions[0].message.find("vbmcctl restart n1") != std::string::npos);
    CHECK_FALSE(answers(out));
    CHECK(faults_told(d, "n1") == 3);
    CHECK(answers(d.get("n2"))); // nobody else noticed
    CHECK(faults_told(d, "n2") == 0);

    const auto back = d.run(d.fleet->restart("n1"));
    REQUIRE(back.has_value());
    CHECK(back->status.state == NodeState::running);
    CHECK(back->status.conditions.size() == 1); // it is bound
    for (int i = 0; i < 3; ++i) {               // what was before is forgiven, what comes is not
        CHECK(d.get("n1").status.state == NodeState::running);
        meet_a_fault(d.get("n1"), 12);
        d.idle(100ms);
    }
    CHECK(d.get("n1").status.state == NodeState::quarantined);
    REQUIRE(d.run(d.fleet->restart("n1")).has_value());
    Console console(d.get("n1"));
    REQUIRE(console.log_in());
    REQUIRE(console.become_administrator());
    CHECK(console.name_a_user(12)); // with memory it works
}

TEST_CASE("a driver that throws is a fault of its node", "[fault]") {
    TemporaryFolder folder;
    Daemon d(folder.path);
    const auto broken = [](CreateRequest& r) { r.spec.targets[0].options["throw"] = "power"; };
    REQUIRE(d.create("n1", broken).has_value());
    REQUIRE(d.create("n2").has_value());
    for (int i = 1; i <= 3; ++i) {
        CHECK(d.get("n1").status.state == NodeState::running);
        const auto on = d.run(d.fleet->set_power("n1", bmc::PowerAction::on, "uid:0"));
        REQUIRE(on.has_error());
        CHECK(on.error().message.find("throws as ordered") != std::string::npos);
        d.idle(50ms);
        CHECK(faults_told(d, "n1") == static_cast<std::size_t>(i));
    }
    CHECK(d.get("n1").status.state == NodeState::quarantined);
    CHECK(
        d.run(d.fleet->set_power("n1", bmc::PowerAction::on, "uid:0")).error().reason ==
        "NODE_NOT_RUNNING"
    );
    CHECK(d.run(d.fleet->set_power("n2", bmc::PowerAction::on, "uid:0")).has_value());
    REQUIRE(d.run(d.fleet->set_enabled("n1", true)).has_value());
    CHECK(d.get("n1").status.state == NodeState::running);
    CHECK(answers(d.get("n1")));
}

TEST_CASE("a node whose driver throws when it is made does not stop the others", "[fault]") {
    TemporaryFolder folder;
    {
        Daemon d(folder.path);
        REQUIRE(d.create("n1").has_value());
        REQUIRE(d.create("n2").has_value());
    }
    failing_size = 0;
    Daemon d(folder.path);
    CHECK(d.get("n1").status.state == NodeState::running);
    const auto broken = [](CreateRequest& r) { r.spec.targets[0].options["throw"] = "create"; };
    const auto refused = d.create("n3", broken);
    REQUIRE(refused.has_error());
    CHECK(refused.error().message.find("cannot be made") != std::string::npos);
    CHECK(d.run(d.fleet->get("n3")).error().reason == "NODE_NOT_FOUND");
    CHECK(answers(d.get("n2")));
}
