#include "occvla/data/nuscenes/complaints.h"

#include <fmt/format.h>

#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla::data::nuscenes {

void Complaints::Add(std::string text) {
  if (!full()) kept_.push_back(std::move(text));
  ++count_;
}

void Complaints::Append(Complaints&& later) {
  for (std::string& text : later.kept_) {
    if (full()) break;
    kept_.push_back(std::move(text));
  }
  count_ += later.count_;
}

std::string Complaints::Text() const {
  std::string text = Join(kept_, "\n  - ");
  if (count_ > kept_.size()) text += fmt::format("\n  - and {} more", count_ - kept_.size());
  return text;
}

void Complaints::ThrowIfAny(const std::string& where) const {
  if (empty()) return;
  const std::string how_many =
      count_ == 1 ? "one thing is wrong" : fmt::format("{} things are wrong", count_);
  throw DataError(
      fmt::format("{}: {} in the tables:\n  - {}\nUnpack the metadata archive again, or check "
                  "--dataroot and --version.",
                  where, how_many, Text()));
}

std::string FieldPlace(const std::string& table, uint64_t record, const std::string& field) {
  return fmt::format("{}, record {}: \"{}\"", table, record, field);
}

}  // namespace occvla::data::nuscenes
