#include "occvla/train/runs/registry.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "occvla/base/error.h"
#include "occvla/base/sqlite.h"
#include "occvla/base/text.h"

namespace occvla::train {
namespace {

constexpr int kBusy_ms = 3000, kPause_ms = 5;
constexpr int64_t kApplication = 0x4f435255, kVersion = 1;
constexpr size_t kMaxRows = 100'000;

const SqliteWords kWords{.what = "registry of runs",
                         .make = "The first `occvla train` makes it.",
                         .name = "Name another file in OCCVLA_RUNS.",
                         .repair =
                             "Remove it: each run's folder holds all that matters, and the "
                             "next `occvla train` makes a new one."};

constexpr const char* kSchema =
    "CREATE TABLE run(\n"
    "  folder TEXT PRIMARY KEY,\n"
    "  id TEXT NOT NULL,\n"
    "  name TEXT NOT NULL,\n"
    "  stage TEXT NOT NULL,\n"
    "  preset TEXT NOT NULL,\n"
    "  steps INTEGER NOT NULL,\n"
    "  started_ms INTEGER NOT NULL,\n"
    "  config_sha256 TEXT NOT NULL,\n"
    "  data_fingerprint TEXT NOT NULL,\n"
    "  parent TEXT NOT NULL,\n"
    "  status TEXT NOT NULL,\n"
    "  reason TEXT NOT NULL,\n"
    "  step INTEGER NOT NULL,\n"
    "  updated_ms INTEGER NOT NULL,\n"
    "  host TEXT NOT NULL,\n"
    "  pid INTEGER NOT NULL,\n"
    "  process_start TEXT NOT NULL,\n"
    "  metrics TEXT NOT NULL\n"
    ") STRICT";

constexpr const char* kColumns =
    "folder, id, name, stage, preset, steps, started_ms, config_sha256, data_fingerprint, parent, "
    "status, reason, step, updated_ms, host, pid, process_start, metrics";

std::optional<std::string> Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace

std::optional<std::filesystem::path> DefaultRegistry() {
  if (const auto file = Environment("OCCVLA_RUNS")) {
    if (file->empty()) return std::nullopt;
    return *file;
  }
  const auto data = Environment("XDG_DATA_HOME");
  if (data && !data->empty()) return std::filesystem::path(*data) / "occvla" / "runs.db";
  const auto home = Environment("HOME");
  if (!home || home->empty()) return std::nullopt;
  return std::filesystem::path(*home) / ".local" / "share" / "occvla" / "runs.db";
}

struct Registry::Impl {
  std::filesystem::path path;
  Sqlite database;

  Impl(const std::filesystem::path& file, Missing missing)
      : path(file),
        database(file, kWords,
                 missing == Missing::kCreate ? Sqlite::Missing::kCreate : Sqlite::Missing::kRefuse,
                 kBusy_ms) {
    // SQLite does not wait in all of this for another process that may be creating the same file.
    for (int waited_ms = 0;; waited_ms += kPause_ms) {
      try {
        Prepare();
        break;
      } catch (const BusyError&) {
        if (waited_ms >= kBusy_ms) throw;
        std::this_thread::sleep_for(std::chrono::milliseconds(kPause_ms));
      }
    }
  }

  bool IsBlank() {
    return database.Integer("SELECT count(*) FROM sqlite_schema") == 0 &&
           database.Integer("PRAGMA application_id") == 0;
  }

  void Prepare() {
    if (IsBlank()) {
      SqliteTransaction transaction(database);
      if (!IsBlank()) return;  // Another process was faster.
      database.Run(kSchema);
      database.Run(("PRAGMA application_id = " + std::to_string(kApplication)).c_str());
      database.Run(("PRAGMA user_version = " + std::to_string(kVersion)).c_str());
      transaction.Commit();
      return;
    }
    if (database.Integer("PRAGMA application_id") != kApplication)
      throw DataError(path.string() + ": is not a " + kWords.what + ". " + kWords.name);
    const int64_t version = database.Integer("PRAGMA user_version");
    if (version != kVersion) {
      throw DataError(path.string() + ": is a registry of version " + std::to_string(version) +
                      "; this program reads version " + std::to_string(kVersion) + ". " +
                      kWords.name);
    }
  }

  RegistryRow Read(const SqliteStatement& row) const {
    const std::string where = path.string() + ", run " + Quoted(row.Text(0));
    RegistryRow entry;
    entry.folder = row.Text(0);
    entry.origin.id = row.Text(1);
    entry.origin.name = row.Text(2);
    entry.origin.stage = row.Text(3);
    entry.origin.preset = row.Text(4);
    entry.origin.steps = row.Integer(5);
    entry.origin.started_ms = row.Integer(6);
    entry.origin.config_hash = row.Text(7);
    entry.origin.data_fingerprint = row.Text(8);
    entry.origin.parent = row.Text(9);
    const auto status = RunStatusNamed(row.Text(10));
    if (!status) {
      throw DataError(where + ": the status must be running, finished, stopped or failed, but is " +
                      Quoted(row.Text(10)) + ". " + kWords.repair);
    }
    entry.state.status = *status;
    entry.state.reason = row.Text(11);
    entry.state.step = row.Integer(12);
    entry.state.updated_ms = row.Integer(13);
    entry.state.process = {row.Text(14), row.Integer(15), row.Text(16)};
    entry.state.metrics = ParseMetricsText(row.Text(17), where);
    return entry;
  }
};

Registry::Registry(const std::filesystem::path& file, Missing missing) {
  if (missing == Missing::kCreate && file.has_parent_path()) {
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
    if (error) {
      throw DataError(file.string() + ": the " + kWords.what +
                      " cannot be made: " + error.message() + ". " + kWords.name);
    }
  }
  impl_ = std::make_unique<Impl>(file, missing);
}

Registry::~Registry() = default;

void Registry::Put(const RegistryRow& row) {
  const RunOrigin& origin = row.origin;
  const RunState& state = row.state;
  SqliteTransaction transaction(impl_->database);
  SqliteStatement put(impl_->database,
                      "INSERT OR REPLACE INTO run(" + std::string(kColumns) +
                          ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  int index = 0;
  const auto text = [&](std::string_view value) { put.Bind(++index, value); };
  const auto number = [&](int64_t value) { put.Bind(++index, value); };
  text(row.folder.string());
  text(origin.id);
  text(origin.name);
  text(origin.stage);
  text(origin.preset);
  number(origin.steps);
  number(origin.started_ms);
  text(origin.config_hash);
  text(origin.data_fingerprint);
  text(origin.parent);
  text(NameOf(state.status));
  text(state.reason);
  number(state.step);
  number(state.updated_ms);
  text(state.process.host);
  number(state.process.pid);
  text(state.process.start);
  text(MetricsText(state.metrics));
  (void)put.Step();
  put.Reset();
  transaction.Commit();
}

std::vector<RegistryRow> Registry::Rows() {
  SqliteStatement rows(impl_->database, "SELECT " + std::string(kColumns) +
                                            " FROM run ORDER BY started_ms DESC, folder LIMIT " +
                                            std::to_string(kMaxRows));
  std::vector<RegistryRow> entries;
  while (rows.Step()) entries.push_back(impl_->Read(rows));
  return entries;
}

bool Registry::Forget(const std::filesystem::path& folder) {
  SqliteTransaction transaction(impl_->database);
  SqliteStatement forget(impl_->database, "DELETE FROM run WHERE folder = ? RETURNING 1");
  forget.Bind(1, folder.string());
  const bool found = forget.Step();
  forget.Reset();
  transaction.Commit();
  return found;
}

}  // namespace occvla::train
