#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace occvla::tests {

/// The room that a file belongs to ("data", "model/files"), "" for occvla/main.cc and what lies
/// outside occvla/; nothing for a folder of occvla/ that is not a room.
std::optional<std::string> RoomOf(std::string_view file);

/// What a header in angle brackets or quotes names: `#include "a/b.h"` -> a/b.h; nothing on other
/// lines.
std::optional<std::string> Included(std::string_view line);

/// Why `file` may not include `header`; nothing if it may.
std::optional<std::string> Breach(std::string_view file, std::string_view header);

}  // namespace occvla::tests
