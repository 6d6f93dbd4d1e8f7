#include <CLI/Option.hpp>
#include <chrono>
#include <memory>
#include <ostream>
#include <thread>

#include "occvla/cli/browser.h"
#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/review_desk.h"
#include "occvla/cli/verbs.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/serve/guard.h"
#include "occvla/serve/review/routes.h"
#include "occvla/serve/viewer/routes.h"
#include "occvla/serve/viewer/source.h"

namespace occvla::cli {
namespace {

constexpr double kGrace_s = 2;

struct Flags {
  DatasetFlags dataset;
  ReviewInputs review;
  std::string tokens;
  int port = 0;
  bool no_open = false;
};

void Run(const Flags& flags, const Context& context) {
  serve::GuardOptions guard;
  if (!flags.tokens.empty()) guard.tokens = serve::ReadTokens(flags.tokens);
  const auto dataset = std::make_shared<const data::nuscenes::Dataset>(
      data::nuscenes::Dataset::Open(OptionsFrom(flags.dataset)));
  const std::filesystem::path root = flags.dataset.dataroot;
  serve::viewer::Source source(dataset, {.name = root.filename().string(), .runs = {}});
  const auto desk = OpenReviewDesk(dataset, flags.review);
  serve::HttpServer server;
  serve::InstallGuard(server, guard, {{"/v1/review/items", "GET"}});
  serve::AddViewerRoutes(server.routes(), source);
  serve::AddReviewRoutes(server.routes(), *desk);
  const int port = server.Bind("127.0.0.1", flags.port);
  server.Start();
  const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/review";
  context.out << url << std::endl;
  if (!flags.no_open && !OpenBrowser(url))
    context.err << "Open it in a browser; Ctrl-C ends the review.\n";
  while (!context.interrupt.stop_requested())
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  server.Stop(kGrace_s);
}

}  // namespace

void AddLabelReviewPage(CLI::App& review, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb =
      *review.add_subcommand("page", "Accept and change proposals in the browser, by keyboard");
  verb.add_option("--store", flags->review.store, "The review store, a SQLite file; made if absent")
      ->required()
      ->type_name("FILE");
  AddDatasetFlags(verb, flags->dataset);
  AddSplitFlag(verb, flags->review.split)->capture_default_str();
  verb.add_option("--labels", flags->review.labels,
                  "The proposals; default: DATAROOT/VERSION/meta_actions.json")
      ->type_name("FILE");
  verb.add_option("--port", flags->port, "Of 127.0.0.1; default: a free one")
      ->check(CLI::Range(0, 65535))
      ->type_name("N");
  verb.add_option("--tokens", flags->tokens,
                  "Ask for one of the bearer tokens of this file, one a line")
      ->type_name("FILE");
  verb.add_flag("--no-open", flags->no_open, "Do not open a browser");
  verb.footer(
      "Example:\n  occvla label review page --store review.sqlite --dataroot data/nuscenes "
      "--version v1.0-mini --split mini_train\n\nServes this machine alone, without a model. A "
      "decision is on the disk before the page is told.");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
