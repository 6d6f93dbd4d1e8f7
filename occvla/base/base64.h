#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace occvla {

/// RFC 4648, section 4, on one line.
std::string EncodeBase64(std::string_view bytes);
/// Nothing for what is not padded, or holds anything else, line breaks too.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace occvla
