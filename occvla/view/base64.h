#pragma once
#include <string>
#include <string_view>

namespace occvla::view {

/// RFC 4648's base64 with padding, on one line.
std::string Base64(std::string_view bytes);

}  // namespace occvla::view
