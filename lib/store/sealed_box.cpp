#include "store/sealed_box.h"

#include "base/check.h"

#include <openssl/evp.h>

namespace vbmc::store {

namespace {

constexpr u8 version_1 = 0x01;
constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;

const u8* data_of(std::string_view text) noexcept {
    return reinterpret_cast<const u8*>(text.data()); // bytes as bytes
}

Error crypto_failed() {
    return Error(ErrorCode::internal, "CRYPTO_FAILED", "OpenSSL cannot do AES-256-GCM")
        .with_hint("is this OpenSSL limited by its configuration?");
}

Error does_not_open() {
    return Error(
        ErrorCode::corrupt,
        "DOES_NOT_DECRYPT",
        "encrypted data was changed, moved or has another key"
    );
}

int length(std::size_t n) {
    VBMC_CHECK(n < (std::size_t{1} << 30)); // OpenSSL counts in int
    return static_cast<int>(n);
}

} // namespace

void SealedBox::Free::operator()(evp_cipher_ctx_st* context) const noexcept {
    ::EVP_CIPHER_CTX_free(context); // wipes its key schedule
}

void SealedBox::Free::operator()(evp_cipher_st* cipher) const noexcept {
    ::EVP_CIPHER_free(cipher);
}

SealedBox::SealedBox(Secret key)
    : key_(std::move(key)), entropy_(std::make_unique<SystemEntropy>()),
      cipher_(::EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr)),
      context_(::EVP_CIPHER_CTX_new()) {
    VBMC_CHECK(key_.size() == key_size);
}

SealedBox::~SealedBox() = default;
SealedBox::SealedBox(SealedBox&&) noexcept = default;
SealedBox& SealedBox::operator=(SealedBox&&) noexcept = default;

Result<std::vector<u8>> SealedBox::seal(Bytes plain, std::string_view belongs_to) {
    std::vector<u8> box(overhead + plain.size());
    box[0] = version_1;
    u8* const nonce = box.data() + 1;
    u8* const body = nonce + nonce_size;
    u8* const tag = body + plain.size();
    entropy_->fill({nonce, nonce_size});

    EVP_CIPHER_CTX* const context = context_.get();
    int n = 0;
    const bool done =
        context != nullptr && cipher_ != nullptr &&
        ::EVP_EncryptInit_ex2(context, cipher_.get(), key_.reveal_bytes().data(), nonce, nullptr) ==
            1 &&
        ::EVP_EncryptUpdate(context, nullptr, &n, box.data(), 1) == 1 &&
        ::EVP_EncryptUpdate(context, nullptr, &n, data_of(belongs_to), length(belongs_to.size())) ==
            1 &&
        (plain.empty() ||
         ::EVP_EncryptUpdate(context, body, &n, plain.data(), length(plain.size())) == 1) &&
        ::EVP_EncryptFinal_ex(context, tag, &n) == 1 &&
        ::EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, tag_size, tag) == 1;
    if (!done) {
        return crypto_failed();
    }
    return box;
}

Result<std::vector<u8>> SealedBox::open(Bytes box, std::string_view belongs_to) {
    if (box.size() < overhead || box[0] != version_1) {
        return does_not_open();
    }
    const Bytes nonce = box.subspan(1, nonce_size);
    const Bytes body = box.subspan(1 + nonce_size, box.size() - overhead);
    ByteArray<tag_size> tag{};
    std::copy(box.end() - tag_size, box.end(), tag.begin());

    EVP_CIPHER_CTX* const context = context_.get();
    if (context == nullptr || cipher_ == nullptr ||
        ::EVP_DecryptInit_ex2(
            context, cipher_.get(), key_.reveal_bytes().data(), nonce.data(), nullptr
        ) != 1) {
        return crypto_failed();
    }
    std::vector<u8> plain(body.size());
    u8 nothing = 0;
    int n = 0;
    const bool genuine =
        ::EVP_DecryptUpdate(context, nullptr, &n, box.data(), 1) == 1 &&
        ::EVP_DecryptUpdate(context, nullptr, &n, data_of(belongs_to), length(belongs_to.size())) ==
            1 &&
        (body.empty() ||
         ::EVP_DecryptUpdate(context, plain.data(), &n, body.data(), length(body.size())) == 1) &&
        ::EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tag_size, tag.data()) == 1 &&
        ::EVP_DecryptFinal_ex(context, &nothing, &n) == 1;
    if (!genuine) {
        wipe(plain);
        return does_not_open();
    }
    return plain;
}

} // namespace vbmc::store
