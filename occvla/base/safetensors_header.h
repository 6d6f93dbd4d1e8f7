#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/base/dtype.h"
#include "occvla/base/safetensors.h"

/// The JSON header of a safetensors file, both ways; part of safetensors.cc.
namespace occvla {

/// The reference implementation's bound.
inline constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;

struct SafetensorsEntry {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;  ///< Offsets from the end of the header; end - begin fits the shape.
};

struct SafetensorsHeader {
  std::map<std::string, SafetensorsEntry, std::less<>> tensors;
  std::map<std::string, std::string> metadata;
};

/// Reads the header and checks everything that it alone tells; throws CheckpointError opened by
/// `where`.
SafetensorsHeader ParseSafetensorsHeader(std::string_view text, const std::string& where);

/// Length and JSON, padded with spaces to a multiple of 64 bytes, for tensors that follow each
/// other in the given order without gaps. Throws CheckpointError for names that cannot be written.
std::string SafetensorsHeaderText(std::span<const SafetensorsWriter::Declaration> tensors,
                                  const std::map<std::string, std::string>& metadata,
                                  const std::string& where);

}  // namespace occvla
