#include <CLI/Option.hpp>
#include <cmath>
#include <condition_variable>
#include <iomanip>
#include <memory>
#include <mutex>
#include <ostream>
#include <sstream>
#include <unordered_map>

#include "occvla/base/error.h"
#include "occvla/base/log.h"
#include "occvla/base/text.h"
#include "occvla/cli/browser.h"
#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/predict_config.h"
#include "occvla/cli/review_desk.h"
#include "occvla/cli/verbs.h"
#include "occvla/infer/engine.h"
#include "occvla/serve/review/routes.h"
#include "occvla/serve/service.h"
#include "occvla/serve/viewer/routes.h"
#include "occvla/serve/viewer/source.h"

namespace occvla::cli {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

struct Flags {
  PredictConfig model;
  DatasetFlags dataset;
  std::string split = "all";
  std::string host = "127.0.0.1", tokens, model_name;
  std::vector<std::string> hosts, origins;
  std::vector<std::filesystem::path> runs;
  int port = 8080;
  double grace_s = 10;
  size_t body_mib = 32;
  bool log_requests = false, open = false;
  ReviewInputs review;
  serve::ServiceOptions service;
};

/// A split's key frames by token.
class ServedFrames {
 public:
  ServedFrames(const data::nuscenes::Dataset& dataset, const std::string& split)
      : dataset_(dataset) {
    const auto& samples = dataset.tables().rows().sample;
    for (const auto row : dataset.KeyFrames(split)) {
      const auto token = samples[row].token.ToString();
      if (rows_.empty()) first_ = token;
      rows_.emplace(token, row);
    }
  }

  std::optional<data::Frame> Find(const std::string& token) const {
    const auto found = rows_.find(token);
    if (found == rows_.end()) return std::nullopt;
    return dataset_.FrameOf(found->second);
  }
  size_t size() const { return rows_.size(); }
  const std::string& first() const { return first_; }

 private:
  const data::nuscenes::Dataset& dataset_;  // The verb's.
  std::unordered_map<std::string, data::nuscenes::Row> rows_;
  std::string first_;  // Of the first scene, by time.
};

/// Blocks until SIGINT or SIGTERM.
void AwaitInterrupt(const std::stop_token& interrupt) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, interrupt, [] { return false; });
}

serve::ServiceOptions OptionsOf(const Flags& flags) {
  auto options = flags.service;
  options.http.body_bytes = flags.body_mib * kMiB;
  options.http.all_body_bytes = std::max(options.http.all_body_bytes, options.http.body_bytes);
  options.guard.hosts.insert(flags.hosts.begin(), flags.hosts.end());
  options.guard.origins.insert(flags.origins.begin(), flags.origins.end());
  if (!flags.tokens.empty()) options.guard.tokens = serve::ReadTokens(flags.tokens);
  const auto& folder = flags.model.model.checkpoint;
  // "dir/" has no last name of its own.
  options.model_name = !flags.model_name.empty() ? flags.model_name
                       : folder.has_filename()   ? folder.filename().string()
                                                 : folder.parent_path().filename().string();
  options.log = [](const std::string& text) { log::Warn("serve", Printable(text)); };
  if (flags.log_requests) {
    options.on_answered = [](const serve::Exchange& exchange) {
      std::ostringstream line;
      line << Printable(exchange.method, 20) << " " << Printable(exchange.path, 120) << " "
           << exchange.status << " " << std::fixed << std::setprecision(1)
           << exchange.seconds * 1000 << " ms";
      log::Info("serve", line.str());
    };
  }
  return options;
}

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

void Run(const Flags& flags, const Context& context) {
  flags.model.Validate();
  auto options = OptionsOf(flags);
  std::shared_ptr<const data::nuscenes::Dataset> dataset;
  std::optional<ServedFrames> frames;
  if (!flags.dataset.dataroot.empty()) {
    dataset = std::make_shared<const data::nuscenes::Dataset>(
        data::nuscenes::Dataset::Open(OptionsFrom(flags.dataset)));
    frames.emplace(*dataset, flags.split);
    options.example_frame = frames->first();
    log::Info("serve", std::to_string(frames->size()) + " key frames by token");
  }
  const auto root = std::filesystem::weakly_canonical(flags.dataset.dataroot);
  serve::viewer::Source source(dataset, {.name = root.filename().string(), .runs = flags.runs});
  std::unique_ptr<serve::review::Desk> desk;
  if (!flags.review.store.empty()) desk = OpenReviewDesk(dataset, flags.review);
  serve::FrameLookup lookup;
  if (frames) lookup = [&](const std::string& token) { return frames->Find(token); };

  infer::Engine engine(flags.model.model.checkpoint, flags.model.EngineOptions());
  serve::Service service(
      engine.config(), [&](infer::Request request) { return engine.Submit(std::move(request)); },
      lookup, options);
  serve::AddViewerRoutes(service.routes(), source);
  if (desk) serve::AddReviewRoutes(service.routes(), *desk);
  const int port = service.Listen(flags.host, flags.port);
  if (!IsLoopback(flags.host) && options.guard.tokens.empty()) {
    log::Warn("serve", "others can reach this address, and no token is asked for; see --tokens");
  }
  const bool six = flags.host.find(':') != std::string::npos;
  const auto url =
      "http://" + (six ? "[" + flags.host + "]" : flags.host) + ":" + std::to_string(port);
  context.out << url << std::endl;
  if (flags.open && !OpenBrowser(url + "/")) context.err << "Open the address in a browser.\n";
  AwaitInterrupt(context.interrupt);
  log::Info("serve", "stopping: what waits or runs has " +
                         std::to_string(std::lround(flags.grace_s)) + " s");
  const size_t failed = service.Stop(flags.grace_s);
  log::Info("serve", "stopped; " + std::to_string(failed) + " requests were not finished");
}

