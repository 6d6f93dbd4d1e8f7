#include "occvla/train/runs/run_folder.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <exception>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/log.h"
#include "occvla/base/text.h"
#include "occvla/train/runs/append_file.h"
#include "occvla/train/runs/config_difference.h"
#include "occvla/train/runs/curves.h"
#include "occvla/train/runs/events.h"
#include "occvla/train/runs/folder_lock.h"
#include "occvla/train/runs/metrics.h"
#include "occvla/train/runs/run_page.h"
#include "occvla/train/runs/samples.h"

namespace occvla::train {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto kFlushEvery = std::chrono::seconds(3), kRegisterEvery = std::chrono::seconds(5),
               kPageEvery = std::chrono::seconds(10);

/// What an AtomicFile leaves behind when its process is killed: ".NAME.PID.ATTEMPT".
bool IsLeftover(const std::string& name) {
  for (const char* whole :
       {"origin.json", "status.json", "config.toml", "metrics.jsonl", "report.html"})
    if (name.starts_with(std::string(".") + whole + ".")) return true;
  return false;
}

void RemoveLeftovers(const fs::path& folder) {
  std::vector<fs::path> leftovers;
  for (const auto& entry : fs::directory_iterator(folder))
    if (IsLeftover(entry.path().filename().string())) leftovers.push_back(entry.path());
  std::error_code ignored;
  for (const auto& path : leftovers) fs::remove(path, ignored);
}

/// The name of something in the folder; nothing when it is empty.
std::optional<std::string> FirstIn(const fs::path& folder) {
  std::optional<std::string> first;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    // A new model's first weights may stand there before the run does.
    if (name != "start" && !IsLeftover(name) && (!first || name < *first)) first = name;
  }
  return first;
}

void MakeFolder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error || !fs::is_directory(folder)) {
    throw ConfigError(folder.string() + ": the run's folder cannot be made: " +
                      (error ? error.message() : "something else has this name") +
                      ". Choose another run.out.");
  }
}

std::string NewId(const fs::path& folder) {
  const ProcessMark mark = ProcessMark::OfThis();
  const std::string text = folder.string() + "\n" + mark.host + "\n" + std::to_string(mark.pid) +
                           "\n" + mark.start + "\n" +
                           std::to_string(Clock::now().time_since_epoch().count()) + "\n" +
                           std::to_string(Now_ms());
  return Sha256(std::as_bytes(std::span(text))).substr(0, 16);
}

RunOrigin OriginOf(const fs::path& folder, const RunFacts& facts) {
  RunOrigin origin;
  origin.id = NewId(folder);
  origin.program = "occvla " OCCVLA_VERSION;
  origin.name = facts.name.empty() ? folder.filename().string() : facts.name;
  origin.stage = facts.stage;
  origin.preset = facts.preset;
  origin.config_hash = Sha256(std::as_bytes(std::span(facts.config)));
  origin.data_fingerprint = facts.data_fingerprint;
  origin.parent = facts.parent;
  origin.steps = facts.steps;
  origin.started_ms = Now_ms();
  origin.more = facts.more;
  return origin;
}

bool MayChange(const std::string& field, const std::vector<std::string>& may_change) {
  return std::any_of(may_change.begin(), may_change.end(), [&](const std::string& allowed) {
    return field == allowed || field.starts_with(allowed + ".");
  });
}

/// Throws ConfigError when the folder's run is not the one that `now` and `facts` describe.
void CheckSameRun(const fs::path& folder, const RunOrigin& before, const RunOrigin& now,
                  const RunFacts& facts) {
  std::vector<std::string> problems;
  const auto compare = [&](const std::string& what, const std::string& was, const std::string& is) {
    if (was != is) problems.push_back(what + " was " + was + ", is " + is);
  };
  compare("stage", Quoted(before.stage), Quoted(now.stage));
  compare("preset", Quoted(before.preset), Quoted(now.preset));
  compare("the data's fingerprint", Quoted(before.data_fingerprint), Quoted(now.data_fingerprint));
  compare("the checkpoint it starts from", Quoted(before.parent), Quoted(now.parent));
  const fs::path file = folder / "config.toml";
  if (fs::exists(file)) {
    const auto configs = {FlatConfig(ReadTextFile(file), file.string()),
                          FlatConfig(facts.config, "the run's config")};
    for (const auto& field : DifferencesOf(configs))
      if (!MayChange(field.field, facts.may_change))
        compare(Printable(field.field), Printable(field.values[0].value_or("absent")),
                Printable(field.values[1].value_or("absent")));
  } else {
    compare("the config's SHA-256", before.config_hash, now.config_hash);
  }
  if (problems.empty()) return;
  throw ConfigError(
      folder.string() + ": holds another run, which cannot be resumed like this:\n  - " +
      Join(problems, "\n  - ") +
      "\nGive it what it was begun with, or choose another run.out without --resume.");
}

