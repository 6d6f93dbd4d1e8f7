#include "occvla/label/review_store.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <thread>

#include "occvla/base/error.h"
#include "occvla/base/sqlite.h"
#include "occvla/base/text.h"

namespace occvla::label {
namespace {

constexpr int kBusy_ms = 5000, kPause_ms = 5;
constexpr int64_t kApplication = 0x4f435256, kVersion = 1;

const SqliteWords kWords{
    .what = "review store",
    .make = "`occvla label review set` or `import` makes one.",
    .name = "Name the file that `occvla label review` made.",
    .repair = "Make it again from an export with `occvla label review import`."};

// In the order of their names, as sqlite_schema is asked for them.
constexpr std::array<const char*, 4> kSchema = {
    "CREATE TABLE decision(\n"
    "  id INTEGER PRIMARY KEY,\n"
    "  sample_token TEXT NOT NULL,\n"
    "  proposed TEXT NOT NULL,\n"
    "  verdict TEXT NOT NULL CHECK(verdict IN ('accept', 'change', 'comment', 'undo')),\n"
    "  changed_to TEXT CHECK((changed_to IS NOT NULL) = (verdict = 'change')),\n"
    "  comment TEXT NOT NULL,\n"
    "  who TEXT NOT NULL,\n"
    "  when_ms INTEGER NOT NULL\n"
    ") STRICT",
    "CREATE TRIGGER decision_keeps BEFORE DELETE ON decision\n"
    "BEGIN SELECT RAISE(ABORT, 'the history of decisions is kept'); END",
    "CREATE INDEX decision_of_sample ON decision(sample_token, when_ms)",
    "CREATE TRIGGER decision_stays BEFORE UPDATE ON decision\n"
    "BEGIN SELECT RAISE(ABORT, 'the history of decisions is kept'); END"};

constexpr std::string_view kColumns =
    "sample_token, proposed, verdict, changed_to, comment, who, when_ms";

void Bind(SqliteStatement& statement, const Decision& decision) {
  statement.Bind(1, decision.sample_token);
  statement.Bind(2, data::ToString(decision.proposed));
  statement.Bind(3, NameOf(decision.verdict));
  if (decision.changed_to) {
    statement.Bind(4, data::ToString(*decision.changed_to));
  } else {
    statement.BindNull(4);
  }
  statement.Bind(5, decision.comment);
  statement.Bind(6, decision.who);
  statement.Bind(7, decision.when_ms);
}

}  // namespace

struct ReviewStore::Impl {
  std::filesystem::path path;
  Sqlite database;

