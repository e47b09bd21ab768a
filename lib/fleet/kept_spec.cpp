#include "fleet/kept_spec.h"

#include <algorithm>
#include <utility>

namespace vbmc::fleet {

namespace {

using Texts = std::map<std::string, std::string>;

constexpr std::size_t digit_bits = 7; // of a number's byte; the eighth says that another follows

class Packer {
  public:
    void number(std::size_t value) {
        for (; value >> digit_bits != 0; value >>= digit_bits) {
            out_.push_back(static_cast<u8>(value | 0x80));
        }
        out_.push_back(static_cast<u8>(value));
    }

    void text(const std::string& value) {
        number(value.size());
        out_.insert(out_.end(), value.begin(), value.end());
    }

    void texts(const Texts& all) {
        number(all.size());
        for (const auto& [key, value] : all) {
            text(key);
            text(value);
        }
    }

    void targets(const std::vector<Target>& all) {
        number(all.size());
        for (const Target& target : all) {
            text(target.name);
            text(target.kind);
            texts(target.options);
        }
    }

    const std::vector<u8>& bytes() const noexcept { return out_; }

    /// Options may be secret.
    ~Packer() { wipe(out_); }

    Packer() { out_.reserve(512); } // grown less often, less is left behind

    Packer(const Packer&) = delete;
    Packer& operator=(const Packer&) = delete;

  private:
    std::vector<u8> out_;
};

class Unpacker {
  public:
    explicit Unpacker(Bytes in) noexcept : in_(in) {}

    std::size_t number() noexcept {
        std::size_t value = 0;
        for (std::size_t shift = 0; !in_.empty(); shift += digit_bits) {
            const u8 digit = in_.front();
            in_ = in_.subspan(1);
            value |= static_cast<std::size_t>(digit & 0x7f) << shift;
            if ((digit & 0x80) == 0) {
                break;
            }
        }
        return value;
    }

    Bytes text() noexcept {
        const Bytes text = in_.first(std::min(number(), in_.size()));
        in_ = in_.subspan(text.size());
        return text;
    }

    void text(std::string& value) {
        const Bytes found = text();
        value.assign(found.begin(), found.end());
    }

    void texts(Texts& all) {
        for (std::size_t left = number(); left > 0; --left) {
            std::string key;
            text(key);
            text(all.emplace_hint(all.end(), std::move(key), std::string())->second);
        }
    }

    void targets(std::vector<Target>& all) {
        all.resize(number());
        for (Target& target : all) {
            text(target.name);
            text(target.kind);
            texts(target.options);
        }
    }

  private:
    Bytes in_;
};

/// Name and UUID come first: they are read alone, too.
template <class Codec, class Spec>
void describe(Codec& codec, Spec& spec) {
    codec.text(spec.name);
    codec.text(spec.uid);
    codec.text(spec.etag);
    codec.targets(spec.targets);
    codec.texts(spec.routes);
    codec.texts(spec.labels);
    codec.texts(spec.annotations);
    codec.text(spec.source);
    codec.text(spec.machine);
}

} // namespace

KeptSpec::KeptSpec(const NodeSpec& spec)
    : endpoint_{spec.address, spec.port}, enabled_(spec.enabled) {
    Packer packer;
    describe(packer, spec);
    size_ = static_cast<u32>(packer.bytes().size());
    packed_ = std::make_unique<u8[]>(size_);
    std::copy(packer.bytes().begin(), packer.bytes().end(), packed_.get());
    if (spec.policy != NodePolicy()) {
        policy_ = std::make_shared<const NodePolicy>(spec.policy);
    }
}

KeptSpec::KeptSpec(KeptSpec&& other) noexcept
    : packed_(std::move(other.packed_)), policy_(std::move(other.policy_)),
      endpoint_(other.endpoint_), size_(std::exchange(other.size_, 0)), enabled_(other.enabled_) {}

KeptSpec& KeptSpec::operator=(KeptSpec&& other) noexcept {
    if (this != &other) {
        forget();
        packed_ = std::move(other.packed_);
        policy_ = std::move(other.policy_);
        endpoint_ = other.endpoint_;
        size_ = std::exchange(other.size_, 0);
        enabled_ = other.enabled_;
    }
    return *this;
}

void KeptSpec::forget() noexcept {
    wipe({packed_.get(), size_});
    packed_.reset();
    size_ = 0;
}

NodeSpec KeptSpec::open() const {
    NodeSpec spec;
    Unpacker unpacker(packed());
    describe(unpacker, spec);
    spec.address = endpoint_.address;
    spec.port = endpoint_.port;
    spec.enabled = enabled_;
    if (policy_) {
        spec.policy = *policy_;
    }
    return spec;
}

Bytes KeptSpec::name_bytes() const noexcept {
    return Unpacker(packed()).text();
}

std::string KeptSpec::name() const {
    const Bytes name = name_bytes();
    return {name.begin(), name.end()};
}

std::string KeptSpec::uid() const {
    Unpacker unpacker(packed());
    unpacker.text(); // the name
    const Bytes uid = unpacker.text();
    return {uid.begin(), uid.end()};
}

} // namespace vbmc::fleet
