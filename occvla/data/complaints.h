#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace occvla::data {

/// Gathers what is wrong with files, so that one error tells all of it. Counts every complaint and
/// keeps the words of the first hundred: a hostile file may earn millions.
class Complaints {
 public:
  /// `where` names file and record, `problem` what was expected and found, both without a full
  /// stop.
  void Add(const std::string& where, const std::string& problem);
  /// One that already names where.
  void AddWhole(const std::string& complaint);
  size_t count() const { return count_; }

  /// Throws a DataError when there is any: `what`, how many, and the list. `advice` ends it.
  void Throw(const std::string& what, const std::string& advice) const;

 private:
  size_t count_ = 0;
  std::vector<std::string> first_;
};

}  // namespace occvla::data
