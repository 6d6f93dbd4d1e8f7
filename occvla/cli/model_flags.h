#pragma once
#include <CLI/App.hpp>
#include <optional>
#include <string>

#include "occvla/infer/engine.h"

/// Flags that mean the same at every verb that runs a model.
namespace occvla::cli {

/// --mask occvla|paligemma
void AddMaskFlag(CLI::App& verb, std::optional<model::MaskMode>& mask);
/// --dtype auto|f32|bf16
void AddDtypeFlag(CLI::App& verb, infer::ComputeType& dtype);
/// --device cpu|cuda|cuda:N
void AddDeviceFlag(CLI::App& verb, std::string& device);

}  // namespace occvla::cli
