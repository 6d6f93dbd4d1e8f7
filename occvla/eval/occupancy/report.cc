#include "occvla/eval/occupancy/report.h"

#include <charconv>
#include <iomanip>
#include <map>
#include <sstream>

#include "occvla/base/json.h"
#include "occvla/base/text.h"
#include "occvla/data/complaints.h"
#include "occvla/data/prediction.h"

namespace occvla::eval {
namespace {

using Json = nlohmann::ordered_json;
using data::kOccupancyClasses;

constexpr const char* kPartKind = "occvla eval occupancy";
constexpr int64_t kMostCount = int64_t{1} << 52;  // Beyond any data set; sums of parts still fit.

Json OrNull(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json IouJson(const Confusion& confusion) {
  const ClassIou iou = IouOf(confusion);
  Json classes = Json::object();
  for (size_t label = 0; label < kOccupiedClasses; ++label)
    classes[std::string(kOccupancyClasses[label])] = OrNull(iou.iou[label]);
  return {{"miou", OrNull(iou.mean)}, {"iou", classes}};
}

std::string ThresholdName(size_t t) {
  return std::to_string(static_cast<int>(kRayThresholds_m[t]));
}

std::string Percent(const std::optional<double>& value) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << std::setw(9);
  if (value) {
    text << 100 * *value;
  } else {
    text << "-";
  }
  return text.str();
}

int64_t Sum(const Confusion& confusion) {
  int64_t sum = 0;
  for (const auto& row : confusion.counts) {
    for (const int64_t count : row) sum += count;
  }
  return sum;
}

// What OccupancyPartJson writes and MergeOccupancyParts reads, listed once. `visit` takes a name
// and an array of counts.
template <typename Counts, typename Visit>
void VisitRays(Counts& rays, Visit&& visit) {
  visit("truth", rays.truth);
  visit("predicted", rays.predicted);
  for (size_t t = 0; t < kRayThresholds_m.size(); ++t)
    visit("right_" + ThresholdName(t) + "m", rays.right[t]);
}
template <typename Counts, typename Visit>
void VisitMasks(Counts& voxels, Visit&& visit) {
  visit("camera", voxels.camera);
  visit("lidar", voxels.lidar);
  visit("unmasked", voxels.unmasked);
}

template <size_t N>
void ReadCounts(const JsonNode& node, std::array<int64_t, N>& counts) {
  if (!node.is_array() || node.size() != N)
    node.Fail("must be an array of " + std::to_string(N) + " counts");
  for (size_t i = 0; i < N; ++i) counts[i] = node.At(i).Int(0, kMostCount);
}

struct Part {
  Shard shard;
  std::string of_what;
  OccupancyCounts counts;
};

Part ParsePart(const NamedText& file) {
  const nlohmann::json document = ParseJson(file.text, file.name);
  const JsonNode root(document, file.name);
  if (root.At("part_of").String() != kPartKind)
    root.At("part_of").Fail(std::string("must be \"") + kPartKind + "\"");
  Part part;
  part.shard.of = static_cast<size_t>(root.At("shards").Int(1, Shard::kMost));
  part.shard.index =
      static_cast<size_t>(root.At("shard").Int(0, static_cast<int64_t>(part.shard.of) - 1));
  part.of_what = root.At("of").String();
  part.counts.frames = root.At("frames").Int(0, kMostCount);
  VisitMasks(part.counts.voxels, [&](const char* name, Confusion& confusion) {
    const JsonNode rows = root.At("voxels").At(name);
    if (!rows.is_array() || rows.size() != kVoxelClasses) rows.Fail("must be 18 rows of 18 counts");
    for (size_t truth = 0; truth < kVoxelClasses; ++truth)
      ReadCounts(rows.At(truth), confusion.counts[truth]);
  });
  if (const auto rays = root.Find("rays")) {
    part.counts.rays.emplace();
    part.counts.rays->rays = rays->At("rays").Int(0, kMostCount);
    VisitRays(*part.counts.rays,
              [&](const std::string& name, auto& counts) { ReadCounts(rays->At(name), counts); });
  }
  return part;
}

}  // namespace

void OccupancyCounts::Merge(const OccupancyCounts& other) {
  if (other.frames == 0) return;
  if (frames == 0) {
    *this = other;
    return;
  }
  if (rays.has_value() != other.rays.has_value())
    throw DataError("Counts with rays and counts without cannot be added up.");
  frames += other.frames;
  voxels.Merge(other.voxels);
  if (rays) rays->Merge(*other.rays);
}

std::string OccupancyReportJson(const OccupancyCounts& counts) {
  Json json;
  VisitMasks(counts.voxels, [&](const char* name, const Confusion& confusion) {
    json[name] = IouJson(confusion);
  });
  if (counts.rays) {
    const RayIou rays = RayIouOf(*counts.rays);
    for (size_t t = 0; t < kRayThresholds_m.size(); ++t)
      json["rayiou"][ThresholdName(t)] = OrNull(rays.at[t]);
    json["rayiou"]["mean"] = OrNull(rays.mean);
  }
  return json.dump(2) + "\n";
}

std::string OccupancyReportText(const OccupancyCounts& counts) {
  const ClassIou camera = IouOf(counts.voxels.camera), lidar = IouOf(counts.voxels.lidar),
                 unmasked = IouOf(counts.voxels.unmasked);
  const RayIou rays = RayIouOf(counts.rays.value_or(RayCounts{}));
  std::ostringstream text;
  const auto row = [&](std::string_view name, const auto&... values) {
    text << std::left << std::setw(22) << name << std::right;
    (text << ... << values);
    text << "\n";
  };
  text << counts.frames << " keyframes, IoU in per cent\n";
  text << std::left << std::setw(22) << "class" << std::right << std::setw(9) << "camera"
       << std::setw(9) << "lidar" << std::setw(9) << "unmasked";
  if (counts.rays)
    text << std::setw(9) << "ray 1 m" << std::setw(9) << "2 m" << std::setw(9) << "4 m";
  text << "\n";
  const auto line = [&](std::string_view name, const auto& c, const auto& l, const auto& u,
                        const std::array<std::optional<double>, 3>& at) {
    if (counts.rays) {
      row(name, Percent(c), Percent(l), Percent(u), Percent(at[0]), Percent(at[1]), Percent(at[2]));
    } else {
      row(name, Percent(c), Percent(l), Percent(u));
    }
  };
  for (size_t label = 0; label < kOccupiedClasses; ++label) {
    line(kOccupancyClasses[label], camera.iou[label], lidar.iou[label], unmasked.iou[label],
         {rays.iou[0][label], rays.iou[1][label], rays.iou[2][label]});
  }
  line("mean", camera.mean, lidar.mean, unmasked.mean, rays.at);
  text << "voxels: " << Sum(counts.voxels.camera) << " seen by cameras, "
       << Sum(counts.voxels.lidar) << " by lidar, " << Sum(counts.voxels.unmasked) << " in all\n";
  if (counts.rays) {
    text << "RayIoU" << Percent(rays.mean) << " over " << counts.rays->rays << " rays\n";
  } else {
    text << "RayIoU: no lidar origins\n";
  }
  return text.str();
}

std::string OccupancyPartJson(const OccupancyCounts& counts, const Shard& shard,
                              const std::string& of_what) {
  Json json = {{"part_of", kPartKind},
               {"shard", shard.index},
               {"shards", shard.of},
               {"of", of_what},
               {"frames", counts.frames}};
  VisitMasks(counts.voxels, [&](const char* name, const Confusion& confusion) {
    json["voxels"][name] = confusion.counts;
  });
  if (counts.rays) {
    json["rays"]["rays"] = counts.rays->rays;
    VisitRays(*counts.rays,
              [&](const std::string& name, const auto& values) { json["rays"][name] = values; });
  }
  return json.dump() + "\n";
}

OccupancyCounts MergeOccupancyParts(std::span<const NamedText> parts) {
  OccupancyCounts counts;
  data::Complaints complaints;
  std::map<size_t, std::string> seen;
  std::optional<Part> first;
  for (const NamedText& file : parts) {
    std::optional<Part> part;
    try {
      part = ParsePart(file);
    } catch (const DataError& error) {
      complaints.AddWhole(error.what());
      continue;
    }
    if (!first) first = part;
    if (part->of_what != first->of_what || part->shard.of != first->shard.of) {
      complaints.Add(file.name, "is a part of another evaluation than " + parts[0].name);
      continue;
    }
    const auto [place, is_new] = seen.emplace(part->shard.index, file.name);
    if (!is_new) {
      complaints.Add(file.name, "is part " + std::to_string(part->shard.index) + " as " +
                                    place->second + " is");
      continue;
    }
    counts.Merge(part->counts);
  }
  if (first) {
    for (size_t index = 0; index < first->shard.of; ++index) {
      if (!seen.contains(index)) {
        complaints.AddWhole("part " + std::to_string(index) + " of " +
                            std::to_string(first->shard.of) + " is missing");
      }
    }
  }
  complaints.Throw("The parts do not make a whole", "Run the missing shards");
  return counts;
}

}  // namespace occvla::eval
