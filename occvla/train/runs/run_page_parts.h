#pragma once

namespace occvla::train {

extern const char* const kPageStyle;
/// Draws the charts from the JSON in #data.
extern const char* const kPageScript;

}  // namespace occvla::train
