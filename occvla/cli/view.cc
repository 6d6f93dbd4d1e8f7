#include <chrono>
#include <memory>
#include <ostream>
#include <thread>

#include "occvla/base/error.h"
#include "occvla/cli/browser.h"
#include "occvla/cli/verbs.h"
#include "occvla/cli/viewer_source.h"
#include "occvla/serve/guard.h"
#include "occvla/serve/http_server.h"
#include "occvla/serve/viewer/routes.h"

namespace occvla::cli {
namespace {

constexpr double kGrace_s = 1;

struct Flags {
  ViewerInputs inputs;
  int port = 0;
  bool no_open = false;
};

void Run(const Flags& flags, const Context& context) {
  if (flags.inputs.what.empty())
    throw ConfigError("view: name a data set's folder, or a run's of `occvla eval run`.");
  const auto source = OpenViewerSource(flags.inputs);
  serve::HttpServer server;
  serve::InstallGuard(server, {}, {});
  serve::AddViewerRoutes(server.routes(), *source);
  const int port = server.Bind("127.0.0.1", flags.port);
  server.Start();
  const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/";
  context.out << url << std::endl;
  if (!flags.no_open && !OpenBrowser(url))
    context.err << "Open it in a browser; Ctrl-C ends the viewer.\n";
  while (!context.interrupt.stop_requested())
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  server.Stop(kGrace_s);
}

}  // namespace

CLI::App& AddView(CLI::App& app, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *app.add_subcommand(
      "view", "A data set or a run in the browser: time line, cameras, occupancy, comparisons");
  verb.add_option("what", flags->inputs.what,
                  "A data set's folder, or the folder that `occvla eval run` wrote")
      ->type_name("RUN|DATASET");
  verb.add_option("--dataroot", flags->inputs.dataroot,
                  "The data set of a run; default: what the run says")
      ->type_name("DIR");
  verb.add_option("--version", flags->inputs.version,
                  "The tables' folder; default: the only one there")
      ->type_name("V");
  verb.add_option("--run", flags->inputs.runs, "A further run over the same data set; repeatable")
      ->allow_extra_args(false)
      ->type_name("DIR");
  verb.add_option("--questions", flags->inputs.questions,
                  "File or folder of questions; repeatable; default: questions/ beside the tables")
      ->allow_extra_args(false)
      ->type_name("PATH");
  verb.add_option("--port", flags->port, "Of 127.0.0.1; default: a free one")
      ->check(CLI::Range(0, 65535))
      ->type_name("N");
  verb.add_flag("--no-open", flags->no_open, "Do not open a browser");
  verb.footer(
      "Example:\n  occvla view models/nano/world\n  occvla view results/nano --run "
      "results/other\n\nServes this machine alone, without a model; `occvla serve` adds one to "
      "ask.");
  verb.callback([flags, &verb, &context] {
    if (verb.get_subcommands().empty()) Run(*flags, context);
  });
  return verb;
}

}  // namespace occvla::cli
