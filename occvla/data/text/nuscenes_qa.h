#pragma once
#include <array>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "occvla/data/complaints.h"

namespace occvla::data {

/// The thirty answers of NuScenes-QA in the order of its answer_dict.json.
inline constexpr std::array<std::string_view, 30> kNuscenesQaAnswers = {"0",
                                                                        "1",
                                                                        "2",
                                                                        "3",
                                                                        "4",
                                                                        "5",
                                                                        "6",
                                                                        "7",
                                                                        "8",
                                                                        "9",
                                                                        "10",
                                                                        "no",
                                                                        "yes",
                                                                        "barrier",
                                                                        "bicycle",
                                                                        "bus",
                                                                        "car",
                                                                        "construction vehicle",
                                                                        "motorcycle",
                                                                        "moving",
                                                                        "not standing",
                                                                        "parked",
                                                                        "pedestrian",
                                                                        "standing",
                                                                        "stopped",
                                                                        "traffic cone",
                                                                        "trailer",
                                                                        "truck",
                                                                        "with rider",
                                                                        "without rider"};

enum class NuscenesQaType { kExist, kCount, kObject, kStatus, kComparison };
/// As `template_type` names it: "exist".
std::string_view Name(NuscenesQaType type);

/// One record of `questions` (facts/data-and-metrics.md C.1).
struct NuscenesQaQuestion {
  std::string split, sample_token, question;
  std::string answer;  ///< One of kNuscenesQaAnswers.
  int num_hop = 0;     ///< 0 or 1.
  NuscenesQaType type = NuscenesQaType::kExist;
};

/// Hands out the questions of `{"questions": [...]}` in their order. Records with a complaint are
/// left out; a syntax error ends the reading with its complaint. `where` names the file.
void ReadNuscenesQa(std::string_view text, const std::string& where,
                    const std::function<void(const NuscenesQaQuestion&)>& take,
                    Complaints& complaints);
/// The same from a file; throws one DataError with every complaint, at the end.
void ReadNuscenesQa(const std::filesystem::path& path,
                    const std::function<void(const NuscenesQaQuestion&)>& take);

}  // namespace occvla::data