void RemoveSamplesAfter(const fs::path& folder, int64_t last_step) {
  for (const Sample& sample : SamplesIn(folder))
    if (sample.step > last_step) fs::remove(sample.path);
}

}  // namespace

class RunFolder::Impl {
 public:
  Impl(const fs::path& folder, const std::optional<fs::path>& registry)
      : folder_(fs::weakly_canonical(folder)), lock_(folder_), registry_(registry) {}

  /// Writes the files that open a run, or one that goes on after `last_step`.
  void Begin(const RunFacts& facts, RunOrigin origin, std::optional<int64_t> last_step) {
    RemoveLeftovers(folder_);
    origin_ = std::move(origin);
    config_ = facts.config;
    // First: from here on the folder holds a run.
    WriteFileAtomically(folder_ / "origin.json", std::string_view(ToJson(origin_)));
    WriteFileAtomically(folder_ / "config.toml", std::string_view(facts.config));
    for (const char* name : {"samples", "checkpoints"}) fs::create_directory(folder_ / name);
    const fs::path metrics = folder_ / "metrics.jsonl";
    if (last_step && (*last_step > 0 || fs::exists(metrics))) {
      for (const MetricRecord& record : CutMetrics(metrics, *last_step)) Take(record);
      RemoveSamplesAfter(folder_ / "samples", *last_step);
    }
    metrics_ = std::make_unique<AppendFile>(metrics, AppendFile::Open::kExisting);
    events_ = std::make_unique<EventWriter>(folder_, Now(), last_step ? *last_step + 1 : 0);
    state_.process = ProcessMark::OfThis();
    WriteState();
    Register();
  }

  void Log(int64_t step, std::string_view series, const std::map<std::string, double>& values) {
    const MetricRecord record{step, Now(), std::string(series), values};
    metrics_->Append(ToJsonLine(record));
    for (const auto& [name, value] : values)
      events_->Scalar(step, record.time, record.series + "/" + name, value);
    Take(record);
    const auto now = Clock::now();
    if (now - flushed_ >= kFlushEvery) Flush();
    if (now - registered_ >= kRegisterEvery) Register();
  }

  void Picture(int64_t step, std::string_view name, std::span<const std::byte> png) {
    const bool good = !name.empty() && name.size() <= 100 &&
                      std::all_of(name.begin(), name.end(), [](unsigned char c) {
                        return std::isalnum(c) || c == '-' || c == '_';
                      });
    if (!good) {
      throw ConfigError("the picture " + Quoted(name) +
                        ": its name must be of letters, digits, '-' and '_'.");
    }
    events_->Picture(step, Now(), name, png);
    WriteFileAtomically(folder_ / "samples" / SampleFileName(step, name), png);
  }

  void Sync() {
    Flush();
    WriteState();
    Register();
    if (finished_ || Clock::now() - page_written_ >= kPageEvery) WritePage();
  }

  void Finish(RunStatus status, const std::string& reason) {
    finished_ = true;
    state_.status = status;
    state_.reason = reason;
    try {
      Sync();
    } catch (const Error& error) {
      // A run that ends for another reason has that to tell.
      if (status == RunStatus::kFinished) throw;
      log::Warn("runs", error.what());
      Register();
    }
  }

  bool finished() const { return finished_; }
  const fs::path& folder() const { return folder_; }
  const RunOrigin& origin() const { return origin_; }

 private:
  void Take(const MetricRecord& record) {
    state_.step = std::max(state_.step, record.step);
    for (const auto& [name, value] : record.values)
      state_.metrics[record.series + "/" + name] = value;
    AddTo(curves_, record);
  }

  void Flush() {
    metrics_->Sync();
    events_->Sync();
    flushed_ = Clock::now();
  }

