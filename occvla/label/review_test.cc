#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/label/review_labels.h"
#include "occvla/label/review_store.h"

namespace occvla::label {
namespace {

using data::Direction;
using data::MetaAction;
using data::Velocity;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr MetaAction kStraight{Velocity::kMaintain, Direction::kGoStraight};
constexpr MetaAction kStop{Velocity::kDecelerate, Direction::kStop};
constexpr MetaAction kLeft{Velocity::kMaintain, Direction::kTurnLeft};
constexpr int64_t kNoon_ms = 1'795'867'200'000;  // 2026-11-28T12:00:00Z

std::string Token(int number) {
  std::string text = std::to_string(number);
  return std::string(32 - text.size(), '0') + text;
}

Decision Accept(int sample, std::string who = "Ada", int64_t when_ms = kNoon_ms) {
  Decision decision;
  decision.sample_token = Token(sample);
  decision.proposed = kStraight;
  decision.who = std::move(who);
  decision.when_ms = when_ms;
  return decision;
}
Decision Change(int sample, MetaAction to, std::string who = "Ada", int64_t when_ms = kNoon_ms) {
  Decision decision = Accept(sample, std::move(who), when_ms);
  decision.verdict = Verdict::kChange;
  decision.changed_to = to;
  return decision;
}
Decision Undo(int sample, std::string who = "Ada", int64_t when_ms = kNoon_ms) {
  Decision decision = Accept(sample, std::move(who), when_ms);
  decision.verdict = Verdict::kUndo;
  return decision;
}
Decision Comment(int sample, std::string words) {
  Decision decision = Accept(sample);
  decision.verdict = Verdict::kComment;
  decision.comment = std::move(words);
  return decision;
}

template <typename Kind, typename Function>
std::string ErrorOf(Function&& function) {
  try {
    function();
  } catch (const Kind& error) {
    return error.what();
  }
  return "nothing was thrown";
}

void Sql(const std::filesystem::path& path, const char* sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  sqlite3_exec(database, sql, nullptr, nullptr, nullptr);
  sqlite3_close(database);
}

class ReviewStoreTest : public ::testing::Test {
 protected:
  ReviewStore Open(ReviewStore::Missing missing = ReviewStore::Missing::kCreate) {
    return ReviewStore(path_, missing);
  }
  void Add(ReviewStore& store, std::vector<Decision> decisions) { store.Add(decisions); }
  TestFolder folder_;
  const std::filesystem::path path_ = folder_ / "review.sqlite";
};

TEST(ReviewDecisionTest, UtcIsWrittenAndReadToTheMillisecond) {
  EXPECT_EQ(UtcText(kNoon_ms + 7), "2026-11-28T12:00:00.007Z");
  EXPECT_EQ(ParseUtc("2026-11-28T12:00:00.007Z"), kNoon_ms + 7);
  EXPECT_EQ(ParseUtc("2028-02-29T23:59:59.999Z"), 1'835'481'599'999);
  for (const char* wrong : {"2026-02-29T00:00:00.000Z", "2026-11-28T24:00:00.000Z", "now", "",
                            "2026-11-28 12:00:00.007Z", "2026-11-28T12:00:00.007"})
    EXPECT_EQ(ParseUtc(wrong), std::nullopt) << wrong;
}

TEST(ReviewDecisionTest, AJsonLineHasTheFieldsInTheStatedForm) {
  Decision decision = Change(1, kStop);
  decision.comment = "bus\n\"stop\"";
  EXPECT_EQ(ToJsonLine(decision),
            R"({"sample_token":"00000000000000000000000000000001",)"
            R"("proposed":"Maintain speed, Go Straight","verdict":"change",)"
            R"("changed_to":"Decelerate, Stop","comment":"bus\n\"stop\"","who":"Ada",)"
            R"("when":"2026-11-28T12:00:00.000Z"})");
  EXPECT_THAT(ParseJsonLines(ToJsonLine(decision), "f"), ElementsAre(decision));
}

TEST(ReviewDecisionTest, AllThatIsWrongWithAFileComesAtOnce) {
  std::string good = ToJsonLine(Accept(1)), text = good + "\n";
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string line = good;
    line.replace(line.find(from), from.size(), to);
    text += line + "\n";
  };
  with("Maintain speed, Go Straight", "maintain speed, go straight");
  with("accept", "praise");
  with("accept", "change");
  with("12:00:00", "12:61:00");
  with("Ada", "A\\u001bda");
  text += "[1,\n";
  with("{", "{\"mood\":\"good\",");
  EXPECT_EQ(ErrorOf<DataError>([&] { (void)ParseJsonLines(text, "r.jsonl"); }).substr(0, 64),
            "r.jsonl: these are no decisions: 7 problems:\n  - r.jsonl, line 2");
  const std::string error = ErrorOf<DataError>([&] { (void)ParseJsonLines(text, "r.jsonl"); });
  EXPECT_THAT(error, HasSubstr("line 2: \"proposed\" must be a label such as \"Maintain speed, Go "
                               "Straight\", but is \"maintain speed, go straight\"\n"));
  EXPECT_THAT(error, HasSubstr("line 3: \"verdict\" must be accept, change, comment or undo, but "
                               "is \"praise\"\n"));
  EXPECT_THAT(error, HasSubstr("line 4: a change must say to what\n"));
  EXPECT_THAT(error, HasSubstr("line 5: \"when\" must be UTC like \"2026-11-28T02:27:43.123Z\", "
                               "but is \"2026-11-28T12:61:00.000Z\"\n"));
  EXPECT_THAT(error, HasSubstr("line 6: who decided must be 1 to 100 bytes of UTF-8 without "
                               "control characters, but is \"A\\x1bda\"\n"));
  EXPECT_THAT(error, HasSubstr("line 8: "));
  EXPECT_THAT(error, HasSubstr("mood"));
}

