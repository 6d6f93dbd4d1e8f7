#include <iomanip>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/verbs.h"
#include "occvla/data/nuscenes/check.h"

namespace occvla::cli {
namespace {

using data::nuscenes::CheckPart;
using data::nuscenes::CheckReport;
using data::nuscenes::FileCheck;

struct Flags {
  DatasetFlags dataset;
  std::string files = "header", out;
  bool json = false;
};

void PrintText(const Flags& flags, const CheckReport& report, std::ostream& out) {
  out << flags.dataset.version << " in " << flags.dataset.dataroot << ": " << report.scenes
      << " scenes, " << report.keyframes << " keyframes, " << report.files << " files, "
      << report.boxes << " boxes\n";
  const auto line = [&](const auto& name, const auto& checked, const auto& problems) {
    out << std::left << std::setw(14) << name << std::right << std::setw(10) << checked
        << std::setw(10) << problems << "\n";
  };
  line("", "checked", "problems");
  for (const CheckPart& part : report.parts) line(part.name, part.checked, part.problems);
  if (!report.absent.empty()) out << "not here:\n";
  for (const std::string& text : report.absent) out << "  - " << text << "\n";
  out << (report.Problems() == 0 ? "no problems\n" : "problems:\n");
  for (const CheckPart& part : report.parts) {
    for (const std::string& text : part.texts) out << "  - " << text << "\n";
    if (part.problems > part.texts.size()) {
      out << "  - and " << part.problems - part.texts.size() << " more of " << part.name << "\n";
    }
  }
}

std::string JsonText(const Flags& flags, const CheckReport& report) {
  nlohmann::ordered_json json = {{"dataroot", flags.dataset.dataroot},
                                 {"version", flags.dataset.version},
                                 {"scenes", report.scenes},
                                 {"keyframes", report.keyframes},
                                 {"files", report.files},
                                 {"boxes", report.boxes},
                                 {"problems", report.Problems()}};
  json["parts"] = nlohmann::ordered_json::array();
  for (const CheckPart& part : report.parts) {
    json["parts"].push_back({{"name", part.name},
                             {"checked", part.checked},
                             {"problems", part.problems},
                             {"texts", part.texts}});
  }
  json["absent"] = report.absent;
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

void Run(const Flags& flags, const Context& context) {
  static const std::map<std::string, FileCheck> kLevels = {{"none", FileCheck::kNone},
                                                           {"exist", FileCheck::kExist},
                                                           {"header", FileCheck::kHeader},
                                                           {"read", FileCheck::kRead}};
  data::nuscenes::CheckOptions options{.dataset = OptionsFrom(flags.dataset),
                                       .files = kLevels.at(flags.files)};
  options.progress = [bar = std::make_shared<WorkProgress>(context, "checking", "files")](
                         uint64_t done, uint64_t total) { (*bar)(done, total); };
  const CheckReport report = data::nuscenes::CheckDataset(options);
  if (flags.json) {
    context.out << JsonText(flags, report);
  } else {
    PrintText(flags, report, context.out);
  }
  if (!flags.out.empty()) WriteFileAtomically(flags.out, JsonText(flags, report));
  if (report.Problems() > 0) {
    throw DataError(flags.dataset.version + " in " + flags.dataset.dataroot + ": " +
                    std::to_string(report.Problems()) + " problems.");
  }
}

}  // namespace

void AddDataCheck(CLI::App& data, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *data.add_subcommand(
      "check", "Everything that is missing, damaged or contradictory, in one list");
  AddDatasetFlags(verb, flags->dataset);
  verb.add_option("--files", flags->files,
                  "How closely: none (tables alone), exist, header (starts, ends and sizes), read "
                  "(decodes every file)")
      ->check(CLI::IsMember({"none", "exist", "header", "read"}))
      ->capture_default_str();
  verb.add_flag("--json", flags->json, "The report as JSON instead of text");
  verb.add_option("--out", flags->out, "The report as JSON into a file as well")->type_name("FILE");
  verb.footer(
      "Exit code 0: no problems; 3: problems. A partial download is told apart from lost files.\n"
      "Example:\n  occvla data check --dataroot data/nuscenes --version v1.0-mini");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
