#include "occvla/data/nuscenes/content_key.h"

#include <openssl/evp.h>

#include "occvla/base/error.h"

namespace occvla::data::nuscenes {
namespace {

struct Free {
  void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};

// The point at which the polynomial is evaluated (its low half) and what is added at the end: any
// fixed bytes do.
constexpr unsigned char kKey[33] = "occvla tables' content, format 1";

}  // namespace

struct ContentTagger::Impl {
  std::unique_ptr<EVP_MAC, Free> mac;
  std::unique_ptr<EVP_MAC_CTX, Free> context;
};

ContentTagger::ContentTagger() : impl_(std::make_unique<Impl>()) {
  impl_->mac.reset(EVP_MAC_fetch(nullptr, "POLY1305", nullptr));
  if (impl_->mac) impl_->context.reset(EVP_MAC_CTX_new(impl_->mac.get()));
  if (!impl_->context) throw DeviceError("Poly1305 is not available from the system's libcrypto.");
}
ContentTagger::~ContentTagger() = default;
ContentTagger::ContentTagger(ContentTagger&&) noexcept = default;

ContentTag ContentTagger::Of(std::span<const std::byte> bytes) {
  ContentTag tag{};
  size_t size = 0;
  const bool good =
      EVP_MAC_init(impl_->context.get(), kKey, 32, nullptr) == 1 &&
      EVP_MAC_update(impl_->context.get(), reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size()) == 1 &&
      EVP_MAC_final(impl_->context.get(), reinterpret_cast<unsigned char*>(tag.data()), &size,
                    tag.size()) == 1;
  if (!good || size != tag.size()) throw DeviceError("The system's libcrypto refused a Poly1305.");
  return tag;
}

std::string ToHex(const ContentTag& tag) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : tag) {
    text += kDigits[static_cast<unsigned>(byte) >> 4];
    text += kDigits[static_cast<unsigned>(byte) & 15];
  }
  return text;
}

}  // namespace occvla::data::nuscenes
