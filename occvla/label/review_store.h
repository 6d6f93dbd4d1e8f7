#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/label/review_decision.h"

namespace occvla::label {

/// What people decided on proposed meta actions, in one SQLite file (WAL; two more files beside it
/// while it is open). Records are added, never changed or removed: triggers in the file refuse it.
/// Several processes may have it open; a writer waits up to five seconds for another. What `Add`
/// and `Import` returned from survives the end of the process and of the machine.
///
/// Schema version 1: PRAGMA application_id 0x4f435256 ("OCRV"), user_version 1, and one table
///   decision(id INTEGER PRIMARY KEY, sample_token TEXT, proposed TEXT, verdict TEXT,
///            changed_to TEXT or NULL, comment TEXT, who TEXT, when_ms INTEGER)
/// A database with another id, version or schema, or one that `PRAGMA quick_check` finds damaged,
/// is refused with a DataError.
class ReviewStore {
 public:
  enum class Missing { kCreate, kRefuse };
  explicit ReviewStore(const std::filesystem::path& path, Missing missing);
  ~ReviewStore();
  ReviewStore(ReviewStore&&) noexcept;
  ReviewStore& operator=(ReviewStore&&) noexcept;

  /// Adds all of them or, when anything throws, none. A record that would not be later than the
  /// last one of its keyframe is set one millisecond after it, so that time gives the order
  /// whatever the clock did. Throws ConfigError for what ProblemsOf names, and for an undo of a
  /// keyframe where nothing holds.
  void Add(std::span<const Decision> decisions);

  /// How many of them were new. Records that the store has are skipped, so that the same file may
  /// be imported twice and two people's stores may be merged; new ones keep their times.
  uint64_t Import(std::span<const Decision> decisions);
  /// Every record as JSON Lines, oldest first; Import into an empty store and Export again gives
  /// the same bytes.
  std::string Export();

  /// Every record, oldest first; equal times in the order they came in.
  std::vector<Decision> History();
  std::vector<Decision> HistoryOf(std::string_view sample_token);
  /// What holds now, of every keyframe that has records.
  std::map<std::string, ReviewState> States();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace occvla::label
