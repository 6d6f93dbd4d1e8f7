#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "occvla/data/nuscenes/dataset.h"

namespace occvla::data::nuscenes {

/// How closely files are looked at; each level does what those before it do.
enum class FileCheck : uint8_t {
  kNone,    ///< Tables and companions only.
  kExist,   ///< Is every file that a table names there?
  kHeader,  ///< Does it start and end as its format does, has it the size that the table states?
  kRead     ///< Can all of it be read? Every image is decoded.
};

struct CheckOptions {
  DatasetOptions dataset;
  FileCheck files = FileCheck::kHeader;
  size_t threads = 0;  ///< 0 = one a core.
  /// Called on the caller's thread now and then; what it throws ends the check.
  std::function<void(uint64_t done, uint64_t total)> progress = {};
};

/// What was looked at in one respect.
struct CheckPart {
  static constexpr size_t kMostTexts = 100;

  std::string name;      ///< "tables", "keyframes", "files", "maps", ...
  uint64_t checked = 0;  ///< Things looked at; their kind goes with the name.
  uint64_t problems = 0;
  std::vector<std::string> texts = {};  ///< Of the first problems.

  void Add(std::string text);
  /// A part that was looked at in pieces, in order.
  void Append(CheckPart&& later);
};

/// Everything that is missing, damaged or contradictory, in an order that does not depend on
/// threads.
struct CheckReport {
  uint64_t scenes = 0, keyframes = 0, files = 0, boxes = 0;
  std::vector<CheckPart> parts;
  /// What is not there and need not be: companions and sensors that only some uses want.
  std::vector<std::string> absent;

  uint64_t Problems() const;
};

/// Looks at a data set and everything beside it. Never throws for what is wrong with the data;
/// where the tables cannot be read, the report says so and stops there. Files that are missing in
/// whole scenes or of a whole sensor are one problem, worded as a partial download; single missing
/// files are a problem each.
CheckReport CheckDataset(const CheckOptions& options);

}  // namespace occvla::data::nuscenes
