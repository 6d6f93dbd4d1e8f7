#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace occvla {

/// The candidates nearest to `name` by edit distance, best first, at most `most`; only those close
/// enough to be a likely misspelling. For "did you mean" in errors.
std::vector<std::string> Nearest(std::string_view name, std::span<const std::string> candidates,
                                 size_t most = 3);

std::string Join(std::span<const std::string> parts, std::string_view separator);

/// True when the bytes are well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF).
bool IsValidUtf8(std::string_view text);

}  // namespace occvla