TEST(ReviewDecisionTest, ALineOfAMegabyteIsRefusedUnread) {
  EXPECT_THAT(
      ErrorOf<DataError>([] { (void)ParseJsonLines(std::string(1 << 20, '['), "r.jsonl"); }),
      HasSubstr("line 1: has 1048576 bytes; a decision may have 32768"));
}

TEST(ReviewStateTest, AnUndoUncoversTheDecisionBefore) {
  const std::vector<Decision> history = {Accept(1, "Ada", 1), Change(1, kStop, "Ben", 2),
                                         Comment(1, "dark"), Undo(1, "Ada", 4)};
  EXPECT_EQ(Play(std::span(history).first(3)).label(), kStop);
  EXPECT_EQ(Play(history).label(), kStraight);
  EXPECT_EQ(Play(history).decision->who, "Ada");
  EXPECT_EQ(Play(history).last_comment, "dark");
  EXPECT_EQ(Play({}).label(), std::nullopt);
}

TEST_F(ReviewStoreTest, EveryRecordIsKeptAndTheLatestHolds) {
  auto store = Open();
  Add(store, {Accept(1), Change(1, kStop, "Ben")});
  Add(store, {Comment(1, "dark"), Undo(1), Accept(2)});
  EXPECT_EQ(store.HistoryOf(Token(1)).size(), 4u);
  EXPECT_EQ(store.History().size(), 5u);
  const auto states = Open(ReviewStore::Missing::kRefuse).States();
  EXPECT_EQ(states.at(Token(1)).label(), kStraight);
  EXPECT_EQ(states.at(Token(1)).last_comment, "dark");
}

TEST_F(ReviewStoreTest, AClockThatGoesBackDoesNotChangeTheOrder) {
  auto store = Open();
  Add(store, {Accept(1, "Ada", kNoon_ms)});
  Add(store, {Change(1, kStop, "Ada", kNoon_ms - 5000)});
  EXPECT_EQ(store.States().at(Token(1)).label(), kStop);
  EXPECT_EQ(store.HistoryOf(Token(1)).back().when_ms, kNoon_ms + 1);
}

