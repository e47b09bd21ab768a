// On OpenSSL's hashes themselves: EVP_MAC allocates five times a message and hashes the key's two
// blocks again for each. They are deprecated in favour of EVP, not removed; the Toolbox sees to it
// that the configured provider has the same algorithms.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/hmac.h"

#include "base/secret.h"

#include <openssl/md5.h>
#include <openssl/sha.h>

#include <cstring>

namespace vbmc::crypto {

namespace {

constexpr u8 inner_pad = 0x36;
constexpr u8 outer_pad = 0x5c;
constexpr u32 block_bits = 512; // of all three

using State = std::array<u32, 8>;
using Block = ByteArray<HmacKey::key_size_max>;

struct Md5 {
    using Context = MD5_CTX;
    static constexpr std::size_t size = MD5_DIGEST_LENGTH;

    static void begin(Context& c) noexcept { MD5_Init(&c); }

    static void add(Context& c, Bytes data) noexcept { MD5_Update(&c, data.data(), data.size()); }

    static void end(Context& c, u8* out) noexcept { MD5_Final(out, &c); }

    static State state(const Context& c) noexcept { return {c.A, c.B, c.C, c.D}; }

    static void set_state(Context& c, const State& s) noexcept {
        c.A = s[0];
        c.B = s[1];
        c.C = s[2];
        c.D = s[3];
    }
};

struct Sha1 {
    using Context = SHA_CTX;
    static constexpr std::size_t size = SHA_DIGEST_LENGTH;

    static void begin(Context& c) noexcept { SHA1_Init(&c); }

    static void add(Context& c, Bytes data) noexcept { SHA1_Update(&c, data.data(), data.size()); }

    static void end(Context& c, u8* out) noexcept { SHA1_Final(out, &c); }

    static State state(const Context& c) noexcept { return {c.h0, c.h1, c.h2, c.h3, c.h4}; }

    static void set_state(Context& c, const State& s) noexcept {
        c.h0 = s[0];
        c.h1 = s[1];
        c.h2 = s[2];
        c.h3 = s[3];
        c.h4 = s[4];
    }
};

struct Sha256 {
    using Context = SHA256_CTX;
    static constexpr std::size_t size = SHA256_DIGEST_LENGTH;

    static void begin(Context& c) noexcept { SHA256_Init(&c); }

    static void add(Context& c, Bytes data) noexcept {
        SHA256_Update(&c, data.data(), data.size());
    }

    static void end(Context& c, u8* out) noexcept { SHA256_Final(out, &c); }

    static State state(const Context& c) noexcept { return std::to_array(c.h); }

    static void set_state(Context& c, const State& s) noexcept {
        std::copy(s.begin(), s.end(), std::begin(c.h));
    }
};

/// A context that is gone when its work is done.
template <class Hash>
struct Run {
    Run() { Hash::begin(context); }

    /// After the key's block.
    explicit Run(const State& state) {
        Hash::begin(context);
        Hash::set_state(context, state);
        context.Nl = block_bits;
    }

    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    ~Run() { ::explicit_bzero(&context, sizeof(context)); }

    typename Hash::Context context;
};

template <class Hash>
State after(const Block& block) noexcept {
    Run<Hash> run;
    Hash::add(run.context, block);
    return Hash::state(run.context);
}

template <class Hash>
void compute_with(const State& inner, const State& outer, Parts parts, MutableBytes out) noexcept {
    ByteArray<Hash::size> digest;
    Run<Hash> first(inner);
    for (const Bytes part : parts) {
        Hash::add(first.context, part);
    }
    Hash::end(first.context, digest.data());
    Run<Hash> second(outer);
    Hash::add(second.context, digest);
    Hash::end(second.context, digest.data());
    std::copy_n(digest.begin(), out.size(), out.begin());
    wipe(digest);
}

/// Calls `work` with the hash's type.
template <class F>
auto with_hash(Digest digest, F&& work) noexcept {
    switch (digest) {
    case Digest::md5:
        return work(Md5());
    case Digest::sha1:
        return work(Sha1());
    case Digest::sha256:
        break;
    }
    return work(Sha256());
}

State after_key(Digest digest, Bytes key, u8 pad) noexcept {
    Block block;
    block.fill(pad);
    for (std::size_t i = 0; i < key.size(); ++i) {
        block[i] = static_cast<u8>(key[i] ^ pad);
    }
    const State state =
        with_hash(digest, [&block](auto hash) { return after<decltype(hash)>(block); });
    wipe(block);
    return state;
}

} // namespace

HmacKey::HmacKey(Digest digest, Bytes key) noexcept
    : digest_(digest), ready_(!key.empty() && key.size() <= key_size_max) {
    if (ready_) {
        inner_ = after_key(digest, key, inner_pad);
        outer_ = after_key(digest, key, outer_pad);
    }
}

bool HmacKey::compute(Parts parts, MutableBytes out) const noexcept {
    if (!ready_ || out.size() > digest_size(digest_)) {
        std::fill(out.begin(), out.end(), u8{0});
        return false;
    }
    with_hash(digest_, [&](auto hash) {
        compute_with<decltype(hash)>(inner_, outer_, parts, out);
    });
    return true;
}

void HmacKey::clear() noexcept {
    ::explicit_bzero(inner_.data(), sizeof(inner_));
    ::explicit_bzero(outer_.data(), sizeof(outer_));
    ready_ = false;
}

} // namespace vbmc::crypto
