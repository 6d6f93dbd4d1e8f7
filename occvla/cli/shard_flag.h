#pragma once
#include <CLI/App.hpp>
#include <cstddef>

namespace occvla::cli {

/// One of `count` parts of some work: items whose index is `index` modulo `count`.
struct Shard {
  size_t index = 0, count = 1;
};

/// --shard i/n, from 0/n to (n - 1)/n.
CLI::Option* AddShardFlag(CLI::App& verb, Shard& shard);

}  // namespace occvla::cli
