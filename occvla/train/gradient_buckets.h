#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <future>
#include <mutex>
#include <vector>

namespace occvla::train {

class Ranks;

/// The sums of a step's gradients over ranks, made while the backward pass still runs.
///
/// Neighbours by parameter index share a bucket; a backward pass makes gradients from the last
/// parameter to the first, so buckets are cut and sent from the last index on. A bucket is sent
/// when all its gradients are there *and* every bucket of higher indices has been sent: the order
/// on the wire is the same on every rank whatever the order of Add.
class GradientBuckets {
 public:
  /// `elements` of each parameter; a bucket closes at `bucket_elements`. `ranks` outlives this.
  GradientBuckets(Ranks& ranks, const std::vector<int64_t>& elements,
                  int64_t bucket_elements = 2 << 20);
  /// Waits for what was sent; its errors are lost here.
  ~GradientBuckets();
  GradientBuckets(const GradientBuckets&) = delete;
  GradientBuckets& operator=(const GradientBuckets&) = delete;

  /// The gradient of parameter `index`, final on this rank; from any thread. Once a step for each.
  /// It is summed in place and belongs to the group until Finish.
  void Add(size_t index, at::Tensor gradient);
  /// Adds the rest as an Add each would.
  void AddAll(const std::vector<at::Tensor>& gradients);
  /// The sums over all ranks, by parameter, when all have come; ready for the next step then.
  /// Throws DeviceError as Ranks does.
  std::vector<at::Tensor> Finish();

 private:
  void SendReady();

  Ranks& ranks_;
  std::vector<size_t> first_;  // Of each bucket, in the order of sending.
  std::vector<size_t> end_;
  std::mutex mutex_;
  std::vector<at::Tensor> gradients_;
  size_t sent_ = 0;
  std::vector<std::future<void>> sums_;
};

/// In which order a rank adds the gradients of its `count` samples to a TreeSum, where several
/// numbers of ranks shall give the same bits: bits of the index reversed for a power of two, else
/// as they are. Sample j of rank r is then sample j * ranks + r of the step.
std::vector<size_t> TreeOrder(size_t count);

/// A sum whose brackets do not depend on how many ranks share it: pairs, pairs of pairs, ... as a
/// binary counter carries. Keeps log2(count) + 1 sums.
class TreeSum {
 public:
  void Add(std::vector<at::Tensor> terms);
  /// Term `index` of what Take would give after one more Add of which only this term is known. The
  /// sum is made in place: after the first call nothing but this may be asked.
  at::Tensor With(size_t index, at::Tensor last);
  /// Of all that were added (at least one); empties this.
  std::vector<at::Tensor> Take();

 private:
  struct Part {
    uint64_t count;
    std::vector<at::Tensor> sum;
  };
  std::vector<Part> parts_;
};

}  // namespace occvla::train
