#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/complaints.h"

namespace occvla::data {

/// One record of df_{train,val}_mqa.csv (facts/data-and-metrics.md E.1), its markup kept.
struct NuscenesMqaQuestion {
  std::string sample_token;
  std::string question, answer;  ///< With tags; StripMqaTags removes them.
  std::string question_type;
};

/// A marked piece of a text: `<cam>front left</cam>` is {"cam", "front left"}.
struct MqaSpan {
  std::string tag, text;
  bool operator==(const MqaSpan&) const = default;
};

/// The text without the tags target, obj, cnt, ans, cam, dst, loc; other angle brackets stay.
std::string StripMqaTags(std::string_view text);
/// Its marked pieces in the order in which they open, tags inside them removed. Nothing when a tag
/// closes that is not the last opened, or stays open.
std::optional<std::vector<MqaSpan>> MqaSpans(std::string_view text);

/// True when the text opens with a CSV header that has NuScenes-MQA's columns.
bool IsNuscenesMqa(std::string_view text);

/// Hands out the records in their order. Those with a complaint are left out. `where` names the
/// file.
void ReadNuscenesMqa(std::string_view text, const std::string& where,
                     const std::function<void(const NuscenesMqaQuestion&)>& take,
                     Complaints& complaints);
/// The same from a file; throws one DataError with every complaint, at the end.
void ReadNuscenesMqa(const std::filesystem::path& path,
                     const std::function<void(const NuscenesMqaQuestion&)>& take);

}  // namespace occvla::data
