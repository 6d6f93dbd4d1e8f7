#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace occvla::serve {

std::string EncodeBase64(std::string_view bytes);
/// RFC 4648, section 4: padded, no line breaks; nothing for anything else.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace occvla::serve
