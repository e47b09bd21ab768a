#include "sim/login.h"

namespace vbmc::sim {

Login::Login(crypto::Toolbox& tools, const Plan& plan_, const Peer& peer_, std::size_t node_)
    : plan(plan_), peer(peer_), node(node_) {
    test::ClientOptions options;
    options.user = plan.name;
    options.password = plan.password;
    options.bmc_key = plan.bmc_key;
    options.role = static_cast<u8>(0x10 | static_cast<u8>(plan.role));
    options.console_id = plan.console_id;
    options.seed = plan.seed;
    if (plan.suite == 0) {
        v15 = std::make_unique<test::ModelClient15>(tools, options, wire::AuthType::md5);
    } else {
        options.suite = plan.suite;
        v2 = std::make_unique<test::ModelClient>(tools, options);
    }
}

test::Packet Login::request(const Op& op) {
    return v15 ? v15->request(op.net_fn, op.command, op.data)
               : v2->request(op.net_fn, op.command, op.data);
}

test::Packet Login::retransmit() {
    return v15 ? v15->retransmit() : v2->retransmit();
}

std::optional<test::Reply> Login::open(Bytes datagram) const {
    return v15 ? v15->open(datagram) : v2->open(datagram);
}

test::Packet Login::proof() {
    return v15 ? v15->activate() : v2->rakp3();
}

} // namespace vbmc::sim
