#include "occvla/train/step_log.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <cstdlib>
#include <sstream>
#include <vector>

#include "occvla/train/vqvae_loss.h"

namespace occvla::train {
namespace {

using Noted = std::map<std::string, std::pair<double, int64_t>>;

std::string NotedText(const Noted& noted) {
  std::ostringstream text;
  text << std::hexfloat;
  for (const auto& [name, value] : noted)
    text << name << ' ' << value.first << ' ' << value.second << '\n';
  return text.str();
}

Noted MergeNoted(const std::vector<std::string>& texts) {
  Noted merged;
  for (const auto& text : texts) {
    std::istringstream lines(text);
    std::string name, sum;
    for (int64_t count = 0; lines >> name >> sum >> count;) {
      merged[name].first += std::strtod(sum.c_str(), nullptr);
      merged[name].second += count;
    }
  }
  return merged;
}

}  // namespace

void StepLog::Add(const StepSums& sums, double gradient_norm) {
  for (const auto& [name, value] : sums.values) {
    noted_[name].first += value.first;
    noted_[name].second += value.second;
  }
  noted_["gradient_norm"].first += gradient_norm;
  ++noted_["gradient_norm"].second;
  const auto add = [](at::Tensor& sum, const at::Tensor& more) {
    if (more.defined()) sum = sum.defined() ? sum + more : more;
  };
  add(confusion_, sums.confusion);
  add(used_codes_, sums.used_codes);
  const auto loss = sums.values.find("loss");
  if (loss != sums.values.end() && loss->second.second > 0)
    loss_ = loss->second.first / static_cast<double>(loss->second.second);
}

std::map<std::string, double> StepLog::Record(Ranks& ranks, const StepMeter& meter,
                                              double learning_rate) {
  const auto merged = MergeNoted(ranks.Gather(NotedText(noted_)));
  for (auto* tensor : {&confusion_, &used_codes_})
    if (tensor->defined()) ranks.Sum({*tensor});
  std::map<std::string, double> values;
  for (const auto& [name, sum] : merged) values[name] = sum.first / static_cast<double>(sum.second);
  values["learning_rate"] = learning_rate;
  if (confusion_.defined()) {
    const auto [miou, iou] = ReconstructionOf(confusion_);
    values["miou"] = miou;
    values["iou"] = iou;
  }
  if (used_codes_.defined()) {
    values["codes_used"] = used_codes_.gt(0).sum().item<double>();
    values["codes_perplexity"] = CodebookPerplexity(used_codes_);
  }
  for (const auto& [name, value] : meter.Values()) values[name] = value;
  noted_.clear();
  confusion_ = used_codes_ = at::Tensor();
  return values;
}

}  // namespace occvla::train
