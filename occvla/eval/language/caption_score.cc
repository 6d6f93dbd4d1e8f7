#include "occvla/eval/language/caption_score.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <map>
#include <set>
#include <sstream>
#include <unordered_map>

#include "occvla/base/json.h"

namespace occvla::eval {
namespace {

constexpr size_t kOrders = 4;

// Of one text, by order (unigrams first): how often each n-gram occurs. Words are joined by a byte
// that no word holds; the order makes sums the same everywhere.
using Counts = std::array<std::map<std::string, int>, kOrders>;

Counts CountNgrams(const Words& words) {
  Counts counts;
  for (size_t first = 0; first < words.size(); ++first) {
    std::string ngram;
    for (size_t n = 0; n < kOrders && first + n < words.size(); ++n) {
      if (n > 0) ngram += '\n';
      ngram += words[first + n];
      ++counts[n][ngram];
    }
  }
  return counts;
}

size_t LongestCommonSubsequence(const Words& a, const Words& b) {
  std::vector<size_t> above(b.size() + 1), row(b.size() + 1);
  for (const std::string& word : a) {
    for (size_t j = 0; j < b.size(); ++j)
      row[j + 1] = word == b[j] ? above[j] + 1 : std::max(above[j + 1], row[j]);
    std::swap(above, row);
  }
  return above[b.size()];
}

size_t NearestLength(const Caption& caption) {
  const size_t length = caption.candidate.size();
  const auto off = [&](size_t other) { return other > length ? other - length : length - other; };
  size_t best = caption.references.front().size();
  for (const Words& reference : caption.references) {
    const size_t other = reference.size();
    if (off(other) < off(best) || (off(other) == off(best) && other < best)) best = other;
  }
  return best;
}

// A text's n-grams weighed by how often they occur in it and how rare they are in the set.
struct Weighted {
  std::array<std::map<std::string, double>, kOrders> weights;
  std::array<double, kOrders> norm{};
  double bigrams = 0;  // What the penalty takes for the length.
};

class Rarity {
 public:
  explicit Rarity(std::span<const Caption> captions)
      : log_captions_(std::log(static_cast<double>(captions.size()))) {
    for (const Caption& caption : captions) {
      std::set<std::string> seen;
      for (const Words& reference : caption.references) {
        for (const auto& of_order : CountNgrams(reference)) {
          for (const auto& [ngram, count] : of_order) seen.insert(ngram);
        }
      }
      for (const std::string& ngram : seen) ++documents_[ngram];
    }
  }

  Weighted Weigh(const Words& words) const {
    Weighted result;
    const Counts counts = CountNgrams(words);
    for (size_t n = 0; n < kOrders; ++n) {
      for (const auto& [ngram, count] : counts[n]) {
        const auto found = documents_.find(ngram);
        const double documents = found == documents_.end() ? 1 : found->second;
        const double weight = count * (log_captions_ - std::log(documents));
        result.weights[n][ngram] = weight;
        result.norm[n] += weight * weight;
        if (n == 1) result.bigrams += count;
      }
      result.norm[n] = std::sqrt(result.norm[n]);
    }
    return result;
  }

