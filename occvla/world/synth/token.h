#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace occvla::world::synth {

/// A nuScenes token: 32 hex digits that depend on the arguments alone. `kind` separates tables.
std::string Token(uint64_t seed, std::string_view kind, uint64_t scene, uint64_t index);

}  // namespace occvla::world::synth
