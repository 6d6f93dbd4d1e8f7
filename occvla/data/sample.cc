#include "occvla/data/sample.h"

#include "occvla/data/image/image.h"

namespace occvla::data {

Sample MakeSample(const Frame& frame, int size_px) {
  Sample sample{.token = frame.token, .size_px = size_px, .rgb = {}, .labels = {}};
  sample.rgb = LoadRgb(frame, size_px, ResizeFilter::kBicubic, /*threads=*/1);
  if (!frame.occupancy.empty()) sample.labels = occ3d::ReadLabels(frame.occupancy);
  return sample;
}

}  // namespace occvla::data
