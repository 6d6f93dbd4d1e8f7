#include "occvla/train/losses.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <c10/core/Allocator.h>
#include <c10/core/GradMode.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>

#include "occvla/base/error.h"
#include "occvla/base/rng.h"

namespace occvla::train {
namespace {

at::Tensor Normal(at::IntArrayRef shape, uint64_t stream, at::ScalarType type = at::kDouble) {
  auto tensor = at::zeros(shape, at::kDouble);
  Rng rng(23, "losses_test", 0, stream);
  auto* data = tensor.mutable_data_ptr<double>();
  for (int64_t i = 0; i < tensor.numel(); ++i) data[i] = rng.Normal();
  return tensor.to(type);
}

at::Tensor Labels(at::IntArrayRef shape, uint64_t classes, uint64_t stream) {
  auto tensor = at::zeros(shape, at::kByte);
  Rng rng(23, "losses_test labels", 0, stream);
  auto* data = tensor.mutable_data_ptr<uint8_t>();
  for (int64_t i = 0; i < tensor.numel(); ++i) data[i] = static_cast<uint8_t>(rng.Below(classes));
  return tensor;
}

double LargestDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

// The gradient of `loss` to `x` (float64) against central differences.
void ExpectGradientOfDifferences(const std::function<at::Tensor(const at::Tensor&)>& loss,
                                 const at::Tensor& x, double tolerance = 1e-7) {
  auto leaf = x.detach().clone().requires_grad_();
  loss(leaf).backward();
  const auto gradient = leaf.grad().contiguous();
  constexpr double kStep = 1e-5;
  const c10::NoGradGuard no_gradient;
  auto point = x.detach().clone();
  auto* value = point.mutable_data_ptr<double>();
  for (int64_t i = 0; i < point.numel(); ++i) {
    const double before = value[i];
    value[i] = before + kStep;
    const double above = loss(point).item<double>();
    value[i] = before - kStep;
    const double below = loss(point).item<double>();
    value[i] = before;
    EXPECT_NEAR((above - below) / (2 * kStep), gradient.const_data_ptr<double>()[i], tolerance)
        << "element " << i;
  }
}

class LossesTest : public ::testing::Test {
 protected:
  void SetUp() override { at::set_num_threads(1); }
  void TearDown() override { at::set_num_threads(threads_); }