TEST_F(ReviewStoreTest, WhatBreaksARuleLeavesNothingBehind) {
  auto store = Open();
  EXPECT_EQ(ErrorOf<ConfigError>([&] {
              Add(store, {Accept(1), Undo(2), Change(3, kStraight)});
            }),
            "review: nothing was kept:\n"
            "  - 00000000000000000000000000000002: nothing is decided, so nothing can be undone\n"
            "  - 00000000000000000000000000000003: a change to what was proposed (Maintain speed, "
            "Go Straight) is an acceptance");
  EXPECT_TRUE(store.History().empty());
}

TEST_F(ReviewStoreTest, ExportAndImportGiveTheSameBytes) {
  auto store = Open();
  Add(store, {Accept(2, "Zoë"), Change(1, kStop, "Ben", kNoon_ms - 9), Comment(2, "a\tb\n\"ü\""),
              Undo(2)});
  const std::string lines = store.Export();
  ReviewStore other(folder_ / "other.sqlite", ReviewStore::Missing::kCreate);
  EXPECT_EQ(other.Import(ParseJsonLines(lines, "f")), 4u);
  EXPECT_EQ(other.Export(), lines);
  EXPECT_EQ(other.Import(ParseJsonLines(lines, "f")), 0u) << "records came twice";
  EXPECT_EQ(other.Export(), lines);
}

TEST_F(ReviewStoreTest, StoresOfTwoPeopleMergeByTime) {
  auto ada = Open();
  Add(ada, {Change(1, kLeft, "Ada", kNoon_ms + 1000)});
  Decision older = Change(1, kStop, "Ben", kNoon_ms);
  EXPECT_EQ(ada.Import(std::vector{older}), 1u);
  EXPECT_EQ(ada.States().at(Token(1)).label(), kLeft);
}

TEST_F(ReviewStoreTest, SqlFromOutsideCannotChangeTheHistory) {
  auto store = Open();
  Add(store, {Accept(1)});
  Sql(path_, "DELETE FROM decision");
  Sql(path_, "UPDATE decision SET who = 'Eve'");
  EXPECT_THAT(store.History(), ElementsAre(Accept(1)));
}

TEST_F(ReviewStoreTest, AnAbsentStoreIsRefusedWhereItIsOnlyRead) {
  EXPECT_EQ(ErrorOf<DataError>([&] { Open(ReviewStore::Missing::kRefuse); }),
            path_.string() +
                ": there is no review store. `occvla label review set` or `import` "
                "makes one.");
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ReviewStoreTest, ForeignDatabasesAreRefusedAndLeftAsTheyAre) {
  Sql(path_, "CREATE TABLE money(amount)");
  const std::string before = ReadTextFile(path_);
  EXPECT_EQ(ErrorOf<DataError>([&] { Open(); }),
            path_.string() +
                ": is a database of another program. Name the file that `occvla label "
                "review` made.");
  EXPECT_EQ(ReadTextFile(path_), before);
  WriteFileAtomically(path_,
                      "this is no database at all, but it is longer than a header of one, "
                      "which has one hundred bytes of its own.");
  EXPECT_EQ(
      ErrorOf<DataError>([&] { Open(); }),
      path_.string() + ": is not a review store. Name the file that `occvla label review` made.");
}

TEST_F(ReviewStoreTest, ANewerOrAlteredStoreIsRefused) {
  { Open(); }
  Sql(path_, "PRAGMA user_version = 2");
  EXPECT_EQ(ErrorOf<DataError>([&] { Open(); }),
            path_.string() + ": is a review store of version 2; this program reads version 1.");
  Sql(path_, "PRAGMA user_version = 1; DROP TRIGGER decision_keeps");
  EXPECT_EQ(ErrorOf<DataError>([&] { Open(); }),
            path_.string() +
                ": its tables are not those of a review store; somebody changed them. "
                "Make it again from an export.");
}

