#include "occvla/data/occ3d/labels.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/npy.h"
#include "occvla/base/text.h"
#include "occvla/data/prediction.h"
#include "occvla/geom/voxel_grid.h"

namespace occvla::data::occ3d {
namespace {

using geom::VoxelGrid;

// Measured on a keyframe: level 1 writes in 10 ms, level 6 in 50 ms a file a third smaller, and a
// synthetic world writes one for every keyframe.
constexpr int kDeflateLevel = 1;

// One of the three arrays: where it lies in Labels, and its largest value.
struct Field {
  std::string_view name;
  std::vector<uint8_t> Labels::*values;
  uint8_t largest;
};
constexpr std::array<Field, 3> kFields{{{"semantics", &Labels::semantics, kFreeClass},
                                        {"mask_lidar", &Labels::mask_lidar, 1},
                                        {"mask_camera", &Labels::mask_camera, 1}}};

const std::vector<int64_t>& Shape() {
  static const std::vector<int64_t> shape{VoxelGrid::kX, VoxelGrid::kY, VoxelGrid::kZ};
  return shape;
}

// The first value above the largest that may be; npos if none.
size_t FirstAbove(std::span<const uint8_t> values, uint8_t largest) {
  uint8_t most = 0;  // One pass without branches: nearly every file is sound.
  for (const uint8_t value : values) most = std::max(most, value);
  if (most <= largest) return std::string_view::npos;
  const auto found =
      std::find_if(values.begin(), values.end(), [&](uint8_t value) { return value > largest; });
  return static_cast<size_t>(found - values.begin());
}

std::string VoxelText(size_t index) {
  const size_t k = index % VoxelGrid::kZ, j = index / VoxelGrid::kZ % VoxelGrid::kY;
  const size_t i = index / VoxelGrid::kZ / VoxelGrid::kY;
  return "[" + std::to_string(i) + "][" + std::to_string(j) + "][" + std::to_string(k) + "]";
}

// What is wrong with the values of one array; empty if nothing.
std::string ValueProblem(const Field& field, std::span<const uint8_t> values) {
  if (values.size() != VoxelGrid::kCount) {
    return "must hold " + std::to_string(VoxelGrid::kCount) + " values, but holds " +
           std::to_string(values.size());
  }
  const size_t bad = FirstAbove(values, field.largest);
  if (bad == std::string_view::npos) return "";
  return "must be 0 to " + std::to_string(field.largest) + ", but is " +
         std::to_string(values[bad]) + " at " + VoxelText(bad);
}

std::string ArrayProblem(const Field& field, const NpyArray& array) {
  if (array.dtype != DType::kU8 || array.shape != Shape()) {
    return "must be U8 " + ShapeText(Shape()) + ", but is " +
           std::string(SafetensorsName(array.dtype)) + " " + ShapeText(array.shape);
  }
  return ValueProblem(field,
                      {reinterpret_cast<const uint8_t*>(array.bytes.data()), array.bytes.size()});
}

[[noreturn]] void Fail(const std::string& where, const std::vector<std::string>& problems) {
  throw DataError(where + ": not Occ3D labels: " + Join(problems, "; ") +
                  ". Fetch the file again.");
}

}  // namespace

Labels ParseLabels(std::span<const std::byte> file, const std::string& where) {
  constexpr NpyLimits kLimits{.max_array_bytes = VoxelGrid::kCount,
                              .max_arrays = 16,
                              .max_total_bytes = 16 * (VoxelGrid::kCount + 128)};
  const std::map<std::string, NpyArray> arrays = ParseNpz(file, where, kLimits);
  Labels labels;
  std::vector<std::string> problems;
  for (const Field& field : kFields) {
    const auto found = arrays.find(std::string(field.name));
    const std::string problem =
        found == arrays.end() ? "is missing" : ArrayProblem(field, found->second);
    if (!problem.empty()) {
      problems.push_back(Quoted(field.name) + " " + problem);
      continue;
    }
    const auto* first = reinterpret_cast<const uint8_t*>(found->second.bytes.data());
    (labels.*field.values).assign(first, first + VoxelGrid::kCount);
  }
  for (const auto& [name, array] : arrays) {
    const auto known = [&](const Field& field) { return field.name == name; };
    if (std::none_of(kFields.begin(), kFields.end(), known))
      problems.push_back("it holds the unknown array " + Quoted(name));
  }
  if (!problems.empty()) Fail(where, problems);
  return labels;
}

Labels ReadLabels(const std::filesystem::path& path) {
  return ParseLabels(MappedFile(path).bytes(), path.string());
}

void WriteLabels(const std::filesystem::path& path, const Labels& labels) {
  std::map<std::string, NpyArray> arrays;
  std::vector<std::string> problems;
  for (const Field& field : kFields) {
    const std::vector<uint8_t>& values = labels.*field.values;
    const std::string problem = ValueProblem(field, values);
    if (!problem.empty()) problems.push_back(Quoted(field.name) + " " + problem);
    const auto* first = reinterpret_cast<const std::byte*>(values.data());
    arrays[std::string(field.name)] = {DType::kU8, Shape(), {first, first + values.size()}};
  }
  if (!problems.empty())
    throw DataError(path.string() + ": cannot be written: " + Join(problems, "; ") + ".");
  WriteNpz(path, arrays, kDeflateLevel);
}

int64_t LabelCounts::Occupied() const {
  return masks[1][0][0] + masks[1][0][1] + masks[1][1][0] + masks[1][1][1];
}
int64_t LabelCounts::SeenByLidar() const {
  return masks[0][1][0] + masks[0][1][1] + masks[1][1][0] + masks[1][1][1];
}
int64_t LabelCounts::SeenByCamera() const {
  return masks[0][0][1] + masks[0][1][1] + masks[1][0][1] + masks[1][1][1];
}

LabelCounts CountLabels(const Labels& labels) {
  LabelCounts counts;
  for (size_t voxel = 0; voxel < labels.semantics.size(); ++voxel) {
    const size_t semantic = labels.semantics[voxel];
    ++counts.classes[semantic];
    ++counts.masks[semantic != kFreeClass][labels.mask_lidar[voxel]][labels.mask_camera[voxel]];
  }
  return counts;
}

}  // namespace occvla::data::occ3d
