#pragma once
#include <simdjson.h>

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "occvla/data/complaints.h"

/// What the reader of maps reads with: a document's places, records and tokens, and complaints
/// about them. Everything here lives while the parsed document does.
namespace occvla::data::nuscenes {

/// Where in the document a value stands; on the stack, like the values themselves.
struct MapPlace {
  static constexpr size_t kNoIndex = SIZE_MAX;
  const MapPlace* parent = nullptr;
  std::string_view name;
  size_t index = kNoIndex;
  bool is_token = false;  ///< `name` is no name of the format but a token: shown in brackets.

  std::string ToString() const;  ///< Like `lane[17].left_lane_divider_segments[2].node_token`.
};

/// The tokens of one layer.
class MapTokens {
 public:
  MapTokens(std::string_view layer, const std::vector<simdjson::dom::element>& records,
            Complaints& complaints);

  std::string_view layer() const { return layer_; }
  const uint32_t* Find(std::string_view token) const;
  /// The last record whose token is null; nullptr if there is none.
  const uint32_t* null_row() const { return has_null_ ? &null_row_ : nullptr; }

 private:
  std::string_view layer_;
  std::unordered_map<std::string_view, uint32_t> rows_;
  uint32_t null_row_ = 0;
  bool has_null_ = false;
};

/// An object with fields of known names. What is missing or wrong becomes a complaint and an empty
/// value; the caller goes on.
class MapRecord {
 public:
  MapRecord(simdjson::dom::element element, const MapPlace& place, Complaints& complaints);

  std::string String(std::string_view name);
  bool Bool(std::string_view name);
  double Number(std::string_view name);
  template <size_t N>
  std::array<double, N> Numbers(std::string_view name);
  /// The elements of an array; none after a complaint.
  std::vector<simdjson::dom::element> Elements(std::string_view name);
  /// The field itself; nothing after a complaint.
  std::optional<simdjson::dom::element> Find(std::string_view name);

  /// The token of this record; "" for null if that is allowed.
  enum class Null { kComplain, kAllow };
  std::string Token(Null null = Null::kComplain);
  /// A row of the layer `tokens`, or UINT32_MAX: for null and "" (allowed or not), and where no
  /// record has the token, which is a complaint unless `unknown` is there to take it.
  uint32_t Reference(std::string_view name, const MapTokens& tokens, Null null = Null::kComplain,
                     std::string* unknown = nullptr);
  std::vector<uint32_t> References(std::string_view name, const MapTokens& tokens);

  /// Adds the names of fields that nobody asked for, as `layer.name`.
  void ReportOthers(std::string_view layer, std::set<std::string>& names) const;

  const MapPlace& place() const { return place_; }
  void Complain(std::string_view name, const std::string& problem);

 private:
  void ComplainType(std::string_view name, const std::string& expected,
                    simdjson::dom::element found);

  MapPlace place_;
  Complaints& complaints_;
  simdjson::dom::object fields_;
  uint64_t used_ = 0;    ///< A bit a field, in the document's order.
  bool usable_ = false;  ///< One that is no object has one complaint, not one a field.
};

/// A value for a complaint, short.
std::string DescribeMapValue(simdjson::dom::element value);
/// The row that a token names, complaining where none does.
uint32_t ResolveMapToken(simdjson::dom::element value, const MapTokens& tokens,
                         const MapPlace& place, Complaints& complaints);

}  // namespace occvla::data::nuscenes
