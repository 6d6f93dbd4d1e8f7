#include <CLI/Option.hpp>
#include <memory>
#include <ostream>
#include <set>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/cli/verbs.h"
#include "occvla/eval/report/results.h"

namespace occvla::cli {
namespace {

struct Flags {
  std::vector<std::string> models;
  std::vector<std::filesystem::path> out;
  std::string title = "OccVLA: published and measured";
  bool json = false;
};

/// "name=folder"; a folder alone is named by its last part.
eval::ModelResults ModelFrom(const std::string& text) {
  const auto equals = text.find('=');
  if (equals != std::string::npos) return {text.substr(0, equals), text.substr(equals + 1)};
  auto folder = std::filesystem::path(text).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  return {folder.filename().string(), folder};
}

std::string Rendered(const std::filesystem::path& path, const std::vector<eval::Table>& tables,
                     const std::string& title) {
  const auto form = path.extension();
  if (form == ".html") return eval::ToHtml(tables, title);
  if (form == ".json") return eval::ToJson(tables);
  if (form == ".md") {
    std::string text =
        "# " + title + "\n\nBold rows were measured here; the others are as published.\n";
    for (const auto& table : tables) text += "\n" + eval::ToMarkdown(table);
    return text;
  }
  throw ConfigError("eval report: --out " + path.string() +
                    " must end in .html, .md or .json: the ending chooses the form.");
}

void Run(const Flags& flags, const Context& context) {
  std::vector<eval::ModelResults> models;
  std::set<std::string> names;
  for (const auto& text : flags.models) {
    models.push_back(ModelFrom(text));
    if (!names.insert(models.back().name).second)
      throw ConfigError("eval report: two models are named " + Quoted(models.back().name) +
                        ". Give them names: --model NAME=DIR.");
  }
  const auto tables = eval::MakeTables(models);
  std::vector<std::string> pages;
  for (const auto& path : flags.out) pages.push_back(Rendered(path, tables, flags.title));
  for (size_t i = 0; i < pages.size(); ++i)
    WriteFileAtomically(flags.out[i], std::string_view(pages[i]));
  if (flags.json) {
    context.out << eval::ToJson(tables);
    return;
  }
  for (size_t i = 0; i < tables.size(); ++i)
    context.out << (i ? "\n" : "") << eval::ToText(tables[i]);
}

}  // namespace

void AddEvalReport(CLI::App& eval, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *eval.add_subcommand(
      "report", "The paper's tables, published rows by protocol, measured ones beside them");
  verb.add_option("--model", flags->models,
                  "Folder with planning.json, qa.json, meta_action.json, occupancy.json as the "
                  "eval verbs write them; repeatable")
      ->type_name("[NAME=]DIR");
  verb.add_option("--out", flags->out, "Page to write: .html, .md or .json; repeatable")
      ->type_name("FILE");
  verb.add_option("--title", flags->title, "Heading of the page")->type_name("TEXT");
  verb.add_flag("--json", flags->json, "Print JSON instead of tables");
  verb.footer("Example:\n  occvla eval report --model nano=results/nano --out report.html");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
