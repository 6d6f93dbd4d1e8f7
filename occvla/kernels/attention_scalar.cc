#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "occvla/kernels/scalar.h"
#include "occvla/kernels/variants.h"

// The oracle: the formulas of kernels.h in double, nothing clever.
namespace occvla::kernels::scalar {
namespace {

/// The keys that `query` sees, in order.
std::vector<int64_t> Keys(const AttentionArgs& args, int64_t query) {
  std::vector<int64_t> keys;
  const auto add = [&](int64_t begin, int64_t end) {
    for (int64_t key = std::max<int64_t>(begin, 0); key < std::min(end, args.keys); ++key)
      keys.push_back(key);
  };
  add(args.shared_begin ? args.shared_begin[query] : 0, args.shared);
  add(std::max(args.begin ? args.begin[query] : 0, args.shared),
      args.end ? args.end[query] : args.keys);
  return keys;
}

int64_t At(int64_t head, int64_t head_stride, int64_t row, int64_t row_stride) {
  return head * head_stride + row * row_stride;
}

double Score(const AttentionArgs& args, int64_t head, int64_t query, int64_t key) {
  const int64_t key_head = head / (args.heads / args.key_heads);
  const int64_t q = At(head, args.q_head_stride, query, args.q_row_stride);
  const int64_t k = At(key_head, args.k_head_stride, key, args.k_row_stride);
  double dot = 0;
  for (int64_t d = 0; d < args.head_size; ++d)
    dot += Load(args.storage, args.q, q + d) * Load(args.storage, args.k, k + d);
  const double score = args.scale * dot;
  return args.softcap > 0 ? args.softcap * std::tanh(score / args.softcap) : score;
}

void OneQuery(const AttentionArgs& args, int64_t head, int64_t query, std::vector<double>& weights,
              std::vector<double>& sum) {
  const int64_t key_head = head / (args.heads / args.key_heads);
  const auto keys = Keys(args, query);
  double largest = -std::numeric_limits<double>::infinity();
  for (const int64_t key : keys) {
    weights[key] = Score(args, head, query, key);
    largest = std::max(largest, weights[key]);
  }
  double total = 0;
  for (const int64_t key : keys) total += weights[key] = std::exp(weights[key] - largest);
  std::fill(sum.begin(), sum.end(), 0.0);
  for (const int64_t key : keys)
    for (int64_t d = 0; d < args.head_size; ++d)
      sum[d] += weights[key] * Load(args.storage, args.v,
                                    At(key_head, args.v_head_stride, key, args.v_row_stride) + d);
  for (int64_t d = 0; d < args.head_size; ++d)
    Store(args.storage, args.out, At(head, args.out_head_stride, query, args.out_row_stride) + d,
          keys.empty() ? 0.0 : sum[d] / total);
  if (args.logsumexp)
    Store(Storage::kF32, args.logsumexp, head * args.queries + query,
          keys.empty() ? 0.0 : largest + std::log(total));
}

/// The gradients of one query's output, added to dk and dv [S][padded] of its key head.
void OneQueryBackward(const AttentionBackwardArgs& args, int64_t head, int64_t query,
                      std::vector<double>& dk, std::vector<double>& dv) {
  const AttentionArgs& of = args.of;
  const int64_t size = of.head_size, padded = PaddedHead(of);
  const int64_t key_head = head / (of.heads / of.key_heads);
  const int64_t q = At(head, of.q_head_stride, query, of.q_row_stride);
  const int64_t out = At(head, of.out_head_stride, query, of.out_row_stride);
  const int64_t dout = At(head, args.dout_head_stride, query, args.dout_row_stride);
  double delta = 0;
  for (int64_t d = 0; d < size; ++d)
    delta += Load(of.storage, args.dout, dout + d) * Load(of.storage, of.out, out + d);
  std::vector<double> dq(size);
  for (const int64_t key : Keys(of, query)) {
    const int64_t k = At(key_head, of.k_head_stride, key, of.k_row_stride);
    const int64_t v = At(key_head, of.v_head_stride, key, of.v_row_stride);
    const double score = Score(of, head, query, key);
    const double p = std::exp(score - Load(Storage::kF32, of.logsumexp, head * of.queries + query));
    double dp = 0;
    for (int64_t d = 0; d < size; ++d)
      dp += Load(of.storage, args.dout, dout + d) * Load(of.storage, of.v, v + d);
    double slope = p * (dp - delta) * of.scale;
    if (of.softcap > 0) slope *= 1 - std::pow(score / of.softcap, 2);
    for (int64_t d = 0; d < size; ++d) {
      dq[d] += slope * Load(of.storage, of.k, k + d);
      dk[key * padded + d] += slope * Load(of.storage, of.q, q + d);
      dv[key * padded + d] += p * Load(of.storage, args.dout, dout + d);
    }
  }
  for (int64_t d = 0; d < size; ++d)
    Store(of.storage, args.dq, At(head, args.dq_head_stride, query, args.dq_row_stride) + d, dq[d]);
}

}  // namespace

void AttentionBackward(const AttentionBackwardArgs& args, int64_t first, int64_t last) {
  const AttentionArgs& of = args.of;
  const int64_t group = of.heads / of.key_heads, block = QueriesPerTask(of);
  const int64_t parts = AttentionBackwardParts(of), count = of.keys * PaddedHead(of);
  for (int64_t task = first; task < last; ++task) {
    const int64_t key_head = task / parts, part = task % parts;
    const BlockRange blocks = BlocksOfPart(of, part, parts);
    std::vector<double> dk(count), dv(count);
    for (int64_t query = blocks.first * block; query < std::min(blocks.last * block, of.queries);
         ++query)
      for (int64_t head = key_head * group; head < (key_head + 1) * group; ++head)
        OneQueryBackward(args, head, query, dk, dv);
    const int64_t start = (part * of.key_heads + key_head) * count;
    for (int64_t i = 0; i < count; ++i) {
      Store(Storage::kF32, args.dk, start + i, dk[i]);
      Store(Storage::kF32, args.dv, start + i, dv[i]);
    }
  }
}

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
