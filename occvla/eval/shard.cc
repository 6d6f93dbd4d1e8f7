#include "occvla/eval/shard.h"

#include <charconv>

#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla::eval {

Shard ParseShard(const std::string& text) {
  Shard shard;
  if (text.empty()) return shard;
  const char* end = text.data() + text.size();
  const auto index = std::from_chars(text.data(), end, shard.index);
  if (index.ec == std::errc() && index.ptr != end && *index.ptr == '/') {
    const auto of = std::from_chars(index.ptr + 1, end, shard.of);
    if (of.ec == std::errc() && of.ptr == end && shard.index < shard.of && shard.of <= Shard::kMost)
      return shard;
  }
  throw ConfigError("--shard must be i/n with i from 0 to n - 1, like 0/4, but is " + Quoted(text) +
                    ".");
}

}  // namespace occvla::eval
