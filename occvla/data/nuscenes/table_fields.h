#pragma once
#include <simdjson.h>

#include <string>

#include "occvla/data/nuscenes/table_parser.h"

namespace occvla::data::nuscenes {

/// Writes one value into its place in a raw row and what it points to into `block`; false when the
/// value is not what `kind` says. The string's bytes behind `value` must have padding.
bool SetField(FieldKind kind, simdjson::ondemand::value& value, std::byte* place,
              TableBlock& block);

/// What a kind of field must be, for complaints: "a list of 3 numbers".
std::string Expectation(FieldKind kind);

}  // namespace occvla::data::nuscenes