 private:
  const int threads_ = at::get_num_threads();
};

// ---- Text

// Row by row, as the formula says.
double LiteralTextLoss(const at::Tensor& hidden, const at::Tensor& embedding,
                       const TextTargets& targets, double cap) {
  double sum = 0;
  for (int64_t s = 0; s < hidden.size(0); ++s) {
    std::vector<double> logits;
    for (int64_t v = 0; v < embedding.size(0); ++v) {
      const double x =
          (hidden[s].to(at::kDouble) * embedding[v].to(at::kDouble)).sum().item<double>();
      logits.push_back(cap > 0 ? cap * std::tanh(x / cap) : x);
    }
    double total = 0;
    for (const double x : logits) total += std::exp(x);
    const auto i = static_cast<size_t>(s);
    const double weight =
        targets.weights.empty() ? 1.0 / static_cast<double>(hidden.size(0)) : targets.weights[i];
    sum += weight * (std::log(total) - logits[static_cast<size_t>(targets.ids[i])]);
  }
  return sum;
}

const TextTargets kTargets{.ids = {6, 0, 3, 3, 5}, .weights = {}};

TextLossOptions DoubleOptions(double cap, int64_t max_logits) {
  return {.final_softcap = cap, .compute = at::kDouble, .max_logits = max_logits};
}

TEST_F(LossesTest, TextLossIsTheLiteralFormulaHoweverTheVocabularyIsCut) {
  const auto hidden = Normal({5, 4}, 1), embedding = Normal({7, 4}, 2);
  const TextTargets weighted{.ids = kTargets.ids, .weights = {0.1, 0.2, 0, 0.3, 2}};
  for (const auto& targets : {kTargets, weighted}) {
    for (const double cap : {0.0, 1.5}) {
      const double expected = LiteralTextLoss(hidden, embedding, targets, cap);
      for (const int64_t max_logits : {1, 10, 15, 1000}) {
        const auto result = TextLoss(hidden, embedding, targets, DoubleOptions(cap, max_logits));
        EXPECT_NEAR(result.loss.item<double>(), expected, 1e-12) << cap << " " << max_logits;
      }
      const auto single = TextLoss(hidden.to(at::kFloat), embedding.to(at::kFloat), targets,
                                   {.final_softcap = cap, .compute = at::kFloat, .max_logits = 10});
      EXPECT_EQ(single.loss.scalar_type(), at::kFloat);
      EXPECT_NEAR(single.loss.item<double>(), expected, 1e-5);
    }
  }
}

TEST_F(LossesTest, TextLossCountsRowsWhoseLargestLogitIsTheTarget) {
  const auto hidden = Normal({5, 4}, 1), embedding = Normal({7, 4}, 2);
  auto targets = kTargets;
  const auto best = at::matmul(hidden, embedding.t()).argmax(1);
  for (size_t i = 0; i < 5; ++i) targets.ids[i] = best[static_cast<int64_t>(i)].item<int64_t>();
  targets.ids[1] = (targets.ids[1] + 1) % 7;
  for (const int64_t max_logits : {1, 10, 1000}) {
    const auto result = TextLoss(hidden, embedding, targets, DoubleOptions(0, max_logits));
    EXPECT_EQ(result.correct.item<int64_t>(), 4) << max_logits;
  }
}

TEST_F(LossesTest, TextLossGradientsMatchDifferences) {
  const auto hidden = Normal({5, 4}, 1), embedding = Normal({7, 4}, 2);
  const TextTargets weighted{.ids = kTargets.ids, .weights = {0.1, 0.2, 0, 0.3, 2}};
  for (const double cap : {0.0, 1.5}) {
    const auto options = DoubleOptions(cap, 15);
    ExpectGradientOfDifferences(
        [&](const at::Tensor& x) { return 3 * TextLoss(x, embedding, weighted, options).loss; },
        hidden);
    ExpectGradientOfDifferences(
        [&](const at::Tensor& x) { return TextLoss(hidden, x, kTargets, options).loss; },
        embedding);
  }
}

TEST_F(LossesTest, TextLossOfExamplesTogetherIsTheSumOfTheirMeans) {
  const auto hidden = Normal({5, 4}, 1), embedding = Normal({7, 4}, 2);
  const auto options = DoubleOptions(0, 1000);
  const auto one = TextLoss(hidden.narrow(0, 0, 2), embedding, {{6, 0}, {}}, options).loss;
  const auto other = TextLoss(hidden.narrow(0, 2, 3), embedding, {{3, 3, 5}, {}}, options).loss;
  const TextTargets both{kTargets.ids, {0.5, 0.5, 1 / 3., 1 / 3., 1 / 3.}};
  EXPECT_NEAR(TextLoss(hidden, embedding, both, options).loss.item<double>(),
              (one + other).item<double>(), 1e-12);
}

// What stands in memory at most, beyond what stood there at first.
class PeakMemory : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t size, size_t, size_t, c10::Device) override {
    now_ += size;
    peak_ = std::max(peak_, now_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t peak() const { return peak_; }

 private:
  int64_t now_ = 0, peak_ = 0;
};

TEST_F(LossesTest, TextLossNeverHoldsAllLogits) {
  constexpr int64_t kRows = 256, kTokens = 4096;  // 4 MB of logits.
  const auto embedding = Normal({kTokens, 2}, 2, at::kFloat);
  auto hidden = Normal({kRows, 2}, 1, at::kFloat).requires_grad_();
  const TextTargets targets{std::vector<int64_t>(kRows, 7), {}};
  const auto peak_of = [&](int64_t max_logits) {
    const auto memory = std::make_shared<PeakMemory>();
    const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, memory);
    TextLoss(hidden, embedding, targets, {.max_logits = max_logits}).loss.backward();
    return memory->peak();
  };
  EXPECT_GT(peak_of(kRows * kTokens), kRows * kTokens * 4);
  EXPECT_LT(peak_of(kRows * 64), kRows * kTokens * 4 / 10);
}

TEST_F(LossesTest, TextLossInBfloat16StaysNearTheExactOne) {
  const auto hidden = Normal({64, 32}, 1, at::kFloat), embedding = Normal({50, 32}, 2, at::kFloat);
  TextTargets targets;
  for (int64_t s = 0; s < 64; ++s) targets.ids.push_back(s * 7 % 50);
  auto exact = hidden.clone().requires_grad_(), rounded = hidden.clone().requires_grad_();
  auto weights = embedding.to(at::kBFloat16).requires_grad_();
  const auto expected = TextLoss(exact, embedding, targets, {}).loss;
  const auto result =
      TextLoss(rounded, weights, targets, {.compute = at::kBFloat16, .max_logits = 640}).loss;
  expected.backward();
  result.backward();
  // Logits of size 6 are rounded to 8 bits.
  EXPECT_NEAR(result.item<double>(), expected.item<double>(), 0.02);
  EXPECT_EQ(rounded.grad().scalar_type(), at::kFloat);
  EXPECT_EQ(weights.grad().scalar_type(), at::kBFloat16);
  EXPECT_LT(LargestDifference(rounded.grad(), exact.grad()),
            0.03 * exact.grad().abs().max().item<double>());
}

// ---- Occupancy

// Lovasz-softmax by its definition: the Jaccard loss of the first r wrong voxels, for every r.
double LiteralLovasz(const at::Tensor& p, const std::vector<int64_t>& labels) {
  double sum = 0;
  int64_t present = 0;
  for (int64_t c = 0; c < p.size(1); ++c) {
    std::vector<std::pair<double, bool>> errors;
    double own = 0;
    for (size_t i = 0; i < labels.size(); ++i) {
      const double x = p[static_cast<int64_t>(i)][c].item<double>();
      errors.emplace_back(labels[i] == c ? 1 - x : x, labels[i] == c);
      own += labels[i] == c ? 1 : 0;
    }
    if (own == 0) continue;
    ++present;
    std::stable_sort(errors.begin(), errors.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    double before = 0;
    for (size_t r = 0; r < errors.size(); ++r) {
      double missed = 0, extra = 0;
      for (size_t i = 0; i <= r; ++i) (errors[i].second ? missed : extra) += 1;
      const double jaccard = 1 - (own - missed) / (own + extra);
      sum += errors[r].first * (jaccard - before);
      before = jaccard;
    }
  }
  return sum / static_cast<double>(present);
}

struct Scene {
  at::Tensor logits = Normal({4, 3, 5, 6}, 11) * 2;
  at::Tensor labels = Labels({4, 3, 5}, 5, 12);  // Class 5 is absent.
  at::Tensor mask = Labels({4, 3, 5}, 2, 13).to(at::kBool);
  at::Tensor weights = at::arange(1, 7).to(at::kDouble) * 0.3;
};

TEST_F(LossesTest, OccupancyLossIsTheLiteralFormula) {
  const Scene s;
  for (const bool masked : {false, true}) {
    std::vector<int64_t> labels;
    std::vector<at::Tensor> rows;
    double sum = 0, weight = 0;
    for (int64_t i = 0; i < s.labels.numel(); ++i) {
      if (masked && !s.mask.view({-1})[i].item<bool>()) continue;
      labels.push_back(s.labels.view({-1})[i].item<int64_t>());
      rows.push_back(at::softmax(s.logits.view({-1, 6})[i], 0));
      const double w = s.weights[labels.back()].item<double>();
      sum -= w * std::log(rows.back()[labels.back()].item<double>());
      weight += w;
    }
    const double lovasz = LiteralLovasz(at::stack(rows), labels);
    const OccupancyLossOptions options{.mask = masked ? s.mask : at::Tensor(),
                                       .class_weights = s.weights,
                                       .cross_entropy = 10,
                                       .lovasz = 0.7};
    const auto result = OccupancyLoss(s.logits, s.labels, options);
    EXPECT_NEAR(result.cross_entropy.item<double>(), sum / weight, 1e-12);
    EXPECT_NEAR(result.lovasz.item<double>(), lovasz, 1e-12);
    EXPECT_NEAR(result.loss.item<double>(), 10 * sum / weight + 0.7 * lovasz, 1e-11);
    const auto single = OccupancyLoss(s.logits.to(at::kFloat), s.labels, options);
    EXPECT_NEAR(single.loss.item<double>(), result.loss.item<double>(), 1e-5);
    const auto plain = OccupancyLossByOperations(s.logits, s.labels, options);
    EXPECT_NEAR(plain.loss.item<double>(), result.loss.item<double>(), 1e-11);
    EXPECT_TRUE(plain.confusion.equal(result.confusion));
  }
}

TEST_F(LossesTest, OccupancyLossGradientsMatchDifferences) {
  const Scene s;
  for (const auto& options :
       {OccupancyLossOptions{},
        OccupancyLossOptions{.mask = s.mask, .class_weights = s.weights, .cross_entropy = 10},
        OccupancyLossOptions{.cross_entropy = 0, .lovasz = 1},
        OccupancyLossOptions{
            .mask = s.mask, .class_weights = s.weights, .cross_entropy = 2, .lovasz = 3}}) {
    ExpectGradientOfDifferences(
        [&](const at::Tensor& x) { return 0.5 * OccupancyLoss(x, s.labels, options).loss; },
        s.logits);
  }
}

// Enough voxels for several tiles, threads and digits of the sort, with many equal errors.
TEST_F(LossesTest, OccupancyLossAtSizeIsThatOfPlainOperationsForAnyThreads) {
  auto logits = Normal({5, 40, 20, 18}, 14, at::kFloat) * 3;
  logits = (logits * 4).round() / 4;
  const auto labels = Labels({5, 40, 20}, 17, 15);
  const OccupancyLossOptions options{
      .mask = Labels({5, 40, 20}, 4, 16).ne(0), .cross_entropy = 1, .lovasz = 1};
  auto plain = logits.to(at::kDouble).requires_grad_();
  const auto expected = OccupancyLossByOperations(plain, labels, options);
  expected.loss.backward();
  std::vector<at::Tensor> gradients;
  for (const int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    auto leaf = logits.clone().requires_grad_();
    const auto result = OccupancyLoss(leaf, labels, options);
    result.loss.backward();
    EXPECT_NEAR(result.loss.item<double>(), expected.loss.item<double>(), 1e-5);
    EXPECT_LT(LargestDifference(leaf.grad(), plain.grad()), 1e-7);
    EXPECT_TRUE(result.confusion.equal(expected.confusion));
    gradients.push_back(leaf.grad());
  }
  EXPECT_TRUE(gradients[0].equal(gradients[1]));
  EXPECT_TRUE(gradients[0].equal(gradients[2]));
}

TEST_F(LossesTest, OccupancyLossCountsLabelsAgainstPredictions) {
  const auto logits = at::tensor({5., 0., 0., 0., 5., 0., 0., 5., 0.}).reshape({3, 3});
  const auto labels = at::tensor({0, 1, 2}, at::kByte);
  const auto counts = OccupancyLoss(logits, labels, {}).confusion;
  EXPECT_TRUE(counts.equal(at::tensor({1, 0, 0, 0, 1, 0, 0, 1, 0}, at::kLong).reshape({3, 3})));
}

TEST_F(LossesTest, OccupancyLossOfNoVoxelIsZeroWithZeroGradient) {
  const Scene s;
  auto leaf = s.logits.clone().requires_grad_();
  const auto result = OccupancyLoss(
      leaf, s.labels, {.mask = at::zeros_like(s.mask), .cross_entropy = 1, .lovasz = 1});
  EXPECT_EQ(result.loss.item<double>(), 0);
  result.loss.backward();
  EXPECT_EQ(leaf.grad().abs().max().item<double>(), 0);
  EXPECT_EQ(
      OccupancyLossByOperations(s.logits, s.labels,
                                {.mask = at::zeros_like(s.mask), .cross_entropy = 1, .lovasz = 1})
          .loss.item<double>(),
      0);
}

// A diverged weight must reach the loss.
TEST_F(LossesTest, NanInALogitStaysVisible) {
  Scene s;
  s.logits[1][2][3][4] = std::numeric_limits<double>::quiet_NaN();
  for (const auto type : {at::kDouble, at::kFloat}) {
    const auto loss =
        OccupancyLoss(s.logits.to(type), s.labels, {.cross_entropy = 1, .lovasz = 1}).loss;
    EXPECT_TRUE(std::isnan(loss.item<double>()));
  }
}

TEST_F(LossesTest, OccupancyLossRefusesALabelThatIsNoClass) {
  Scene s;
  s.labels[1][0][2] = 6;
  s.mask[1][0][2] = true;
  for (const auto loss : {&OccupancyLoss, &OccupancyLossByOperations}) {
    try {
      loss(s.logits, s.labels, {.mask = s.mask});
      FAIL() << "class 6 was accepted";
    } catch (const DataError& error) {
      EXPECT_STREQ(error.what(),
                   "occupancy label of voxel 17 is 6, but classes run from 0 to 5. Map other label "
                   "sets to these classes first.");
    }
    const auto without = s.mask.logical_and(s.labels.ne(6));
    EXPECT_NO_THROW((void)loss(s.logits, s.labels, {.mask = without}));
  }
}

// ---- Trajectory and weights

TEST_F(LossesTest, TrajectoryLossIsTheMeanOverValidNumbers) {
  const auto prediction = Normal({6, 2}, 21), target = Normal({6, 2}, 22);
  auto broken = target.clone();
  broken[4] = std::numeric_limits<double>::quiet_NaN();
  const auto valid = at::tensor({1, 1, 0, 1, 0, 1}, at::kByte).to(at::kBool);
  double sum = 0;
  for (const int64_t t : {0, 1, 3, 5})
    for (const int64_t d : {0, 1})
      sum += std::pow((prediction[t][d] - target[t][d]).item<double>(), 2);
  EXPECT_NEAR(TrajectoryLoss(prediction, broken, valid).item<double>(), sum / 8, 1e-12);
  ExpectGradientOfDifferences([&](const at::Tensor& x) { return TrajectoryLoss(x, broken, valid); },
                              prediction);
}

TEST_F(LossesTest, TrajectoryLossWithNoValidStepIsZero) {
  auto prediction = Normal({6, 2}, 21).requires_grad_();
  const auto loss = TrajectoryLoss(prediction, Normal({6, 2}, 22), at::zeros({6}, at::kBool));
  loss.backward();
  EXPECT_EQ(loss.item<double>(), 0);
  EXPECT_EQ(prediction.grad().abs().max().item<double>(), 0);
}

TEST_F(LossesTest, ClassWeightsAreInverseLogarithmsWithFreeSpaceCut) {
  const auto weights = ClassWeights({1000, 0, 1'000'000, 50'000'000});
  EXPECT_EQ(weights.scalar_type(), at::kFloat);
  EXPECT_NEAR(weights[0].item<double>(), 1 / std::log(1000.0), 1e-7);
  EXPECT_NEAR(weights[1].item<double>(), 1 / std::log(3.0), 1e-7);
  EXPECT_NEAR(weights[2].item<double>(), 1 / std::log(1e6), 1e-7);
  EXPECT_EQ(weights[3].item<float>(), weights[2].item<float>());
}

}  // namespace
}  // namespace occvla::train