TEST_F(ReviewStoreTest, DamagedPagesAreRefused) {
  {
    auto store = Open();
    std::vector<Decision> many;
    for (int i = 0; i < 300; ++i) many.push_back(Accept(i));
    store.Add(many);
  }
  std::string bytes = ReadTextFile(path_);
  ASSERT_GT(bytes.size(), 5 * 4096u);
  std::memset(bytes.data() + 3 * 4096, 0x5a, bytes.size() - 3 * 4096);
  WriteFileAtomically(path_, bytes);
  EXPECT_THAT(ErrorOf<DataError>([&] { Open(); }), HasSubstr("the review store is damaged"));
}

TEST_F(ReviewStoreTest, ARowThatBreaksTheRulesIsRefused) {
  auto store = Open();
  Sql(path_, "INSERT INTO decision VALUES(1, 'x', 'Fly, Up', 'accept', NULL, '', 'Eve', 7)");
  EXPECT_EQ(ErrorOf<DataError>([&] { store.History(); }),
            path_.string() +
                ": the decision on \"x\" breaks the rules of a review store; somebody "
                "changed it. Make the store again from an export.");
}

// The child says after every commit how many there are; whatever it said must be there after
// SIGKILL.
TEST_F(ReviewStoreTest, AKilledWriterLosesNothingCommitted) {
  { Open(); }
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto store = Open();
    for (int i = 0;; ++i) {
      Add(store, {Accept(i)});
      if (write(ends[1], &i, sizeof i) != sizeof i) _exit(1);
    }
  }
  close(ends[1]);
  int last = -1, number = 0;
  while (last < 20 && read(ends[0], &number, sizeof number) == sizeof number) last = number;
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  while (read(ends[0], &number, sizeof number) == sizeof number) last = number;
  close(ends[0]);
  const size_t kept = Open(ReviewStore::Missing::kRefuse).History().size();
  EXPECT_GE(kept, static_cast<size_t>(last) + 1);
  EXPECT_LE(kept, static_cast<size_t>(last) + 2);
}

