#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

/// Just enough of SQLite for the review store and the registry of runs: every return code is looked
/// at, and what goes wrong is an Error that names the file.
namespace occvla {

/// What a database is called in complaints, and what helps.
struct SqliteWords {
  std::string what;    ///< "review store".
  std::string make;    ///< "`occvla label review set` makes one.", when there is none.
  std::string name;    ///< What to do when the file is something else.
  std::string repair;  ///< What to do when it is damaged.
};

/// An open database. One thread.
class Sqlite {
 public:
  enum class Missing { kCreate, kRefuse };
  /// Waits up to `busy_ms` for other processes. Throws DataError.
  Sqlite(const std::filesystem::path& path, SqliteWords words, Missing missing, int busy_ms);
  ~Sqlite();
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;

  void Run(const char* sql);
  int64_t Integer(const char* sql);
  /// BusyError when another process kept the database locked, DeviceError for a full disk,
  /// DataError otherwise.
  [[noreturn]] void Fail(int code);

  sqlite3* get() { return database_; }

 private:
  std::filesystem::path path_;
  SqliteWords words_;
  sqlite3* database_ = nullptr;
};

/// One prepared statement: bind, step, read, reset.
class SqliteStatement {
 public:
  SqliteStatement(Sqlite& database, std::string_view sql);
  ~SqliteStatement();
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;

  void Bind(int index, int64_t value);
  void Bind(int index, std::string_view text);
  void BindNull(int index);
  /// True while there is a row.
  [[nodiscard]] bool Step();
  void Reset();

  int64_t Integer(int column) const;
  std::string Text(int column) const;
  bool IsNull(int column) const;

 private:
  Sqlite& database_;  // Outlives the statement.
  sqlite3_stmt* statement_ = nullptr;
};

/// BEGIN IMMEDIATE; rolled back unless committed.
class SqliteTransaction {
 public:
  explicit SqliteTransaction(Sqlite& database);
  ~SqliteTransaction();
  SqliteTransaction(const SqliteTransaction&) = delete;
  SqliteTransaction& operator=(const SqliteTransaction&) = delete;
  void Commit();

 private:
  Sqlite& database_;  // Outlives the transaction.
  bool open_ = true;
};

}  // namespace occvla
