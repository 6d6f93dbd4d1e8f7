#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "occvla/base/config.h"
#include "occvla/base/error.h"

namespace {

enum class Mode { kFast, kExact };

}  // namespace

template <>
struct occvla::EnumNames<Mode> {
  static constexpr std::pair<std::string_view, Mode> kNames[] = {{"fast", Mode::kFast},
                                                                 {"exact", Mode::kExact}};
};

namespace {

struct Table {
  double lr = 0.5;
  bool on = false;
  std::vector<double> weights;
  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("lr", lr, "a number");
    v("on", on, "a switch");
    v("weights", weights, "numbers");
  }
};

struct Config {
  int count = 1;
  uint64_t seed = 2;
  std::string name;
  std::filesystem::path out;
  Mode mode = Mode::kFast;
  std::vector<std::string> words;
  std::vector<int64_t> numbers;
  Table table;
  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("count", count, "an int");
    v("seed", seed, "an integer");
    v("name", name, "a string");
    v("out", out, "a path");
    v("mode", mode, "an enum");
    v("words", words, "strings");
    v("numbers", numbers, "integers");
    v("table", table, "a table");
  }
};

}  // namespace

// The text is read as a file and as a --set; what was accepted must survive saving and loading.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  Config config;
  try {
    occvla::ParseToml(config, text, "fuzz");
  } catch (const occvla::Error&) {
  }
  try {
    occvla::ApplySet(config, text);
  } catch (const occvla::Error&) {
  }
  const std::string saved = occvla::ToToml(config);
  Config back;
  occvla::ParseToml(back, saved, "saved");
  if (occvla::ToToml(back) != saved) __builtin_trap();
  return 0;
}