TEST_F(ReviewStoreTest, TwoProcessesWriteAtOnce) {
  int gate[2];
  ASSERT_EQ(pipe(gate), 0);
  std::vector<pid_t> children;
  for (int writer = 0; writer < 2; ++writer) {
    children.push_back(fork());
    if (children.back() != 0) continue;
    try {
      char byte = 0;
      close(gate[1]);
      (void)!read(gate[0], &byte, 1);  // Both find no file yet.
      auto store = Open();
      for (int i = 0; i < 20; ++i) Add(store, {Accept(i, writer == 0 ? "Ada" : "Ben")});
    } catch (const std::exception& error) {
      fprintf(stderr, "%s\n", error.what());
      _exit(1);
    }
    _exit(0);
  }
  close(gate[0]);
  close(gate[1]);
  for (const pid_t child : children) {
    int status = 1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(Open().History().size(), 40u);
}

TEST(ReviewLabelsTest, LabelsForTrainingAreTheReviewedOnes) {
  const LabelMap proposals = {
      {Token(1), kStraight}, {Token(2), kStraight}, {Token(3), kStop}, {Token(4), kLeft}};
  std::map<std::string, ReviewState> states;
  for (const auto& decision : {Accept(1), Change(2, kStop), Accept(3), Accept(9)})
    states[decision.sample_token] = Play(std::vector{decision});
  const ReviewedLabels reviewed = ApplyReviews(proposals, states);
  // 3 was proposed as Go Straight when it was accepted: the person's word stands.
  EXPECT_EQ(
      reviewed.labels,
      (LabelMap{
          {Token(1), kStraight}, {Token(2), kStop}, {Token(3), kStraight}, {Token(4), kLeft}}));
  EXPECT_EQ(reviewed.decided, 3u);
  EXPECT_EQ(reviewed.changed, 2u);
  EXPECT_EQ(reviewed.outdated, 1u);
  EXPECT_EQ(reviewed.elsewhere, 1u);
}

TEST(ReviewLabelsTest, TheShareCountsClassesAndPeople) {
  LabelMap proposals;
  for (int i = 0; i < 10; ++i) proposals[Token(i)] = i < 8 ? kStraight : kStop;
  std::vector<Decision> history = {Accept(0),        Accept(1, "Ben"), Accept(2), Accept(3),
                                   Change(4, kLeft), Change(5, kStop), Undo(5),   Accept(77)};
  const ReviewShare share = MeasureShare(proposals, history);
  EXPECT_EQ(share.all.accepted, 4u);
  EXPECT_EQ(share.all.changed, 1u);
  EXPECT_EQ(share.all.undecided, 5u);
  EXPECT_DOUBLE_EQ(share.all.share_changed(), 0.2);
  EXPECT_EQ(share.direction[static_cast<size_t>(Direction::kGoStraight)].undecided, 3u);
  EXPECT_EQ(share.direction[static_cast<size_t>(Direction::kStop)].undecided, 2u);
  EXPECT_EQ(share.velocity[static_cast<size_t>(Velocity::kMaintain)].changed, 1u);
  EXPECT_EQ(share.changed_direction, 1u);
  EXPECT_EQ(share.changed_velocity, 0u);
  EXPECT_EQ(share.changes.at({"Maintain speed, Go Straight", "Maintain speed, Turn Left"}), 1u);
  EXPECT_EQ(share.people.at("Ben").accepted, 1u);
  EXPECT_EQ(share.people.at("Ada").records, 6u);
  EXPECT_EQ(share.people.at("Ada").undone, 1u);
  EXPECT_EQ(share.people.at("Ada").changed, 1u);
}

TEST(ReviewLabelsTest, FiltersKeepTheOrderOfTheSplit) {
  const LabelMap proposals = {{Token(1), kStraight}, {Token(2), kStraight}, {Token(3), kStraight}};
  std::map<std::string, ReviewState> states;
  states[Token(1)] = Play(std::vector{Accept(1, "Ben")});
  states[Token(2)] = Play(std::vector{Change(2, kStop), Comment(2, "bus")});
  const std::vector<std::string> tokens = {Token(3), Token(2), Token(1), Token(8)};
  const auto listed = [&](ReviewFilter filter) {
    std::vector<std::string> found;
    for (const auto& item : ListReviews(tokens, proposals, states, filter))
      found.push_back(item.sample_token);
    return found;
  };
  EXPECT_THAT(listed({}), ElementsAre(Token(3), Token(2), Token(1)));
  EXPECT_THAT(listed({ReviewStatus::kUndecided, ""}), ElementsAre(Token(3)));
  EXPECT_THAT(listed({ReviewStatus::kAccepted, ""}), ElementsAre(Token(1)));
  EXPECT_THAT(listed({ReviewStatus::kChanged, ""}), ElementsAre(Token(2)));
  EXPECT_THAT(listed({ReviewStatus::kCommented, ""}), ElementsAre(Token(2)));
  EXPECT_THAT(listed({ReviewStatus::kAny, "Ben"}), ElementsAre(Token(1)));
}

TEST(ReviewLabelsTest, ALabelFileIsWrittenAndReadBack) {
  TestFolder folder;
  const LabelMap labels = {{Token(2), kStop}, {Token(1), kLeft}};
  WriteLabels(folder / "m.json", labels);
  EXPECT_EQ(ReadTextFile(folder / "m.json"),
            "{\n\"00000000000000000000000000000001\": \"Maintain speed, Turn Left\",\n"
            "\"00000000000000000000000000000002\": \"Decelerate, Stop\"\n}\n");
  EXPECT_EQ(ReadLabels(folder / "m.json"), labels);
  WriteFileAtomically(folder / "m.json", "{\"x\": 1, \"" + Token(1) + "\": \"Fly, Up\"}");
  EXPECT_EQ(ErrorOf<DataError>([&] { (void)ReadLabels(folder / "m.json"); }),
            (folder / "m.json").string() +
                ": meta actions: 2 problems:\n  - 00000000000000000000000000000001: must be "
                "\"<velocity>, <direction>\" such as \"Maintain speed, Go Straight\", but is "
                "\"Fly, Up\"\n  - \"x\" must be a sample token of 32 hex digits\nMake the file "
                "again with `occvla label meta-actions`.");
}

}  // namespace
}  // namespace occvla::label