  Impl(const std::filesystem::path& file, Missing missing)
      : path(file),
        database(file, kWords,
                 missing == Missing::kCreate ? Sqlite::Missing::kCreate : Sqlite::Missing::kRefuse,
                 kBusy_ms) {
    // SQLite does not wait for another process in all of this, which may be creating the same file.
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

  void Prepare() {
    if (IsBlank()) Create();
    Check();  // Before WAL is switched on: a foreign database must not be changed.
    database.Run("PRAGMA journal_mode = WAL");
    database.Run("PRAGMA synchronous = FULL");
  }

  bool IsBlank() {
    return database.Integer("SELECT count(*) FROM sqlite_schema") == 0 &&
           database.Integer("PRAGMA application_id") == 0;
  }

  void Create() {
    SqliteTransaction transaction(database);
    if (!IsBlank()) return;  // Another process was faster.
    for (const char* sql : kSchema) database.Run(sql);
    database.Run(("PRAGMA application_id = " + std::to_string(kApplication)).c_str());
    database.Run(("PRAGMA user_version = " + std::to_string(kVersion)).c_str());
    transaction.Commit();
  }

  void Check() {
    if (database.Integer("PRAGMA application_id") != kApplication) {
      throw DataError(path.string() +
                      ": is a database of another program. Name the file that `occvla label "
                      "review` made.");
    }
    if (const int64_t version = database.Integer("PRAGMA user_version"); version != kVersion) {
      throw DataError(path.string() + ": is a review store of version " + std::to_string(version) +
                      "; this program reads version " + std::to_string(kVersion) + ".");
    }
    SqliteStatement schema(database, "SELECT sql FROM sqlite_schema ORDER BY name");
    size_t same = 0, count = 0;
    for (; schema.Step(); ++count)
      if (count < kSchema.size() && schema.Text(0) == kSchema[count]) ++same;
    if (same != kSchema.size() || count != kSchema.size()) {
      throw DataError(path.string() +
                      ": its tables are not those of a review store; somebody changed them. Make "
                      "it again from an export.");
    }
    SqliteStatement check(database, "PRAGMA quick_check(1)");
    if (!check.Step() || check.Text(0) != "ok") {
      throw DataError(path.string() + ": the review store is damaged: " + Printable(check.Text(0)) +
                      ". Make it again from an export with `occvla label review import`.");
    }
  }

  // Rows are checked like any input: a SQLite file is one.
  Decision Read(const SqliteStatement& row) {
    Decision decision;
    decision.sample_token = row.Text(0);
    const auto proposed = data::ParseMetaAction(row.Text(1));
    const std::string verdict = row.Text(2);
    bool sound = proposed.has_value();
    if (proposed) decision.proposed = *proposed;
    for (const Verdict one :
         {Verdict::kAccept, Verdict::kChange, Verdict::kComment, Verdict::kUndo}) {
      if (NameOf(one) == verdict) decision.verdict = one;
    }
    if (!row.IsNull(3)) {
      decision.changed_to = data::ParseMetaAction(row.Text(3));
      sound = sound && decision.changed_to;
    }
    decision.comment = row.Text(4);
    decision.who = row.Text(5);
    decision.when_ms = row.Integer(6);
    if (!sound || !ProblemsOf(decision).empty()) {
      throw DataError(path.string() + ": the decision on " + Quoted(decision.sample_token, 60) +
                      " breaks the rules of a review store; somebody changed it. Make the store "
                      "again from an export.");
    }
    return decision;
  }

  std::vector<Decision> ReadAll(SqliteStatement& rows) {
    std::vector<Decision> decisions;
    while (rows.Step()) decisions.push_back(Read(rows));
    return decisions;
  }

  std::vector<Decision> HistoryOf(std::string_view sample_token) {
    SqliteStatement rows(database,
                         "SELECT " + std::string(kColumns) +
                             " FROM decision WHERE sample_token = ? ORDER BY when_ms, id");
    rows.Bind(1, sample_token);
    return ReadAll(rows);
  }

  void Insert(const Decision& decision) {
    SqliteStatement insert(database, "INSERT INTO decision(" + std::string(kColumns) +
                                         ") VALUES(?, ?, ?, ?, ?, ?, ?)");
    Bind(insert, decision);
    if (insert.Step()) return;
  }

  bool Has(const Decision& decision) {
    SqliteStatement find(
        database,
        "SELECT 1 FROM decision WHERE sample_token = ? AND proposed = ? AND verdict = ? AND "
        "changed_to IS ? AND comment = ? AND who = ? AND when_ms = ?");
    Bind(find, decision);
    return find.Step();
  }
};

ReviewStore::ReviewStore(const std::filesystem::path& path, Missing missing)
    : impl_(std::make_unique<Impl>(path, missing)) {}
ReviewStore::~ReviewStore() = default;
ReviewStore::ReviewStore(ReviewStore&&) noexcept = default;
ReviewStore& ReviewStore::operator=(ReviewStore&&) noexcept = default;

void ReviewStore::Add(std::span<const Decision> decisions) {
  SqliteTransaction transaction(impl_->database);
  std::string problems;
  for (Decision decision : decisions) {
    const std::vector<Decision> history = impl_->HistoryOf(decision.sample_token);
    if (!history.empty()) decision.when_ms = std::max(decision.when_ms, history.back().when_ms + 1);
    auto found = ProblemsOf(decision);
    if (decision.verdict == Verdict::kUndo && !Play(history).decision)
      found.push_back("nothing is decided, so nothing can be undone");
    for (const auto& problem : found)
      problems += "\n  - " + Printable(decision.sample_token, 60) + ": " + problem;
    if (problems.empty()) impl_->Insert(decision);
  }
  if (!problems.empty()) throw ConfigError("review: nothing was kept:" + problems);
  transaction.Commit();
}

uint64_t ReviewStore::Import(std::span<const Decision> decisions) {
  SqliteTransaction transaction(impl_->database);
  uint64_t added = 0;
  for (const Decision& decision : decisions) {
    if (impl_->Has(decision)) continue;
    impl_->Insert(decision);
    ++added;
  }
  transaction.Commit();
  return added;
}

std::string ReviewStore::Export() {
  std::string lines;
  for (const Decision& decision : History()) lines += ToJsonLine(decision) + "\n";
  return lines;
}

std::vector<Decision> ReviewStore::History() {
  SqliteStatement rows(impl_->database,
                       "SELECT " + std::string(kColumns) + " FROM decision ORDER BY when_ms, id");
  return impl_->ReadAll(rows);
}

std::vector<Decision> ReviewStore::HistoryOf(std::string_view sample_token) {
  return impl_->HistoryOf(sample_token);
}

std::map<std::string, ReviewState> ReviewStore::States() {
  std::map<std::string, std::vector<Decision>> histories;
  for (Decision& decision : History())
    histories[decision.sample_token].push_back(std::move(decision));
  std::map<std::string, ReviewState> states;
  for (const auto& [token, history] : histories) states.emplace(token, Play(history));
  return states;
}

}  // namespace occvla::label
