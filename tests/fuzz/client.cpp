// A remote console in front of a hostile BMC. Input: operations; a datagram of any bytes, a genuine
// one changed, a request, time, SOL. The BMC behind is a real one, so that the session gets far.

#include "client/session.h"
#include "fuzz/rig.h"
#include "support/model_client.h"
#include "support/node_maker.h"

#include <algorithm>
#include <deque>

using namespace vbmc;
using namespace std::chrono_literals;

namespace {

class World {
  public:
    World() : session_(shared_.tools, entropy_, {}) {
        test::put_user(
            node_, test::make_user(2, "admin", "password", bmc::Privilege::administrator)
        );
        session_.log_in(now_.mono, who());
    }

    static client::Credentials who() {
        client::Credentials credentials;
        const std::string_view name = "admin";
        credentials.user.assign(name.begin(), name.end());
        credentials.password = Secret("password");
        return credentials;
    }

    void carry() {
        for (int packets = 0; auto output = session_.poll(); ++packets) {
            VBMC_CHECK(packets < 4096); // else it floods
            if (auto* transmit = std::get_if<client::Transmit>(&*output)) {
                VBMC_CHECK(transmit->bytes.size() <= client::packet_max);
                ByteArray<512> out{};
                const Peer peer{IpAddress::v4(192, 0, 2, 1), 1000};
                const std::size_t n = node_.receive(now_, peer, transmit->bytes, out);
                last_.assign(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n));
                answers_.push_back(last_);
                if (answers_.size() > 8) {
                    answers_.pop_front();
                }
            }
        }
        while (node_.poll()) {
        }
    }

    void deliver() {
        carry();
        while (!answers_.empty()) {
            std::vector<u8> packet = answers_.front();
            answers_.pop_front();
            session_.receive(now_.mono, packet);
            carry();
            if (++delivered_ > 10'000) {
                return;
            }
        }
    }

    void step(fuzz::Input& input) {
        switch (input.byte() % 8) {
        case 0:
            deliver();
            break;
        case 1: {
            std::vector<u8> packet = input.bytes(input.byte());
            session_.receive(now_.mono, packet);
            break;
        }
        case 2: {
            std::vector<u8> packet = last_;
            if (!packet.empty()) {
                packet[input.byte() % packet.size()] = input.byte();
                packet.resize(std::min<std::size_t>(packet.size(), input.byte()));
            }
            session_.receive(now_.mono, packet);
            break;
        }
        case 3:
            session_.submit(now_.mono, client::Request(input.byte(), input.byte(), input.bytes(8)));
            break;
        case 4:
            now_.mono += input.byte() * 100ms;
            session_.on_deadline(now_.mono);
            break;
        case 5:
            session_.log_in(now_.mono, who());
            break;
        case 6:
            session_.start_sol({});
            session_.write_sol(now_.mono, input.bytes(input.byte()));
            break;
        default:
            session_.close(now_.mono);
            break;
        }
        carry();
    }

  private:
    test::SeededEntropy entropy_;
    rmcp::Shared shared_{entropy_};
    Now now_{Mono(1h), Wall(500'000h)};
    endpoint::VirtualBmc node_{test::node_config(), {}, shared_, now_};
    client::Session session_;
    std::deque<std::vector<u8>> answers_;
    std::vector<u8> last_;
    int delivered_ = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size) {
    fuzz::Input input(Bytes(data, size));
    World world;
    while (input.more()) {
        world.step(input);
    }
    return 0;
}
