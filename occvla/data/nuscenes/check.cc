#include "occvla/data/nuscenes/check.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/data/nuscenes/check_companions.h"
#include "occvla/data/nuscenes/check_files.h"

namespace occvla::data::nuscenes {
namespace {

std::string SceneOf(const Tables& tables, Row sample) {
  return std::string(tables.Text(tables.rows().scene[tables.rows().sample[sample].scene].name));
}

/// One line a channel that keyframes need: how many lack it and which is the first.
void CheckChannels(const Tables& tables, CheckPart& part) {
  std::vector<std::string_view> channels(kCameraNames.begin(), kCameraNames.end());
  channels.push_back("LIDAR_TOP");
  const auto samples = static_cast<Row>(tables.rows().sample.size());
  for (const std::string_view channel : channels) {
    uint64_t lacking = 0;
    Row first = kNoRow;
    for (Row sample = 0; sample < samples; ++sample) {
      if (tables.KeyFrameData(sample, channel)) continue;
      if (lacking++ == 0) first = sample;
    }
    if (lacking == 0) continue;
    part.Add(fmt::format("{}: {} of {} keyframes have none in sample_data, the first is {} of {}.",
                         channel, lacking, samples, tables.rows().sample[first].token.ToString(),
                         SceneOf(tables, first)));
  }
}

// The reader has looked at the times of keyframes, not at those of files.
void CheckTimes(const Tables& tables, CheckPart& part) {
  const Tables::Spans& rows = tables.rows();
  for (const SampleDataRow& row : rows.sample_data) {
    if (row.next == kNoRow || rows.sample_data[row.next].timestamp_us > row.timestamp_us) continue;
    part.Add(fmt::format("{}: its time {} is not before that of the next file of its sensor ({}).",
                         tables.Text(row.filename), row.timestamp_us,
                         rows.sample_data[row.next].timestamp_us));
  }
}

CheckPart CheckKeyFrames(const Tables& tables) {
  CheckPart part{.name = "keyframes", .checked = tables.rows().sample.size()};
  CheckChannels(tables, part);
  CheckTimes(tables, part);
  return part;
}

}  // namespace

void CheckPart::Add(std::string text) {
  if (texts.size() < kMostTexts) texts.push_back(std::move(text));
  ++problems;
}

void CheckPart::Append(CheckPart&& later) {
  checked += later.checked;
  for (std::string& text : later.texts)
    if (texts.size() < kMostTexts) texts.push_back(std::move(text));
  problems += later.problems;
}

uint64_t CheckReport::Problems() const {
  uint64_t sum = 0;
  for (const CheckPart& part : parts) sum += part.problems;
  return sum;
}

CheckReport CheckDataset(const CheckOptions& options) {
  CheckReport report;
  report.parts.push_back({.name = "tables", .checked = 13});
  std::optional<Tables> tables;
  try {
    tables = ReadTables(options.dataset.dataroot, options.dataset.version, options.dataset.cache);
  } catch (const DataError& error) {
    report.parts[0].Add(std::string(error.what()) +
                        "\nNothing else was checked: what the tables say comes first.");
    return report;
  }
  const Tables::Spans& rows = tables->rows();
  report.scenes = rows.scene.size();
  report.keyframes = rows.sample.size();
  report.files = rows.sample_data.size();
  report.boxes = rows.sample_annotation.size();
  report.parts.push_back(CheckKeyFrames(*tables));
  if (options.files != FileCheck::kNone)
    report.parts.push_back(CheckSensorFiles(*tables, options, report.absent));
  for (CheckPart& part : CheckCompanions(*tables, options, report.absent))
    report.parts.push_back(std::move(part));
  return report;
}

}  // namespace occvla::data::nuscenes
