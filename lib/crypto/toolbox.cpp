#include "crypto/toolbox.h"

#include "base/check.h"
#include "base/secret.h"

#include <openssl/evp.h>

namespace vbmc::crypto {

namespace {

struct Free {
    void operator()(EVP_MD* p) const noexcept { EVP_MD_free(p); }

    void operator()(EVP_MD_CTX* p) const noexcept { EVP_MD_CTX_free(p); }

    void operator()(EVP_CIPHER* p) const noexcept { EVP_CIPHER_free(p); }

    void operator()(EVP_CIPHER_CTX* p) const noexcept { EVP_CIPHER_CTX_free(p); }
};

template <class T>
using Owned = std::unique_ptr<T, Free>;

/// Whether the configured provider has it.
bool has_digest(const char* name) noexcept {
    return Owned<EVP_MD>(EVP_MD_fetch(nullptr, name, nullptr)) != nullptr;
}

bool fits(Bytes key, Bytes iv, Bytes data) noexcept {
    return key.size() == 16 && iv.size() == aes_block && data.size() % aes_block == 0 &&
           data.size() <= 0xffff;
}

void add(Bytes mask, MutableBytes block) noexcept {
    for (std::size_t i = 0; i < aes_block; ++i) {
        block[i] ^= mask[i];
    }
}

/// One block in place.
template <class Update>
bool run_block(Update update, EVP_CIPHER_CTX* context, MutableBytes block) noexcept {
    int written = 0;
    return update(context, block.data(), &written, block.data(), static_cast<int>(aes_block)) ==
               1 &&
           static_cast<std::size_t>(written) == aes_block;
}

} // namespace

struct Toolbox::Contexts {
    Owned<EVP_MD> md5{EVP_MD_fetch(nullptr, "MD5", nullptr)};
    Owned<EVP_CIPHER> aes{EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr)};
    Owned<EVP_MD_CTX> md5_context{EVP_MD_CTX_new()};
    Owned<EVP_CIPHER_CTX> encryptor{EVP_CIPHER_CTX_new()};
    Owned<EVP_CIPHER_CTX> decryptor{EVP_CIPHER_CTX_new()};
};

Toolbox::Toolbox() : contexts_(std::make_unique<Contexts>()) {
    Contexts& c = *contexts_;
    VBMC_CHECK(has_digest("SHA1") && has_digest("SHA256") && c.aes != nullptr);
    VBMC_CHECK(c.md5_context != nullptr && c.encryptor != nullptr && c.decryptor != nullptr);
    const ByteArray<16> zeros{};
    VBMC_CHECK(
        EVP_EncryptInit_ex2(c.encryptor.get(), c.aes.get(), zeros.data(), nullptr, nullptr) == 1
    );
    VBMC_CHECK(
        EVP_DecryptInit_ex2(c.decryptor.get(), c.aes.get(), zeros.data(), nullptr, nullptr) == 1
    );
    EVP_CIPHER_CTX_set_padding(c.encryptor.get(), 0);
    EVP_CIPHER_CTX_set_padding(c.decryptor.get(), 0);
}

Toolbox::~Toolbox() = default;

bool Toolbox::has_md5() const noexcept {
    return contexts_->md5 != nullptr;
}

bool Toolbox::supports(const Suite& suite) const noexcept {
    return suite.authentication != Authentication::hmac_md5 || has_md5();
}

HmacKey Toolbox::prepare(Digest digest, Bytes key) const noexcept {
    return digest == Digest::md5 && !has_md5() ? HmacKey() : HmacKey(digest, key);
}

bool Toolbox::hmac(Digest digest, Bytes key, Parts parts, MutableBytes out) const noexcept {
    return prepare(digest, key).compute(parts, out);
}

bool Toolbox::md5(Parts parts, MutableBytes out) noexcept {
    EVP_MD_CTX* const context = contexts_->md5_context.get();
    ByteArray<EVP_MAX_MD_SIZE> full{};
    unsigned size = 0;
    bool ok = contexts_->md5 != nullptr && out.size() <= 16 &&
              EVP_DigestInit_ex2(context, contexts_->md5.get(), nullptr) == 1;
    for (const Bytes part : parts) {
        ok = ok && EVP_DigestUpdate(context, part.data(), part.size()) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(context, full.data(), &size) == 1;
    if (ok) {
        std::copy_n(full.begin(), out.size(), out.begin());
    } else {
        std::fill(out.begin(), out.end(), u8{0});
    }
    return ok;
}

// CBC on top of single blocks: a packet has two or three, and to begin a CBC run anew costs OpenSSL
// more than they do.

bool Toolbox::aes_cbc_encrypt(Bytes key, Bytes iv, MutableBytes data) noexcept {
    EVP_CIPHER_CTX* const context = contexts_->encryptor.get();
    if (!fits(key, iv, data) ||
        EVP_EncryptInit_ex2(context, nullptr, key.data(), nullptr, nullptr) != 1) {
        return false;
    }
    Bytes before = iv;
    bool ok = true;
    for (std::size_t at = 0; ok && at < data.size(); at += aes_block) {
        const MutableBytes block = data.subspan(at, aes_block);
        add(before, block);
        ok = run_block(EVP_EncryptUpdate, context, block);
        before = block;
    }
    return ok;
}

bool Toolbox::aes_cbc_decrypt(Bytes key, Bytes iv, MutableBytes data) noexcept {
    EVP_CIPHER_CTX* const context = contexts_->decryptor.get();
    if (!fits(key, iv, data) ||
        EVP_DecryptInit_ex2(context, nullptr, key.data(), nullptr, nullptr) != 1) {
        return false;
    }
    bool ok = true;
    for (std::size_t at = data.size(); ok && at > 0;) { // from behind: needs the block before it
        at -= aes_block;
        const MutableBytes block = data.subspan(at, aes_block);
        ok = run_block(EVP_DecryptUpdate, context, block);
        add(at == 0 ? iv : Bytes(data).subspan(at - aes_block, aes_block), block);
    }
    return ok;
}

} // namespace vbmc::crypto