 private:
  double log_captions_;
  std::unordered_map<std::string, int> documents_;  // Looked up, never walked.
};

double Similarity(const Weighted& candidate, const Weighted& reference) {
  constexpr double kSigma = 6;
  const double off = candidate.bigrams - reference.bigrams;
  const double penalty = std::exp(-(off * off) / (2 * kSigma * kSigma));
  double sum = 0;
  for (size_t n = 0; n < kOrders; ++n) {
    double product = 0;
    for (const auto& [ngram, weight] : candidate.weights[n]) {
      const auto found = reference.weights[n].find(ngram);
      if (found != reference.weights[n].end())
        product += std::min(weight, found->second) * found->second;
    }
    if (candidate.norm[n] != 0 && reference.norm[n] != 0)
      product /= candidate.norm[n] * reference.norm[n];
    sum += product * penalty;
  }
  return sum / kOrders;
}

}  // namespace

std::array<double, 4> Bleu(std::span<const Caption> captions) {
  // The two small numbers keep 0/0 out, as in the published code.
  constexpr double kSmall = 1e-9, kTiny = 1e-15;
  std::array<int64_t, kOrders> guesses{}, right{};
  int64_t length = 0, reference_length = 0;
  for (const Caption& caption : captions) {
    Counts most;
    for (const Words& reference : caption.references) {
      const Counts counts = CountNgrams(reference);
      for (size_t n = 0; n < kOrders; ++n) {
        for (const auto& [ngram, count] : counts[n])
          most[n][ngram] = std::max(most[n][ngram], count);
      }
    }
    const Counts counts = CountNgrams(caption.candidate);
    for (size_t n = 0; n < kOrders; ++n) {
      for (const auto& [ngram, count] : counts[n]) {
        guesses[n] += count;
        const auto found = most[n].find(ngram);
        if (found != most[n].end()) right[n] += std::min(count, found->second);
      }
    }
    length += static_cast<int64_t>(caption.candidate.size());
    reference_length += static_cast<int64_t>(NearestLength(caption));
  }
  const double ratio =
      (static_cast<double>(length) + kTiny) / (static_cast<double>(reference_length) + kSmall);
  const double brevity = ratio < 1 ? std::exp(1 - 1 / ratio) : 1;
  std::array<double, 4> bleu{};
  double product = 1;
  for (size_t n = 0; n < kOrders; ++n) {
    product *= (static_cast<double>(right[n]) + kTiny) / (static_cast<double>(guesses[n]) + kSmall);
    bleu[n] = std::pow(product, 1.0 / static_cast<double>(n + 1)) * brevity;
  }
  return bleu;
}

double RougeL(const Caption& caption) {
  constexpr double kBeta2 = 1.2 * 1.2;
  // An empty text counts as one word, which none equals, except that two empty texts are alike.
  const auto share = [](const Words& a, const Words& b, const Words& of) {
    if (a.empty() && b.empty()) return 1.0;
    return static_cast<double>(LongestCommonSubsequence(a, b)) /
           static_cast<double>(std::max<size_t>(1, of.size()));
  };
  double precision = 0, recall = 0;
  for (const Words& reference : caption.references) {
    precision = std::max(precision, share(reference, caption.candidate, caption.candidate));
    recall = std::max(recall, share(reference, caption.candidate, reference));
  }
  if (precision == 0 || recall == 0) return 0;
  return (1 + kBeta2) * precision * recall / (recall + kBeta2 * precision);
}

std::vector<double> Cider(std::span<const Caption> captions) {
  const Rarity rarity(captions);
  std::vector<double> scores;
  for (const Caption& caption : captions) {
    const Weighted candidate = rarity.Weigh(caption.candidate);
    double sum = 0;
    for (const Words& reference : caption.references)
      sum += Similarity(candidate, rarity.Weigh(reference));
    scores.push_back(10 * sum / static_cast<double>(caption.references.size()));
  }
  return scores;
}

CaptionScore ScoreCaptions(std::span<const Caption> captions) {
  CaptionScore score;
  score.captions = captions.size();
  score.bleu = Bleu(captions);
  for (const Caption& caption : captions) {
    score.rouge_l += RougeL(caption);
    score.empty += caption.candidate.empty();
  }
  for (const double cider : Cider(captions)) score.cider += cider;
  score.rouge_l /= static_cast<double>(captions.size());
  score.cider /= static_cast<double>(captions.size());
  return score;
}

std::string CaptionReportJson(const CaptionScore& score) {
  nlohmann::ordered_json json = {{"n", score.captions}, {"without_words", score.empty}};
  for (size_t n = 0; n < kOrders; ++n) json["bleu_" + std::to_string(n + 1)] = score.bleu[n];
  json["rouge_l"] = score.rouge_l;
  json["cider"] = score.cider;
  return json.dump(2) + "\n";
}

std::string CaptionReportText(const CaptionScore& score) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(4) << score.captions << " texts, " << score.empty
       << " of them without a word\n";
  for (size_t n = 0; n < kOrders; ++n) text << "BLEU-" << n + 1 << "   " << score.bleu[n] << "\n";
  text << "ROUGE-L  " << score.rouge_l << "\nCIDEr    " << score.cider << "\n";
  return text.str();
}

}  // namespace occvla::eval
