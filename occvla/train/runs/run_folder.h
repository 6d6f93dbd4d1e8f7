#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "occvla/train/runs/registry.h"
#include "occvla/train/runs/run_facts.h"

namespace occvla::train {

/// A training run's folder while the run lasts:
///
///   config.toml            the resolved config
///   origin.json            what the run was made from (run_facts.h)
///   status.json            how it stands
///   metrics.jsonl          every number that was logged (metrics.h)
///   events.out.tfevents.*  the same and the pictures, for TensorBoard
///   samples/               pictures, step-00000200-NAME.png
///   checkpoints/           the training loop's
///   report.html            the curves, for a browser
///
/// One process at a time writes into it (the folder is locked while this lives); it also keeps the
/// run's row in the registry, and a registry that cannot be written costs one warning, nothing
/// else. One thread. Of several ranks only the first has one. Writing throws DeviceError when the
/// disk is full and DataError otherwise; what was logged before is whole then.
class RunFolder {
 public:
  /// Begins a run. The folder must be absent or empty, else ConfigError; BusyError when another
  /// process is at work in it. `registry`: nothing for none.
  static std::unique_ptr<RunFolder> Create(
      const std::filesystem::path& folder, const RunFacts& facts,
      const std::optional<std::filesystem::path>& registry = DefaultRegistry());

  /// Goes on with a run whose last checkpoint was made after `last_step` steps (0: there is none
  /// yet). What was logged for later steps is cut off, as the run logs it again. Throws ConfigError
  /// that lists what differs when `facts` describe another run: stage, preset, data, parent or any
  /// config field but `may_change`. An absent or empty folder is begun as in `Create` if
  /// `last_step` is 0: a run may be killed before its folder stands.
  static std::unique_ptr<RunFolder> Resume(
      const std::filesystem::path& folder, const RunFacts& facts, int64_t last_step,
      const std::optional<std::filesystem::path>& registry = DefaultRegistry());

  /// A run that ends without `Finish` ends as "failed" when an exception is on its way, "stopped"
  /// otherwise.
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  /// One line of metrics.jsonl and a TensorBoard scalar `series/NAME` for each value. `series` is
  /// "train" or "val"; `values` like {"loss": 1.5, "lr": 1e-4}; NaN and infinities are kept. In the
  /// file when it returns, so that killing the process loses nothing; on the disk a few seconds
  /// later.
  void Log(int64_t step, std::string_view series, const std::map<std::string, double>& values);

  /// Keeps a PNG as samples/step-STEP-NAME.png (samples.h) and as a TensorBoard picture. `name`
  /// consists of letters, digits, '-' and '_' (ConfigError).
  void Picture(int64_t step, std::string_view name, std::span<const std::byte> png);

  /// Everything onto the disk, and the page and the registry's row made anew. Call it before each
  /// checkpoint: what a checkpoint counts as logged must outlast it.
  void Sync();

  /// Ends the run: kFinished, kStopped (a signal; it can be resumed) or kFailed, with the reason.
  /// Includes `Sync`. Nothing may be logged afterwards.
  void Finish(RunStatus status, const std::string& reason = "");

  const std::filesystem::path& folder() const;
  std::filesystem::path checkpoints() const { return folder() / "checkpoints"; }
  const RunOrigin& origin() const;

 private:
  class Impl;
  explicit RunFolder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace occvla::train
