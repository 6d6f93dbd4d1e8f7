#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace occvla {

/// The candidates nearest to `name` by edit distance, best first, at most `most`; only those close
/// enough to be a likely misspelling. For "did you mean" in errors.
std::vector<std::string> Nearest(std::string_view name, std::span<const std::string> candidates,
                                 size_t most = 3);

/// `text` for an error message or a log line: control bytes and bytes that are not UTF-8 become
/// escapes, and what passes `most` bytes is cut and marked with "...". Safe for hostile text.
std::string Printable(std::string_view text, size_t most = 300);
/// The same in double quotes, with quotes and backslashes escaped.
std::string Quoted(std::string_view text, size_t most = 120);

/// A shape as "[2, 3]"; "[]" for a scalar.
std::string ShapeText(std::span<const int64_t> shape);

std::string Join(std::span<const std::string> parts, std::string_view separator);

/// True when the bytes are well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF).
bool IsValidUtf8(std::string_view text);

}  // namespace occvla
