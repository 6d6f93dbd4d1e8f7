#include "occvla/data/complaints.h"

#include "occvla/base/error.h"

namespace occvla::data {
namespace {

constexpr size_t kMostInWords = 100;

}  // namespace

void Complaints::Add(const std::string& where, const std::string& problem) {
  AddWhole(where + ": " + problem);
}

void Complaints::AddWhole(const std::string& complaint) {
  ++count_;
  if (first_.size() < kMostInWords) first_.push_back(complaint);
}

void Complaints::Throw(const std::string& what, const std::string& advice) const {
  if (count_ == 0) return;
  std::string text =
      what + ": " + std::to_string(count_) + (count_ == 1 ? " problem:" : " problems:");
  for (const std::string& complaint : first_) text += "\n  - " + complaint;
  if (count_ > first_.size())
    text += "\n  - and " + std::to_string(count_ - first_.size()) + " more";
  throw DataError(text + "\n" + advice);
}

}  // namespace occvla::data
