#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/base/error.h"

namespace occvla {

/// Bounds on a JSON document, checked before or while it is read.
struct JsonLimits {
  size_t max_bytes = size_t{64} << 20;
  size_t max_depth = 64;
  ErrorKind kind = ErrorKind::kData;  ///< What every complaint throws.
};

/// Parses one strict JSON document (RFC 8259, UTF-8, nothing after it). A name that occurs twice in
/// an object, nesting beyond the limit, and syntax errors throw `limits.kind` with the byte offset;
/// `where` (usually the path) opens every complaint. For small documents: it builds a tree.
nlohmann::json ParseJson(std::string_view text, const std::string& where,
                         const JsonLimits& limits = {});
nlohmann::json ReadJsonFile(const std::filesystem::path& path, const JsonLimits& limits = {});

/// A place in a parsed document that knows its path, so that a complaint says
/// `config.json: text_config.hidden_size must be an integer, but is "big"`. No coercion and no
/// default: 1.0 is not an integer, and an absent field is asked for with `Find`. The document must
/// outlive every node; a temporary does not bind. Cheap to copy but for its path.
class JsonNode {
 public:
  JsonNode(const nlohmann::json& document, std::string where, ErrorKind kind = ErrorKind::kData);
  JsonNode(nlohmann::json&& document, std::string where,
           ErrorKind kind = ErrorKind::kData) = delete;

  /// A field of an object; throws with the nearest existing names when it is absent.
  JsonNode At(std::string_view name) const;
  /// A field of an object if it is there. `null` counts as absent: Hugging Face writes both.
  std::optional<JsonNode> Find(std::string_view name) const;
  /// An element of an array.
  JsonNode At(size_t index) const;
  /// Elements of an array or fields of an object; throws for anything else.
  size_t size() const;
  /// The names of an object, sorted.
  std::vector<std::string> Names() const;

  bool is_object() const { return value_->is_object(); }
  bool is_array() const { return value_->is_array(); }
  bool is_string() const { return value_->is_string(); }
  bool is_null() const { return value_->is_null(); }

  bool Bool() const;
  /// An integer from `low` to `high`, both included.
  int64_t Int(int64_t low = std::numeric_limits<int64_t>::min(),
              int64_t high = std::numeric_limits<int64_t>::max()) const;
  uint64_t Unsigned() const;
  /// A finite number; integers are numbers.
  double Number() const;
  const std::string& String() const;
  std::vector<std::string> Strings() const;
  std::vector<int64_t> Ints() const;
  /// Finite numbers, exactly `count` of them if given.
  std::vector<double> Numbers(std::optional<size_t> count = std::nullopt) const;

  /// Throws when the object has a name that is not in `known`; names the nearest one.
  void RefuseOthers(std::initializer_list<std::string_view> known) const;

  /// Throws `where: path problem`, e.g. `Fail("must be even, but is 3")`.
  [[noreturn]] void Fail(const std::string& problem) const;

  const nlohmann::json& json() const { return *value_; }
  /// Like `text_config.layers[3]`; "the document" for the root.
  std::string path() const;

 private:
  struct Origin {
    std::string where;
    ErrorKind kind;
  };
  JsonNode(const nlohmann::json& value, std::shared_ptr<const Origin> origin, std::string path);
  [[noreturn]] void FailType(const std::string& expected) const;

  const nlohmann::json* value_;  // Not owned; the document outlives its nodes.
  std::shared_ptr<const Origin> origin_;
  std::string path_;
};

}  // namespace occvla
