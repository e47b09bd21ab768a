// The limit that vbmcd is measured against: a UDP echo that does the cryptography of a Chassis
// Status both ways, on one thread and one blocking socket, and nothing else: no session, no replay
// window, no command. Prints its port.
//
//     vbmc_bench_echo 127.0.0.1 17

#include "base/entropy.h"
#include "crypto/cipher.h"
#include "crypto/mac.h"
#include "slot.h"
#include "wire/rmcp.h"
#include "wire/session_header.h"

#include <arpa/inet.h>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <sys/socket.h>

using namespace vbmc;

namespace {

struct Echo {
    explicit Echo(u8 suite_id)
        : suite(*crypto::find_suite(suite_id)), keys(bench::echo_keys(suite)) {}

    /// In place; 0 when the code is wrong.
    std::size_t answer(MutableBytes datagram) {
        const std::size_t code_size = crypto::code_size(suite.integrity);
        if (datagram.size() < wire::rmcp_size + wire::header20_size + 36 + code_size) {
            return 0;
        }
        const MutableBytes covered =
            datagram.subspan(wire::rmcp_size, datagram.size() - wire::rmcp_size - code_size);
        const MutableBytes code = datagram.last(code_size);
        if (!crypto::verify(tools, suite.integrity, keys, covered, code)) {
            return 0;
        }
        const MutableBytes encrypted = covered.subspan(wire::header20_size, 32);
        const auto clear = crypto::decrypt(tools, keys, encrypted);
        if (!clear) {
            return 0;
        }
        entropy.fill(encrypted.first(crypto::aes_block));
        crypto::encrypt(tools, keys, encrypted, clear->size());
        crypto::sign(tools, suite.integrity, keys, covered, code);
        return datagram.size();
    }

    const crypto::Suite& suite;
    crypto::SessionKeys keys;
    crypto::Toolbox tools;
    SystemEntropy entropy;
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: vbmc_bench_echo ADDRESS 3|17\n");
        return 2;
    }
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, argv[1], &address.sin_addr);
    socklen_t size = sizeof(address);
    sockaddr generic{};
    std::copy_n(reinterpret_cast<const u8*>(&address), size, reinterpret_cast<u8*>(&generic));
    if (::bind(fd, &generic, size) != 0 || ::getsockname(fd, &generic, &size) != 0) {
        std::perror("vbmc_bench_echo");
        return 1;
    }
    std::copy_n(reinterpret_cast<const u8*>(&generic), size, reinterpret_cast<u8*>(&address));
    std::printf("%u\n", ntohs(address.sin_port));
    std::fflush(stdout);
    Echo echo(static_cast<u8>(std::atoi(argv[2])));
    ByteArray<2048> buffer{};
    for (;;) {
        size = sizeof(generic);
        const ssize_t got = ::recvfrom(fd, buffer.data(), buffer.size(), 0, &generic, &size);
        if (got > 0) {
            const std::size_t n =
                echo.answer(MutableBytes(buffer).first(static_cast<std::size_t>(got)));
            if (n > 0) {
                ::sendto(fd, buffer.data(), n, 0, &generic, size);
            }
        }
    }
}
