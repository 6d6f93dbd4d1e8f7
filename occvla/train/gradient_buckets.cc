#include "occvla/train/gradient_buckets.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "occvla/train/ranks.h"

namespace occvla::train {

GradientBuckets::GradientBuckets(Ranks& ranks, const std::vector<int64_t>& elements,
                                 int64_t bucket_elements)
    : ranks_(ranks), gradients_(elements.size()) {
  int64_t bucket = 0;
  for (size_t i = elements.size(); i-- > 0;) {
    if (end_.empty() || bucket + elements[i] > bucket_elements) {
      end_.push_back(i + 1);
      first_.push_back(i);
      bucket = 0;
    }
    first_.back() = i;
    bucket += elements[i];
  }
}

GradientBuckets::~GradientBuckets() {
  for (auto& sum : sums_)
    if (sum.valid()) sum.wait();
}

void GradientBuckets::Add(size_t index, at::Tensor gradient) {
  const std::lock_guard lock(mutex_);
  TORCH_CHECK(index < gradients_.size() && !gradients_[index].defined(), "parameter ", index,
              " of ", gradients_.size(), " was added twice or does not exist");
  gradients_[index] = std::move(gradient);
  SendReady();
}

void GradientBuckets::AddAll(const std::vector<at::Tensor>& gradients) {
  for (size_t i = gradients.size(); i-- > 0;) Add(i, gradients[i]);
}

void GradientBuckets::SendReady() {
  for (; sent_ < first_.size(); ++sent_) {
    const auto begin = gradients_.begin() + static_cast<std::ptrdiff_t>(first_[sent_]);
    const auto end = gradients_.begin() + static_cast<std::ptrdiff_t>(end_[sent_]);
    if (!std::all_of(begin, end, [](const at::Tensor& g) { return g.defined(); })) return;
    sums_.push_back(ranks_.StartSum({begin, end}));
  }
}

std::vector<at::Tensor> GradientBuckets::Finish() {
  const std::lock_guard lock(mutex_);
  TORCH_CHECK(sent_ == first_.size(), "a step ends without all its gradients");
  auto sums = std::exchange(sums_, {});
  for (auto& sum : sums) sum.wait();
  auto gradients = std::exchange(gradients_, std::vector<at::Tensor>(gradients_.size()));
  sent_ = 0;
  for (auto& sum : sums) sum.get();
  return gradients;
}

std::vector<size_t> TreeOrder(size_t count) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  if (!std::has_single_bit(count)) return order;
  for (size_t i = 0; i < count; ++i) {
    size_t reversed = 0;
    for (size_t bit = 1; bit < count; bit *= 2) reversed = reversed * 2 + ((i & bit) != 0);
    order[i] = reversed;
  }
  return order;
}

void TreeSum::Add(std::vector<at::Tensor> terms) {
  parts_.push_back({1, std::move(terms)});
  while (parts_.size() > 1 && parts_[parts_.size() - 2].count == parts_.back().count) {
    const auto last = std::move(parts_.back());
    parts_.pop_back();
    auto& into = parts_.back();
    for (size_t i = 0; i < into.sum.size(); ++i) into.sum[i].add_(last.sum[i]);
    into.count += last.count;
  }
}

at::Tensor TreeSum::With(size_t index, at::Tensor last) {
  // Carries and the last walk alike go from the youngest part to the oldest.
  for (auto part = parts_.rbegin(); part != parts_.rend(); ++part)
    last = part->sum[index].add_(last);
  return last;
}

std::vector<at::Tensor> TreeSum::Take() {
  TORCH_CHECK(!parts_.empty(), "nothing was added");
  auto sum = std::move(parts_.back().sum);
  for (parts_.pop_back(); !parts_.empty(); parts_.pop_back())
    for (size_t i = 0; i < sum.size(); ++i) sum[i].add_(parts_.back().sum[i]);
  return sum;
}

}  // namespace occvla::train
