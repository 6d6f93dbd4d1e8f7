#include "occvla/eval/occupancy/confusion.h"

#include <cstring>
#include <vector>

#include "occvla/base/error.h"

namespace occvla::eval {
namespace {

// A voxel's kind in 12 bits: masks, true class, predicted class. Class 31 takes 255 in.
constexpr size_t kBits = 5, kKinds = size_t{1} << (2 * kBits + 2);
constexpr size_t kIgnored = kIgnoredVoxel & 31;

size_t Kind(uint8_t lidar, uint8_t camera, uint8_t truth, uint8_t prediction) {
  return (size_t{lidar} << (2 * kBits + 1)) | (size_t{camera} << (2 * kBits)) |
         (size_t{truth & 31U} << kBits) | prediction;
}

uint64_t Word(const uint8_t* bytes) {
  uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

constexpr uint64_t Repeated(uint8_t byte) { return byte * 0x0101010101010101ULL; }

}  // namespace

void Confusion::Merge(const Confusion& other) {
  for (size_t truth = 0; truth < kVoxelClasses; ++truth) {
    for (size_t prediction = 0; prediction < kVoxelClasses; ++prediction)
      counts[truth][prediction] += other.counts[truth][prediction];
  }
}

void MaskedConfusions::Merge(const MaskedConfusions& other) {
  camera.Merge(other.camera);
  lidar.Merge(other.lidar);
  unmasked.Merge(other.unmasked);
}

std::optional<double> MeanOf(std::span<const std::optional<double>> values) {
  double sum = 0;
  int64_t count = 0;
  for (const std::optional<double>& value : values) {
    if (!value) continue;
    sum += *value;
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

ClassIou IouOf(const Confusion& confusion) {
  ClassIou result;
  for (size_t label = 0; label < kOccupiedClasses; ++label) {
    int64_t either = -confusion.counts[label][label];
    for (size_t other = 0; other < kVoxelClasses; ++other)
      either += confusion.counts[label][other] + confusion.counts[other][label];
    if (either > 0) {
      result.iou[label] =
          static_cast<double>(confusion.counts[label][label]) / static_cast<double>(either);
    }
  }
  result.mean = MeanOf(result.iou);
  return result;
}

MaskedConfusions CountVoxels(const VoxelLabels& voxels) {
  const size_t size = voxels.truth.size();
  OCCVLA_DCHECK(voxels.mask_lidar.size() == size && voxels.mask_camera.size() == size &&
                voxels.prediction.size() == size);
  // Most voxels are like their neighbours: eight equal ones are counted at once. Two tables, so
  // that equal voxels one after the other do not wait for each other's sum.
  std::vector<uint32_t> even(kKinds), odd(kKinds);
  size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    const uint8_t* truth = &voxels.truth[at];
    const uint8_t* prediction = &voxels.prediction[at];
    const uint8_t* lidar = &voxels.mask_lidar[at];
    const uint8_t* camera = &voxels.mask_camera[at];
    const uint64_t differing =
        (Word(truth) ^ Repeated(*truth)) | (Word(prediction) ^ Repeated(*prediction)) |
        (Word(lidar) ^ Repeated(*lidar)) | (Word(camera) ^ Repeated(*camera));
    if (differing == 0) {
      even[Kind(*lidar, *camera, *truth, *prediction)] += 8;
      continue;
    }
    for (size_t i = 0; i < 8; i += 2) {
      ++even[Kind(lidar[i], camera[i], truth[i], prediction[i])];
      ++odd[Kind(lidar[i + 1], camera[i + 1], truth[i + 1], prediction[i + 1])];
    }
  }
  for (; at < size; ++at) {
    ++even[Kind(voxels.mask_lidar[at], voxels.mask_camera[at], voxels.truth[at],
                voxels.prediction[at])];
  }
  MaskedConfusions result;
  for (size_t kind = 0; kind < kKinds; ++kind) {
    const int64_t count = int64_t{even[kind]} + odd[kind];
    const size_t truth = (kind >> kBits) & 31, prediction = kind & 31;
    if (count == 0 || truth == kIgnored) continue;
    result.unmasked.counts[truth][prediction] += count;
    if ((kind >> (2 * kBits)) & 1) result.camera.counts[truth][prediction] += count;
    if (kind >> (2 * kBits + 1)) result.lidar.counts[truth][prediction] += count;
  }
  return result;
}

}  // namespace occvla::eval
