#pragma once
#include <cstddef>
#include <string>

namespace occvla::eval {

/// One of `of` parts of some work, from 0 on: items go to the parts in turn.
struct Shard {
  static constexpr size_t kMost = 100'000;

  size_t index = 0, of = 1;
  bool Holds(size_t item) const { return item % of == index; }
};

/// "0/8"; empty = all. Throws ConfigError.
Shard ParseShard(const std::string& text);

}  // namespace occvla::eval
