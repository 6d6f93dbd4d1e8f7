#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// `metrics.jsonl`: one JSON object a line,
///
///   {"step":200,"time":1764300000.25,"series":"train","values":{"loss":1.5,"norm":null},
///    "not_finite":{"norm":"NaN"}}
///
/// `time` is seconds since 1970. JSON has no NaN and no infinity: such a value is null, and
/// `not_finite` says which it was ("NaN", "Infinity", "-Infinity").
namespace occvla::train {

struct MetricRecord {
  int64_t step = 0;    ///< Optimiser steps done, from 0.
  double time = 0;     ///< Seconds since 1970.
  std::string series;  ///< "train", "val".
  std::map<std::string, double> values;

  bool operator==(const MetricRecord&) const = default;
};

/// One line with its line feed.
std::string ToJsonLine(const MetricRecord& record);

struct MetricFile {
  std::vector<MetricRecord> records;
  uint64_t whole_bytes = 0;  ///< Up to the end of the last whole line.
  bool cut = false;          ///< A last line without its end follows: a writer was killed.
};

constexpr uint64_t kMaxMetricBytes = uint64_t{1} << 30;
constexpr size_t kMaxMetricLine = size_t{1} << 20;

/// Reads it back. A last line without a line feed is left out; whatever else is not as above throws
/// DataError with file, line and what was expected.
MetricFile ReadMetrics(const std::filesystem::path& path);
/// The same from text in memory.
MetricFile ParseMetrics(std::string_view text, const std::string& where);

/// Keeps the records with step <= `last_step`, in place and atomically, and drops a cut last line;
/// gives what was kept. Throws as ReadMetrics does.
std::vector<MetricRecord> CutMetrics(const std::filesystem::path& path, int64_t last_step);

}  // namespace occvla::train
