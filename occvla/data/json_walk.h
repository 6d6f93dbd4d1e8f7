#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace occvla::data {

/// Walks a JSON document of any length from front to back and hands out its parts as they stand in
/// the text, so that a file of gigabytes (mapped) is read in the memory of one record. What is
/// walked through is checked strictly; a part that `Value` hands out is only known to be closed and
/// is parsed by whoever takes it (RecordParser). Syntax problems throw DataError with the byte,
/// without a full stop: complaints are gathered (Complaints::AddWhole).
///
///   walk.Object([&](std::string_view name) {
///     if (name == "questions") walk.Array([&](size_t) { Use(walk.Value(1 << 20)); });
///     else walk.Value(...);
///   });
///   walk.End();
class JsonWalk {
 public:
  /// `text` must outlive the walk; `where` opens every complaint.
  JsonWalk(std::string_view text, std::string where);

  /// The first byte of what comes next, after white space; 0 at the end.
  char Peek();
  /// Walks the object that comes next. `visit` is called for each field and must consume its value
  /// by exactly one call of Object, Array or Value. Names come without their quotes; one with
  /// escapes, or that occurs twice in its object, is refused.
  void Object(const std::function<void(std::string_view name)>& visit) { Object(visit, {}); }
  /// The same, but a name that occurs again is handed to `repeated` (which consumes the value),
  /// for readers that tell all of them at once.
  void Object(const std::function<void(std::string_view name)>& visit,
              const std::function<void(std::string_view name)>& repeated);
  /// The same for an array, by index.
  void Array(const std::function<void(size_t index)>& visit);
  /// The text of the value that comes next, at most `max_bytes` of it.
  std::string_view Value(size_t max_bytes);
  /// Checks that nothing but white space is left.
  void End();

  size_t offset() const { return at_; }
  /// Throws `where: not usable as JSON at byte N: problem`
  [[noreturn]] void Fail(const std::string& problem) const;

 private:
  void Expect(char wanted, const std::string& what);
  std::string_view Name();
  void SkipString();

  std::string_view text_;  // Not owned.
  std::string where_;
  size_t at_ = 0;
};

}  // namespace occvla::data
