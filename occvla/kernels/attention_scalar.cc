#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "occvla/kernels/scalar.h"
#include "occvla/kernels/variants.h"

// The oracle: the formulas of kernels.h in double, nothing clever.
namespace occvla::kernels::scalar {
namespace {

void OneQuery(const AttentionArgs& args, int64_t head, int64_t query, std::vector<double>& weights,
              std::vector<double>& sum) {
  const int64_t key_head = head / (args.heads / args.key_heads);
  const int64_t begin = args.begin ? std::max<int64_t>(args.begin[query], 0) : 0;
  const int64_t end = std::min<int64_t>(args.end ? args.end[query] : args.keys, args.keys);
  double largest = -std::numeric_limits<double>::infinity();
  for (int64_t key = begin; key < end; ++key) {
    double dot = 0;
    for (int64_t d = 0; d < args.head_size; ++d)
      dot +=
          Load(args.storage, args.q, head * args.q_head_stride + query * args.q_row_stride + d) *
          Load(args.storage, args.k, key_head * args.k_head_stride + key * args.k_row_stride + d);
    double score = args.scale * dot;
    if (args.softcap > 0) score = args.softcap * std::tanh(score / args.softcap);
    weights[key] = score;
    largest = std::max(largest, score);
  }
  double total = 0;
  for (int64_t key = begin; key < end; ++key)
    total += weights[key] = std::exp(weights[key] - largest);
  std::fill(sum.begin(), sum.end(), 0.0);
  for (int64_t key = begin; key < end; ++key)
    for (int64_t d = 0; d < args.head_size; ++d)
      sum[d] += weights[key] * Load(args.storage, args.v,
                                    key_head * args.v_head_stride + key * args.v_row_stride + d);
  for (int64_t d = 0; d < args.head_size; ++d)
    Store(args.storage, args.out, head * args.out_head_stride + query * args.out_row_stride + d,
          begin < end ? sum[d] / total : 0.0);
}

}  // namespace

void Attention(const AttentionArgs& args, int64_t first, int64_t last) {
  const int64_t group = args.heads / args.key_heads;
  const int64_t block = QueriesPerTask(args);
  const int64_t blocks = (args.queries + block - 1) / block;
  std::vector<double> weights(args.keys), sum(args.head_size);
  for (int64_t task = first; task < last; ++task) {
    const int64_t key_head = task / blocks;
    const int64_t from = task % blocks * block;
    const int64_t to = std::min(from + block, args.queries);
    for (int64_t head = key_head * group; head < (key_head + 1) * group; ++head)
      for (int64_t query = from; query < to; ++query) OneQuery(args, head, query, weights, sum);
  }
}

}  // namespace occvla::kernels::scalar
