#pragma once
#include <string_view>

namespace occvla::log {

/// One line to stderr: `time level where: text`. Only `train`, `serve` and `cli` log; libraries
/// return facts. Thread-safe.
void Info(std::string_view where, std::string_view text);
void Warn(std::string_view where, std::string_view text);
void Error(std::string_view where, std::string_view text);
/// Quiet drops Info lines.
void SetQuiet(bool quiet);

}  // namespace occvla::log
