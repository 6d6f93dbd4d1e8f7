#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "occvla/train/runs/run_facts.h"

/// The list of all training runs of a user, in one SQLite file that any number of processes use at
/// once. A convenience: a run's folder holds all that matters.
namespace occvla::train {

struct RegistryRow {
  std::filesystem::path folder;  ///< Absolute.
  RunOrigin origin;              ///< Without `program` and `more`, which only the folder knows.
  RunState state;
};

/// The environment's OCCVLA_RUNS; else $XDG_DATA_HOME/occvla/runs.db; else
/// $HOME/.local/share/occvla/runs.db; nothing where none of them is set. OCCVLA_RUNS="" turns the
/// registry off.
std::optional<std::filesystem::path> DefaultRegistry();

/// One thread. Every call throws BusyError when other processes kept it locked for too long,
/// DeviceError for a full disk, DataError when it is damaged or no registry.
class Registry {
 public:
  enum class Missing { kCreate, kRefuse };  ///< kCreate makes the folders above it too.
  Registry(const std::filesystem::path& file, Missing missing);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// Adds the row, or replaces the one of the same folder.
  void Put(const RegistryRow& row);
  /// Latest start first.
  std::vector<RegistryRow> Rows();
  /// False when there was none.
  bool Forget(const std::filesystem::path& folder);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace occvla::train
