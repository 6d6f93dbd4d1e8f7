#include "occvla/eval/occupancy/volumes.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/npy.h"
#include "occvla/base/text.h"
#include "occvla/eval/occupancy/confusion.h"

namespace occvla::eval {
namespace {

// Sixteen times Occ3D's volume as int64: four times its resolution along two axes.
constexpr uint64_t kMostBytes = uint64_t{16} * 200 * 200 * 16 * 8;
constexpr NpyLimits kLimits{
    .max_array_bytes = kMostBytes, .max_arrays = 16, .max_total_bytes = 4 * kMostBytes};
constexpr std::string_view kAdvice = ". Write the file again.";

// What a value may be. Types, not function pointers: a pass over a volume has to be one loop.
struct TrueLabel {
  bool operator()(uint8_t value) const {
    return (value < kVoxelClasses) | (value == kIgnoredVoxel);
  }
};
struct Label {
  bool operator()(uint8_t value) const { return value < kVoxelClasses; }
};
struct Flag {
  bool operator()(uint8_t value) const { return value < 2; }
};

// The first value that is not allowed, and all as bytes.
template <typename T, typename Allowed>
std::vector<std::byte> Narrowed(const std::vector<std::byte>& bytes, Allowed allowed,
                                std::optional<size_t>& bad) {
  std::vector<std::byte> values(bytes.size() / sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    T value;
    std::memcpy(&value, &bytes[i * sizeof(T)], sizeof(T));
    if (value < T{0} || static_cast<uint64_t>(value) > 255 ||
        !allowed(static_cast<uint8_t>(value))) {
      bad = i;
      return values;
    }
    values[i] = static_cast<std::byte>(value);
  }
  return values;
}

template <typename Allowed>
std::optional<size_t> FirstBad(const std::vector<std::byte>& bytes, Allowed allowed) {
  uint8_t wrong = 0;  // One pass without branches: nearly every file is sound.
  for (const std::byte byte : bytes)
    wrong |= static_cast<uint8_t>(!allowed(static_cast<uint8_t>(byte)));
  if (wrong == 0) return std::nullopt;
  const auto is_allowed = [&](std::byte byte) { return allowed(static_cast<uint8_t>(byte)); };
  return static_cast<size_t>(std::find_if_not(bytes.begin(), bytes.end(), is_allowed) -
                             bytes.begin());
}

std::string ValueText(const NpyArray& array, size_t index) {
  const auto value = [&]<typename T>(T) {
    T at;
    std::memcpy(&at, &array.bytes[index * sizeof(T)], sizeof(T));
    return std::to_string(at);
  };
  switch (array.dtype) {
    case DType::kI8:
      return value(int8_t{});
    case DType::kU16:
      return value(uint16_t{});
    case DType::kI16:
      return value(int16_t{});
    case DType::kU32:
      return value(uint32_t{});
    case DType::kI32:
      return value(int32_t{});
    case DType::kU64:
      return value(uint64_t{});
    case DType::kI64:
      return value(int64_t{});
    default:
      return value(uint8_t{});
  }
}

// One array as bytes, or a complaint. Takes the memory of arrays that are bytes.
template <typename Allowed>
std::vector<std::byte> Values(NpyArray& array, Allowed allowed, const std::string& what,
                              std::string& problem) {
  std::optional<size_t> bad;
  std::vector<std::byte> values;
  switch (array.dtype) {
    case DType::kBool:
    case DType::kU8:
      bad = FirstBad(array.bytes, allowed);
      if (!bad) return std::move(array.bytes);
      break;
    case DType::kI8:
      values = Narrowed<int8_t>(array.bytes, allowed, bad);
      break;
    case DType::kU16:
      values = Narrowed<uint16_t>(array.bytes, allowed, bad);
      break;
    case DType::kI16:
      values = Narrowed<int16_t>(array.bytes, allowed, bad);
      break;
    case DType::kU32:
      values = Narrowed<uint32_t>(array.bytes, allowed, bad);
      break;
    case DType::kI32:
      values = Narrowed<int32_t>(array.bytes, allowed, bad);
      break;
    case DType::kU64:
      values = Narrowed<uint64_t>(array.bytes, allowed, bad);
      break;
    case DType::kI64:
      values = Narrowed<int64_t>(array.bytes, allowed, bad);
      break;
    default:
      problem =
          "must be of an integer or bool type, but is " + std::string(SafetensorsName(array.dtype));
      return {};
  }
  if (bad) {
    problem = "must be " + what + ", but is " + ValueText(array, *bad) + " at flat index " +
              std::to_string(*bad);
  }
  return values;
}

// The arrays of one file; gathers what is wrong with them.
class File {
 public:
  explicit File(const std::filesystem::path& path)
      : where_(path.string()), arrays_(ReadNpz(path, kLimits)) {}

  template <typename Allowed>
  VoxelBytes Take(const char* name, Allowed allowed, const std::string& what) {
    const auto found = arrays_.find(name);
    if (found == arrays_.end()) {
      problems_.push_back(Quoted(name) + " is missing");
      return {};
    }
    NpyArray& array = found->second;
    if (!shape_) shape_ = array.shape;
    std::string problem;
    if (array.shape.size() != 3) {
      problem = "must have three axes, but is " + ShapeText(array.shape);
    } else if (array.shape != *shape_) {
      problem = "is " + ShapeText(array.shape) + " where another array is " + ShapeText(*shape_);
    }
    std::vector<std::byte> values;
    if (problem.empty()) values = Values(array, allowed, what, problem);
    if (!problem.empty()) problems_.push_back(Quoted(name) + " " + problem);
    return VoxelBytes(std::move(values));
  }

  std::vector<int64_t> Finish() const {
    if (!problems_.empty())
      throw DataError(where_ + ": " + Join(problems_, "; ") + std::string(kAdvice));
    return *shape_;
  }

 private:
  std::string where_;
  std::map<std::string, NpyArray> arrays_;
  std::optional<std::vector<int64_t>> shape_;
  std::vector<std::string> problems_;
};

}  // namespace

TrueVolume ReadTruth(const std::filesystem::path& path) {
  File file(path);
  TrueVolume volume;
  volume.labels = file.Take("semantics", TrueLabel(), "0 to 17, or 255");
  volume.mask_lidar = file.Take("mask_lidar", Flag(), "0 or 1");
  volume.mask_camera = file.Take("mask_camera", Flag(), "0 or 1");
  volume.shape = file.Finish();
  return volume;
}

PredictedVolume ReadPredictedVolume(const std::filesystem::path& path) {
  File file(path);
  PredictedVolume volume;
  volume.labels = file.Take("pred", Label(), "0 to 17");
  volume.shape = file.Finish();
  return volume;
}

}  // namespace occvla::eval
