#pragma once
#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace occvla::eval {

using Words = std::vector<std::string>;

/// A model's text beside the texts that people wrote.
struct Caption {
  std::string id;
  Words candidate;
  std::vector<Words> references;  ///< At least one.
};

/// BLEU-1 to BLEU-4 over the whole set: clipped n-gram precisions, geometric mean, brevity penalty
/// against the reference of nearest length (of two, the shorter).
std::array<double, 4> Bleu(std::span<const Caption> captions);

/// ROUGE-L of one caption: F of the longest common subsequence with beta 1.2, precision and recall
/// each the best over the references.
double RougeL(const Caption& caption);

/// CIDEr-D of every caption, about 0 to 10: tf-idf weighted 1- to 4-grams, clipped, with a Gaussian
/// penalty (sigma 6) on the difference of length; documents are the captions of this set.
std::vector<double> Cider(std::span<const Caption> captions);

struct CaptionScore {
  size_t captions = 0;
  size_t empty = 0;  ///< Candidates without a word.
  std::array<double, 4> bleu{};
  double rouge_l = 0;  ///< Means over the captions.
  double cider = 0;
};
/// All of them, as pycocoevalcap makes them. At least one caption.
CaptionScore ScoreCaptions(std::span<const Caption> captions);

/// {"<id>": text} against {"<id>": [texts]} (or one text). With `tokenised` words are cut at blanks
/// only. Throws one DataError that lists every id without a text, every unknown one and every
/// damaged record.
std::vector<Caption> ReadCaptions(const std::filesystem::path& predictions,
                                  const std::filesystem::path& references, bool tokenised);

std::string CaptionReportJson(const CaptionScore& score);
std::string CaptionReportText(const CaptionScore& score);

}  // namespace occvla::eval