void AddModelFlags(CLI::App& verb, Flags& flags) {
  auto& model = flags.model.model;
  verb.add_option("--checkpoint", model.checkpoint, "Checkpoint folder, ours or Hugging Face's")
      ->required()
      ->type_name("DIR");
  verb.add_option("--model-name", flags.model_name, "What requests call it [the folder's name]")
      ->type_name("NAME");
  verb.add_option_function<std::string>(
          "--dtype",
          [&flags](const std::string& name) { ApplySet(flags.model, "model.dtype=" + name); },
          "auto, f32 or bf16 [auto]")
      ->type_name("TYPE");
  verb.add_option("--device", model.device, "cpu, cuda or cuda:N [cpu]")->type_name("NAME");
  verb.add_option("--threads", model.threads, "0 = all cores [0]")->type_name("N");
  verb.add_option("--max-text-tokens", model.max_text_tokens,
                  "Room for a question and its answer [1024]")
      ->type_name("N");
}

void AddServerFlags(CLI::App& verb, Flags& flags) {
  auto& service = flags.service;
  verb.add_option("--port", flags.port, "0 takes a free one [8080]")
      ->check(CLI::Range(0, 65535))
      ->type_name("N");
  verb.add_option("--host", flags.host, "Address to listen at [127.0.0.1]")->type_name("ADDRESS");
  verb.add_option("--tokens", flags.tokens,
                  "Ask for one of the bearer tokens of this file, one a line")
      ->type_name("FILE");
  verb.add_option("--allow-host", flags.hosts,
                  "A name of this machine that clients may use, beside localhost; repeatable")
      ->type_name("NAME");
  verb.add_option("--allow-origin", flags.origins,
                  "Let pages of this origin ask (CORS); repeatable; * = all")
      ->type_name("URL");
  verb.add_option("--queue", service.dispatch.waiting, "Requests that may wait for the model [64]")
      ->check(CLI::Range(1, 100000))
      ->type_name("N");
  verb.add_option("--connections", service.http.connections, "Clients served at a time [256]")
      ->check(CLI::Range(1, 480))
      ->type_name("N");
  verb.add_option("--max-body", flags.body_mib, "Longest body, MiB [32]")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  verb.add_option("--max-new-tokens", service.ask.max_new_tokens, "Longest answer, tokens [512]")
      ->check(CLI::Range(1, 100000))
      ->type_name("N");
  verb.add_option("--deadline", service.ask.deadline_s,
                  "Seconds that a request may take where it names no deadline [120]")
      ->check(CLI::Range(1, 300))
      ->type_name("S");
  verb.add_option("--grace", flags.grace_s,
                  "Seconds that what waits or runs has once the server is told to stop [10]")
      ->check(CLI::Range(0, 600))
      ->type_name("S");
  verb.add_option("--run", flags.runs,
                  "Folder of `occvla eval run` over the data set, for the viewer; repeatable")
      ->type_name("DIR");
  verb.add_option("--review", flags.review.store,
                  "The page /review keeps what people decide about labels in this SQLite file")
      ->type_name("FILE");
  verb.add_option("--labels", flags.review.labels,
                  "What is reviewed; default: DATAROOT/VERSION/meta_actions.json")
      ->type_name("FILE");
  verb.add_flag("--open", flags.open, "Open the viewer in a browser");
  verb.add_flag("--log-requests", flags.log_requests, "One line on stderr for every request");
}

}  // namespace

void AddServe(CLI::App& app, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *app.add_subcommand(
      "serve", "The model over HTTP: OpenAI's chat completions, predictions, health, metrics");
  AddModelFlags(verb, *flags);
  AddDatasetFlags(verb, flags->dataset);
  verb.get_option("--dataroot")->required(false)->needs(verb.get_option("--version"));
  verb.get_option("--version")->required(false)->needs(verb.get_option("--dataroot"));
  AddSplitFlag(verb, flags->split);
  AddServerFlags(verb, *flags);
  verb.get_option("--review")->needs(verb.get_option("--dataroot"));
  verb.get_option("--labels")->needs(verb.get_option("--review"));
  verb.footer(
      "Example:\n  occvla serve --checkpoint models/nano --dataroot models/nano/world "
      "--version v1.0-synth\n\n"
      "Prints its address as one line on stdout. SIGTERM or SIGINT ends it: new requests are\n"
      "refused, those that wait or run have --grace seconds, and 2 s later every connection is\n"
      "closed. Frames of the data set can be asked about by their token. docs/API.md says more.");
  verb.callback([flags, &context] {
    flags->review.split = flags->split;
    Run(*flags, context);
  });
}

}  // namespace occvla::cli
