#pragma once
#include <array>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "occvla/data/complaints.h"

namespace occvla::data {

/// The kinds of text that OmniDrive-nuScenes gives of a keyframe (facts/data-and-metrics.md D.1).
enum class OmnidriveKind {
  kConversation,  ///< conv: pairs of a conversation.
  kVqa,           ///< vqa: attention, action and counterfactual pairs.
  kDescription,   ///< desc, "description".
  kAction,        ///< desc, "action".
  kKeywords,      ///< keywords: the short driving action.
};
/// "conversation", "vqa", "description", "action", "keywords".
std::string_view Name(OmnidriveKind kind);

struct OmnidriveText {
  std::string sample_token;
  std::string split;  ///< "train", "val" or (ours) "test": its folder.
  OmnidriveKind kind = OmnidriveKind::kConversation;
  /// Descriptions, actions and keywords come without a question: it is one of ours,
  /// OmnidriveQuestion.
  std::string question, answer;
};
/// What is asked for texts that come without a question; empty for the two kinds that have one.
std::string_view OmnidriveQuestion(OmnidriveKind kind);

/// True when the folder has one of conv, vqa, desc, keywords.
bool IsOmnidriveFolder(const std::filesystem::path& folder);

/// Hands out every text below `folder` ({conv,vqa,desc,keywords}/{train,val,test}/<token>.json;
/// parts may be absent), folder by folder, by token. Files with a complaint are left out.
void ReadOmnidrive(const std::filesystem::path& folder,
                   const std::function<void(const OmnidriveText&)>& take, Complaints& complaints);
/// The same; throws one DataError with every complaint, at the end.
void ReadOmnidrive(const std::filesystem::path& folder,
                   const std::function<void(const OmnidriveText&)>& take);

/// The texts of one file of a kind's folder: `folder_name` is "conv", "vqa", "desc" or "keywords",
/// `base` carries token and split.
void ReadOmnidriveFile(std::string_view json, std::string_view folder_name, OmnidriveText base,
                       const std::string& where,
                       const std::function<void(const OmnidriveText&)>& take,
                       Complaints& complaints);

/// Six waypoints, 0.5 s apart, metres in E: x forward, y left.
using PlannedPath = std::array<std::array<double, 2>, 6>;
/// As OmniDrive writes a plan: "[PT, (+4.16, -0.03), ...]". Two decimals with their sign; what
/// rounds to at most a centimetre is 0.0.
std::string FormatPlan(const PlannedPath& plan_E);
/// The first such list in a text; nothing where there is none of exactly six points. Signs and
/// blanks may be left out; a number must have a decimal point.
std::optional<PlannedPath> ParsePlan(std::string_view text);

}  // namespace occvla::data
