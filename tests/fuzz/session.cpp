// Datagrams inside an authenticated session: what the fuzzer chose is sealed here, so that it gets
// past the code and the cipher. Input: an options byte, then operations.
//
//     0 netFn cmd n data   a request            4 kind          an observation
//     1 n bytes            an IPMI payload      5 time time     time passes (100 ms)
//     2 n bytes            a SOL payload        6               the last request again
//     3 type n bytes       any other payload    7 n bytes       sealed, then changed on the way

#include "fuzz/rig.h"

using namespace vbmc;
using namespace std::chrono_literals;

namespace {

class Session {
  public:
    explicit Session(u8 options)
        : rig_(options_of(options)), client_(rig_.tools(), client_of(options)) {
        const test::Send send = [this](const test::Packet& packet) {
            test::Packet copy = packet;
            const Bytes answer = rig_.receive(copy);
            return std::optional(test::Packet(answer.begin(), answer.end()));
        };
        VBMC_CHECK(client_.log_in(send));
        const auto raised = client_.call(send, 0x06, 0x3b, {4});
        VBMC_CHECK(raised && raised->completion_code == 0);
    }

    void step(fuzz::Input& input) {
        switch (input.byte() & 7) {
        case 0:
            request(input);
            break;
        case 1:
            payload(wire::PayloadType::ipmi, input.bytes(input.byte()));
            break;
        case 2:
            payload(wire::PayloadType::sol, input.bytes(input.byte()));
            break;
        case 3:
            payload(static_cast<wire::PayloadType>(input.byte() & 0x3f), input.bytes(input.byte()));
            break;
        case 4:
            observe(input);
            break;
        case 5:
            rig_.pass(input.word() * 100ms);
            break;
        case 6:
            repeat();
            break;
        case 7:
            changed(input.bytes(input.byte()));
            break;
        }
    }

    void end() {
        rig_.check_persistence();
        rig_.pass(61s);
        VBMC_CHECK(rig_.node().sessions().session_count() == 0);
        VBMC_CHECK(rig_.node().sol() == nullptr);
    }

  private:
    static fuzz::Rig::Options options_of(u8 options) {
        fuzz::Rig::Options chosen;
        chosen.suites = {17, 3, 2, 7, 8, 11, 12, 16};
        chosen.two_keys = (options & 0x08) != 0;
        chosen.push = (options & 0x10) != 0;
        return chosen;
    }

    static test::ClientOptions client_of(u8 options) {
        static constexpr std::array<u8, 8> suites = {17, 3, 2, 7, 8, 11, 12, 16};
        test::ClientOptions chosen;
        chosen.suite = suites[options & 7];
        if ((options & 0x08) != 0) {
            const Bytes key = test::as_bytes("second key");
            chosen.bmc_key.assign(key.begin(), key.end());
            chosen.bmc_key.resize(20);
        }
        return chosen;
    }

    bool is_open() { return rig_.node().sessions().session_count() > 0; }

    /// A reply is for the client, intact, and answers its last request.
    void check_reply(Bytes datagram) {
        if (datagram.empty()) {
            return;
        }
        const auto reply = client_.open(datagram);
        VBMC_CHECK(reply.has_value());
        if (reply->payload_type == wire::PayloadType::ipmi) {
            VBMC_CHECK((reply->net_fn & 1) == 1);
        } else {
            VBMC_CHECK(reply->payload_type == wire::PayloadType::sol);
            VBMC_CHECK(reply->payload.size() >= 4);
        }
    }

    void deliver(test::Packet packet) {
        const Bytes answer = rig_.receive(packet);
        check_reply(answer);
        check_reply(rig_.transmitted());
    }

    void request(fuzz::Input& input) {
        const u8 net_fn = input.byte() & 0x3f;
        const u8 command = input.byte();
        deliver(client_.request(net_fn, command, input.bytes(input.byte())));
    }

    void payload(wire::PayloadType type, const std::vector<u8>& bytes) {
        deliver(client_.seal(type, bytes));
    }

    void repeat() {
        test::Packet packet = client_.retransmit();
        const u32 before = rig_.power_intents();
        deliver(std::move(packet));
        VBMC_CHECK(rig_.power_intents() <= before + 1);
    }

    /// The bytes are mixed into the sealed packet: what is not the packet any more is dropped.
    void changed(const std::vector<u8>& mask) {
        test::Packet packet = client_.request(0x00, 0x02, {0x03});
        bool differs = false;
        for (std::size_t i = 0; i < mask.size() && i + 4 < packet.size(); ++i) {
            packet[i + 4] ^= mask[i];
            differs = differs || mask[i] != 0;
        }
        const u64 dropped = rig_.node().dropped();
        const bool open = is_open();
        const Bytes answer = rig_.receive(packet);
        if (differs && open && !answer.empty()) {
            VBMC_CHECK(!client_.open(answer)); // a stranger's answer at most
        }
        VBMC_CHECK(!differs || !answer.empty() || rig_.node().dropped() == dropped + 1);
    }

    void observe(fuzz::Input& input) {
        const u8 kind = input.byte();
        const u8 value = input.byte();
        switch (kind % 10) {
        case 0:
            rig_.observe(bmc::PowerSeen{static_cast<bmc::PowerState>(value % 3), (value & 4) != 0});
            break;
        case 1:
            rig_.observe(bmc::Done{rig_.ticket(), static_cast<bmc::Outcome>(value % 6)});
            break;
        case 2:
            rig_.observe(bmc::PowerFailed{
                static_cast<bmc::PowerAction>(value % 6), static_cast<bmc::Outcome>(value % 6)});
            break;
        case 3:
            rig_.observe(bmc::Unreachable{});
            break;
        case 4:
            rig_.observe(bmc::SensorsSeen{{{0x10, (value & 1) != 0, value * 1.0}, {0x11, true, 0}}}
            );
            break;
        case 5:
            rig_.observe(bmc::BootTaken{});
            break;
        case 6:
            rig_.observe(bmc::ConsoleBytes{input.bytes(value)});
            break;
        case 7:
            rig_.observe(value % 2 ? bmc::Observation(bmc::ConsoleOpened{}) : bmc::ConsoleClosed{});
            break;
        case 8:
            rig_.observe(bmc::MediaSeen{(value & 1) != 0});
            break;
        case 9:
            rig_.observe(bmc::IdentitySeen{
                std::string(value, 'm'), "p", std::string(value, 's'), ""});
            break;
        }
    }

    fuzz::Rig rig_;
    test::ModelClient client_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size) {
    fuzz::Input input(Bytes(data, size));
    Session session(input.byte());
    for (int steps = 0; input.more() && steps < 200; ++steps) {
        session.step(input);
    }
    session.end();
    return 0;
}
