#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace occvla::data::nuscenes {

/// Collects what is wrong with the tables: the first hundred complaints, and how many there are.
/// Each thread fills its own; `Append` joins them in the order of the files, so that the text is
/// the same for any number of threads.
class Complaints {
 public:
  static constexpr size_t kMostKept = 100;

  void Add(std::string text);
  /// More whose texts nobody will read.
  void Count(uint64_t more) { count_ += more; }
  bool full() const { return kept_.size() == kMostKept; }
  bool empty() const { return count_ == 0; }
  uint64_t count() const { return count_; }

  void Append(Complaints&& later);
  /// The list that follows "  - "; the last line counts those that were not kept.
  std::string Text() const;
  /// Throws one DataError that opens with `where` when there are any.
  void ThrowIfAny(const std::string& where) const;

 private:
  std::vector<std::string> kept_;
  uint64_t count_ = 0;
};

/// `v1.0-mini/scene.json, record 3: "name"`, the start of a complaint about a field.
std::string FieldPlace(const std::string& table, uint64_t record, const std::string& field);

}  // namespace occvla::data::nuscenes
