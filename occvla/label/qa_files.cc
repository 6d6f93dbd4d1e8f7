#include "occvla/label/qa_files.h"

#include <nlohmann/json.hpp>

#include "occvla/base/files.h"

namespace occvla::label {
namespace {

namespace fs = std::filesystem;

std::string Record(const data::NuscenesQaQuestion& question) {
  return nlohmann::ordered_json{
      {"split", question.split},       {"sample_token", question.sample_token},
      {"question", question.question}, {"answer", question.answer},
      {"num_hop", question.num_hop},   {"template_type", std::string(Name(question.type))}}
      .dump();
}

void Count(const data::NuscenesQaQuestion& question, QaReport& report) {
  const std::string type(Name(question.type));
  ++report.questions;
  ++report.kinds[type + (question.num_hop == 0 ? ", zero-hop" : ", one-hop")];
  ++report.answers[question.answer];
  if (question.answer == "yes") ++report.yes[type];
  if (question.answer == "no") ++report.no[type];
}

}  // namespace

QaReport WriteQuestions(const data::nuscenes::Dataset& dataset, const MakeOptions& options,
                        size_t most) {
  const fs::path folder = options.out.empty()
                              ? dataset.options().dataroot / dataset.options().version / "questions"
                              : options.out;
  const auto parts = PartsOf(dataset, options.split);
  QaReport report;
  uint64_t total = 0;
  for (const SplitPart& part : parts) {
    report.files.push_back(folder / ("NuScenes_" + part.name + "_questions.json"));
    total += part.keyframes.size();
  }
  RefuseToOverwrite(report.files, options);
  fs::create_directories(folder);
  for (size_t at = 0; at < parts.size(); ++at) {
    AtomicFile file(report.files[at]);
    file.Write("{\"questions\": [");
    bool first = true;
    ForKeyFrames(
        parts[at].keyframes, options,
        [&](data::nuscenes::Row sample) {
          return QuestionsAbout(GraphOf(dataset.FrameOf(sample), NotesOf(dataset, sample)),
                                parts[at].name, {.seed = options.seed, .most = most});
        },
        [&](std::vector<data::NuscenesQaQuestion>&& questions) {
          for (const auto& question : questions) {
            file.Write((first ? "\n" : ",\n") + Record(question));
            first = false;
            Count(question, report);
          }
          if (questions.empty()) ++report.without;
          ++report.keyframes;
          if (options.progress) options.progress(report.keyframes, total);
        });
    file.Write("\n]}\n");
    file.Commit();
  }
  return report;
}

}  // namespace occvla::label
