#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What is known about a training run beside its numbers: `origin.json` (what it is and was made
/// from, for good) and `status.json` (how it stands) in its folder, and its row in the registry.
namespace occvla::train {

/// What a run is made from; given by the training loop.
struct RunFacts {
  std::string name;    ///< For people; empty: the folder's name.
  std::string stage;   ///< "vqvae", "pretrain", "joint", "planner".
  std::string preset;  ///< Of the model: "nano".
  int64_t steps = 0;   ///< Optimiser steps of the whole run.
  std::string config;  ///< The resolved config as TOML; `config.toml` of the folder.
  std::string data_fingerprint;
  std::string parent;  ///< The checkpoint it started from; empty: none.
  std::map<std::string, std::string>
      more;  ///< Whatever else a reader wants: device, ranks, threads.
  /// Config fields, dotted, that may differ when a run is resumed; "run" stands for the whole
  /// table.
  std::vector<std::string> may_change;
};

/// `origin.json`.
struct RunOrigin {
  std::string id;  ///< 16 hex digits, another for each run, also in the same folder.
  std::string program, name, stage, preset, config_hash, data_fingerprint, parent;
  int64_t steps = 0;
  int64_t started_ms = 0;  ///< Since 1970.
  std::map<std::string, std::string> more;
};

enum class RunStatus { kRunning, kFinished, kStopped, kFailed };
std::string_view NameOf(RunStatus status);
std::optional<RunStatus> RunStatusNamed(std::string_view name);

/// One process of one machine, so that a dead one is known for dead.
struct ProcessMark {
  std::string host;
  int64_t pid = 0;
  std::string start;  ///< Boot and start time: another process with the same number differs here.

  static ProcessMark OfThis();
  /// False when it certainly runs no more: on this host, and gone or replaced. Of another host
  /// nothing can be known: true.
  bool MayBeAlive() const;
  bool operator==(const ProcessMark&) const = default;
};

/// `status.json`, and what changes in the registry's row.
struct RunState {
  RunStatus status = RunStatus::kRunning;
  std::string reason;  ///< Why it stopped or failed.
  int64_t step = 0;    ///< Last step that was logged.
  int64_t updated_ms = 0;
  ProcessMark process;                    ///< The last that trained.
  std::map<std::string, double> metrics;  ///< The latest, as "train/loss"; never NaN or infinite.

  /// "running", "lost" (said to run, but its process is gone), "finished", "stopped", "failed".
  std::string Word() const;
};

/// JSON of the two files; `where` opens a complaint. Reading throws DataError.
std::string ToJson(const RunOrigin& origin);
std::string ToJson(const RunState& state);
RunOrigin ParseOrigin(std::string_view text, const std::string& where);
RunState ParseState(std::string_view text, const std::string& where);
/// {"train/loss": 1.5}, what is not finite left out.
std::string MetricsText(const std::map<std::string, double>& metrics);
std::map<std::string, double> ParseMetricsText(std::string_view text, const std::string& where);

/// Milliseconds and seconds since 1970.
int64_t Now_ms();
double Now();

}  // namespace occvla::train
