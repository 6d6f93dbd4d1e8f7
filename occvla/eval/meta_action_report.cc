#include <iomanip>
#include <sstream>

#include "occvla/base/json.h"
#include "occvla/eval/meta_action.h"

namespace occvla::eval {
namespace {

using Json = nlohmann::ordered_json;

Json OrNull(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

std::string Percent(const std::optional<double>& value) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << std::setw(9);
  if (value) {
    text << 100 * *value;
  } else {
    text << "-";
  }
  return text.str();
}

template <size_t N>
std::optional<double> MacroF1(const std::array<ClassScore, N>& classes) {
  double sum = 0;
  size_t count = 0;
  for (const ClassScore& one : classes) {
    if (const auto f1 = one.F1()) sum += *f1, ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

template <size_t N>
Json AxisJson(const std::array<std::array<int64_t, N>, N>& confusion,
              const std::array<ClassScore, N>& classes,
              const std::array<std::string_view, N>& names) {
  Json json = {{"classes", Json::object()},
               {"macro_f1", OrNull(MacroF1(classes))},
               {"confusion", confusion}};
  for (size_t i = 0; i < N; ++i) {
    json["classes"][std::string(names[i])] = {{"truth", classes[i].truth},
                                              {"predicted", classes[i].predicted},
                                              {"precision", OrNull(classes[i].Precision())},
                                              {"recall", OrNull(classes[i].Recall())},
                                              {"f1", OrNull(classes[i].F1())}};
  }
  return json;
}

template <size_t N>
void AxisText(std::string_view title, const std::array<std::array<int64_t, N>, N>& confusion,
              const std::array<ClassScore, N>& classes,
              const std::array<std::string_view, N>& names, std::ostream& out) {
  out << "\n"
      << std::left << std::setw(19) << title << std::right << std::setw(9) << "precision"
      << std::setw(9) << "recall" << std::setw(9) << "F1"
      << "   predicted as, by the classes' order\n";
  for (size_t i = 0; i < N; ++i) {
    out << std::left << std::setw(19) << names[i] << std::right << Percent(classes[i].Precision())
        << Percent(classes[i].Recall()) << Percent(classes[i].F1()) << "  ";
    for (const int64_t count : confusion[i]) out << std::setw(7) << count;
    out << "\n";
  }
  out << std::left << std::setw(37) << "mean F1" << std::right << Percent(MacroF1(classes)) << "\n";
}

}  // namespace

std::string MetaActionReportJson(const MetaActionScore& score) {
  const Json json = {
      {"n", score.frames},
      {"speed", OrNull(score.SpeedAccuracy())},
      {"direction", OrNull(score.DirectionAccuracy())},
      {"mean", OrNull(score.MeanAccuracy())},
      {"both", OrNull(score.BothAccuracy())},
      {"unparsable",
       {{"count", score.unparsable.size()},
        {"took_past", score.fallback.most_recent_past},
        {"took_default", score.fallback.defaults},
        {"tokens", score.unparsable}}},
      {"velocity_classes", AxisJson(score.velocity, score.VelocityClasses(), data::kVelocityNames)},
      {"direction_classes",
       AxisJson(score.direction, score.DirectionClasses(), data::kDirectionNames)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string MetaActionReportText(const MetaActionScore& score) {
  std::ostringstream text;
  text << score.frames << " frames, per cent\n"
       << "speed     " << Percent(score.SpeedAccuracy()) << "\ndirection "
       << Percent(score.DirectionAccuracy()) << "\nmean      " << Percent(score.MeanAccuracy())
       << "\nboth      " << Percent(score.BothAccuracy()) << "\n"
       << score.fallback.ToString() << "\n";
  AxisText("velocity", score.velocity, score.VelocityClasses(), data::kVelocityNames, text);
  AxisText("direction", score.direction, score.DirectionClasses(), data::kDirectionNames, text);
  return text.str();
}

}  // namespace occvla::eval
