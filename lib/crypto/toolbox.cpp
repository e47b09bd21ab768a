#include "crypto/toolbox.h"

#include "base/check.h"
#include "base/secret.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

namespace vbmc::crypto {

namespace {

struct Free {
    void operator()(EVP_MAC* p) const noexcept { EVP_MAC_free(p); }

    void operator()(EVP_MAC_CTX* p) const noexcept { EVP_MAC_CTX_free(p); }

    void operator()(EVP_MD* p) const noexcept { EVP_MD_free(p); }

    void operator()(EVP_MD_CTX* p) const noexcept { EVP_MD_CTX_free(p); }

    void operator()(EVP_CIPHER* p) const noexcept { EVP_CIPHER_free(p); }

    void operator()(EVP_CIPHER_CTX* p) const noexcept { EVP_CIPHER_CTX_free(p); }
};

template <class T>
using Owned = std::unique_ptr<T, Free>;

Owned<EVP_MAC_CTX> make_hmac(EVP_MAC* hmac, const char* digest) {
    Owned<EVP_MAC_CTX> context(EVP_MAC_CTX_new(hmac));
    char name[16] = {};
    for (std::size_t i = 0; digest[i] != 0 && i + 1 < sizeof(name); ++i) {
        name[i] = digest[i];
    }
    const OSSL_PARAM settings[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
        OSSL_PARAM_construct_end(),
    };
    if (!context || EVP_MAC_CTX_set_params(context.get(), settings) != 1) {
        return nullptr;
    }
    return context;
}

} // namespace

struct Toolbox::Contexts {
    Owned<EVP_MAC> hmac{EVP_MAC_fetch(nullptr, "HMAC", nullptr)};
    Owned<EVP_MD> md5{EVP_MD_fetch(nullptr, "MD5", nullptr)};
    Owned<EVP_CIPHER> aes{EVP_CIPHER_fetch(nullptr, "AES-128-CBC", nullptr)};
    std::array<Owned<EVP_MAC_CTX>, 3> macs; // by Digest
    Owned<EVP_MD_CTX> md5_context{EVP_MD_CTX_new()};
    Owned<EVP_CIPHER_CTX> encryptor{EVP_CIPHER_CTX_new()};
    Owned<EVP_CIPHER_CTX> decryptor{EVP_CIPHER_CTX_new()};

    EVP_MAC_CTX* mac(Digest digest) const noexcept {
        return macs[static_cast<std::size_t>(digest)].get();
    }
};

Toolbox::Toolbox() : contexts_(std::make_unique<Contexts>()) {
    Contexts& c = *contexts_;
    VBMC_CHECK(c.hmac != nullptr && c.aes != nullptr);
    VBMC_CHECK(c.md5_context != nullptr && c.encryptor != nullptr && c.decryptor != nullptr);
    c.macs[static_cast<std::size_t>(Digest::sha1)] = make_hmac(c.hmac.get(), "SHA1");
    c.macs[static_cast<std::size_t>(Digest::sha256)] = make_hmac(c.hmac.get(), "SHA256");
    VBMC_CHECK(c.mac(Digest::sha1) != nullptr && c.mac(Digest::sha256) != nullptr);
    if (c.md5 != nullptr) {
        c.macs[static_cast<std::size_t>(Digest::md5)] = make_hmac(c.hmac.get(), "MD5");
    }
    const ByteArray<16> zeros{};
    VBMC_CHECK(
        EVP_EncryptInit_ex2(c.encryptor.get(), c.aes.get(), zeros.data(), zeros.data(), nullptr) ==
        1
    );
    VBMC_CHECK(
        EVP_DecryptInit_ex2(c.decryptor.get(), c.aes.get(), zeros.data(), zeros.data(), nullptr) ==
        1
    );
    EVP_CIPHER_CTX_set_padding(c.encryptor.get(), 0);
    EVP_CIPHER_CTX_set_padding(c.decryptor.get(), 0);
}

Toolbox::~Toolbox() = default;

bool Toolbox::has_md5() const noexcept {
    return contexts_->mac(Digest::md5) != nullptr;
}

bool Toolbox::supports(const Suite& suite) const noexcept {
    return suite.authentication != Authentication::hmac_md5 || has_md5();
}

bool Toolbox::hmac(Digest digest, Bytes key, Parts parts, MutableBytes out) noexcept {
    EVP_MAC_CTX* const context = contexts_->mac(digest);
    ByteArray<digest_size_max> full{};
    std::size_t size = 0;
    bool ok = context != nullptr && !key.empty() && out.size() <= digest_size(digest) &&
              EVP_MAC_init(context, key.data(), key.size(), nullptr) == 1;
    for (const Bytes part : parts) {
        ok = ok && EVP_MAC_update(context, part.data(), part.size()) == 1;
    }
    ok = ok && EVP_MAC_final(context, full.data(), &size, full.size()) == 1;
    if (ok) {
        std::copy_n(full.begin(), out.size(), out.begin());
    } else {
        std::fill(out.begin(), out.end(), u8{0});
    }
    return ok;
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

bool Toolbox::aes_cbc_encrypt(Bytes key, Bytes iv, MutableBytes data) noexcept {
    EVP_CIPHER_CTX* const context = contexts_->encryptor.get();
    int written = 0;
    return key.size() == 16 && iv.size() == aes_block && data.size() % aes_block == 0 &&
           data.size() <= 0xffff &&
           EVP_EncryptInit_ex2(context, nullptr, key.data(), iv.data(), nullptr) == 1 &&
           EVP_EncryptUpdate(
               context, data.data(), &written, data.data(), static_cast<int>(data.size())
           ) == 1 &&
           static_cast<std::size_t>(written) == data.size();
}

bool Toolbox::aes_cbc_decrypt(Bytes key, Bytes iv, MutableBytes data) noexcept {
    EVP_CIPHER_CTX* const context = contexts_->decryptor.get();
    int written = 0;
    return key.size() == 16 && iv.size() == aes_block && data.size() % aes_block == 0 &&
           data.size() <= 0xffff &&
           EVP_DecryptInit_ex2(context, nullptr, key.data(), iv.data(), nullptr) == 1 &&
           EVP_DecryptUpdate(
               context, data.data(), &written, data.data(), static_cast<int>(data.size())
           ) == 1 &&
           static_cast<std::size_t>(written) == data.size();
}

} // namespace vbmc::crypto