  void WriteState() {
    state_.updated_ms = Now_ms();
    WriteFileAtomically(folder_ / "status.json", std::string_view(ToJson(state_)));
  }

  void WritePage() {
    WriteFileAtomically(
        folder_ / "report.html",
        std::string_view(ToHtml({origin_, state_, curves_, config_, folder_ / "samples"})));
    page_written_ = Clock::now();
  }

  /// Never stops a run.
  void Register() {
    registered_ = Clock::now();
    if (!registry_) return;
    state_.updated_ms = Now_ms();
    try {
      Registry(*registry_, Registry::Missing::kCreate).Put({folder_, origin_, state_});
    } catch (const std::exception& error) {
      if (!warned_) {
        log::Warn("runs",
                  std::string("the run goes on without its line in the registry. ") + error.what());
      }
      warned_ = true;
    }
  }

  fs::path folder_;
  FolderLock lock_;
  std::optional<fs::path> registry_;
  RunOrigin origin_;
  RunState state_;
  std::string config_;
  Curves curves_;
  std::unique_ptr<AppendFile> metrics_;
  std::unique_ptr<EventWriter> events_;
  Clock::time_point flushed_ = Clock::now(), registered_ = Clock::now();
  Clock::time_point page_written_;  // Long ago.
  bool warned_ = false, finished_ = false;
};

RunFolder::RunFolder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

std::unique_ptr<RunFolder> RunFolder::Create(const fs::path& folder, const RunFacts& facts,
                                             const std::optional<fs::path>& registry) {
  MakeFolder(folder);
  auto impl = std::make_unique<Impl>(folder, registry);
  if (fs::exists(impl->folder() / "origin.json")) {
    throw ConfigError(folder.string() +
                      ": holds a run already. Pass --resume to go on with it, or choose another "
                      "run.out.");
  }
  if (const auto name = FirstIn(impl->folder())) {
    throw ConfigError(folder.string() + ": must be absent or empty, but holds " + Quoted(*name) +
                      ". Choose another run.out.");
  }
  impl->Begin(facts, OriginOf(impl->folder(), facts), std::nullopt);
  return std::unique_ptr<RunFolder>(new RunFolder(std::move(impl)));
}

std::unique_ptr<RunFolder> RunFolder::Resume(const fs::path& folder, const RunFacts& facts,
                                             int64_t last_step,
                                             const std::optional<fs::path>& registry) {
  const bool blank = !fs::exists(folder) || (fs::is_directory(folder) && !FirstIn(folder));
  if (blank && last_step == 0) return Create(folder, facts, registry);
  const fs::path file = folder / "origin.json";
  if (!fs::exists(file)) {
    throw ConfigError(folder.string() +
                      ": holds no run to resume: there is no origin.json. Check run.out, or begin "
                      "a run without --resume.");
  }
  auto impl = std::make_unique<Impl>(folder, registry);
  const RunOrigin before = ParseOrigin(ReadTextFile(file), file.string());
  RunOrigin now = OriginOf(impl->folder(), facts);
  CheckSameRun(folder, before, now, facts);
  now.id = before.id;
  now.started_ms = before.started_ms;
  impl->Begin(facts, std::move(now), last_step);
  return std::unique_ptr<RunFolder>(new RunFolder(std::move(impl)));
}

RunFolder::~RunFolder() {
  if (impl_->finished()) return;
  try {
    const bool thrown = std::uncaught_exceptions() > 0;
    impl_->Finish(thrown ? RunStatus::kFailed : RunStatus::kStopped,
                  thrown ? "an error ended it" : "it ended before its last step");
  } catch (...) {  // The log has it.
  }
}

void RunFolder::Log(int64_t step, std::string_view series,
                    const std::map<std::string, double>& values) {
  impl_->Log(step, series, values);
}
void RunFolder::Picture(int64_t step, std::string_view name, std::span<const std::byte> png) {
  impl_->Picture(step, name, png);
}
void RunFolder::Sync() { impl_->Sync(); }
void RunFolder::Finish(RunStatus status, const std::string& reason) {
  impl_->Finish(status, reason);
}
const fs::path& RunFolder::folder() const { return impl_->folder(); }
const RunOrigin& RunFolder::origin() const { return impl_->origin(); }

}  // namespace occvla::train
