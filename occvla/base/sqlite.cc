#include "occvla/base/sqlite.h"

#include <sqlite3.h>

#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla {

Sqlite::Sqlite(const std::filesystem::path& path, SqliteWords words, Missing missing, int busy_ms)
    : path_(path), words_(std::move(words)) {
  std::error_code ignored;
  if (missing == Missing::kRefuse && !std::filesystem::exists(path, ignored)) {
    throw DataError(path.string() + ": there is no " + words_.what + ". " + words_.make);
  }
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                    (missing == Missing::kCreate ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &database_, flags, nullptr);
  if (code != SQLITE_OK) {
    const std::string reason = database_ ? sqlite3_errmsg(database_) : sqlite3_errstr(code);
    sqlite3_close_v2(database_);
    throw DataError(path.string() + ": the " + words_.what + " cannot be opened: " + reason +
                    ". It must be a file in a folder that exists and may be written.");
  }
  sqlite3_busy_timeout(database_, busy_ms);
  // A database from elsewhere must not run anything of its own.
  sqlite3_db_config(database_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
}

Sqlite::~Sqlite() { sqlite3_close_v2(database_); }

void Sqlite::Run(const char* sql) {
  const int code = sqlite3_exec(database_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) Fail(code);
}

int64_t Sqlite::Integer(const char* sql) {
  SqliteStatement statement(*this, sql);
  return statement.Step() ? statement.Integer(0) : 0;
}

void Sqlite::Fail(int code) {
  const std::string reason = Printable(sqlite3_errmsg(database_));
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:  // Two processes raced for the WAL's locks.
      throw BusyError(path_.string() + ": another process holds the " + words_.what +
                      ". Run the command again.");
    case SQLITE_FULL:
      throw DeviceError(path_.string() + ": the disk is full; nothing of this was kept.");
    case SQLITE_NOTADB:
      throw DataError(path_.string() + ": is not a " + words_.what + ". " + words_.name);
    default:
      throw DataError(path_.string() + ": the " + words_.what +
                      " is damaged or not usable: " + reason + ". " + words_.repair);
  }
}

SqliteStatement::SqliteStatement(Sqlite& database, std::string_view sql) : database_(database) {
  const int code = sqlite3_prepare_v2(database.get(), sql.data(), static_cast<int>(sql.size()),
                                      &statement_, nullptr);
  if (code != SQLITE_OK) database.Fail(code);
}

SqliteStatement::~SqliteStatement() { sqlite3_finalize(statement_); }

void SqliteStatement::Bind(int index, int64_t value) {
  if (const int code = sqlite3_bind_int64(statement_, index, value)) database_.Fail(code);
}

void SqliteStatement::Bind(int index, std::string_view text) {
  const int code = sqlite3_bind_text(statement_, index, text.data(), static_cast<int>(text.size()),
                                     SQLITE_TRANSIENT);
  if (code != SQLITE_OK) database_.Fail(code);
}

void SqliteStatement::BindNull(int index) {
  if (const int code = sqlite3_bind_null(statement_, index)) database_.Fail(code);
}

bool SqliteStatement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) database_.Fail(code);
  return false;
}

void SqliteStatement::Reset() {
  sqlite3_reset(statement_);  // Repeats the code that Step told.
  sqlite3_clear_bindings(statement_);
}

int64_t SqliteStatement::Integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string SqliteStatement::Text(int column) const {
  const auto* text = sqlite3_column_text(statement_, column);
  if (text == nullptr) return "";
  return std::string(reinterpret_cast<const char*>(text),
                     static_cast<size_t>(sqlite3_column_bytes(statement_, column)));
}

bool SqliteStatement::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

SqliteTransaction::SqliteTransaction(Sqlite& database) : database_(database) {
  database.Run("BEGIN IMMEDIATE");
}

SqliteTransaction::~SqliteTransaction() {
  if (open_) sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void SqliteTransaction::Commit() {
  database_.Run("COMMIT");
  open_ = false;
}

}  // namespace occvla
