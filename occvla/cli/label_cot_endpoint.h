#pragma once
#include <CLI/App.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "occvla/cli/verbs.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/label/scene_graph_dataset.h"

/// `label cot --endpoint`: the maker that asks a chat endpoint.
namespace occvla::cli {

struct CotEndpointFlags {
  bool endpoint = false;
  std::filesystem::path address, cache, config;
  std::vector<std::string> sets, shorthands;
};

/// --endpoint, --address, --cache, --model, --max-requests, --config, --set.
void AddCotEndpointFlags(CLI::App& verb, const std::shared_ptr<CotEndpointFlags>& flags);

/// Writes the chain of thought of the keyframes that got one; `make` says split, file and whether
/// it may be replaced.
void RunCotEndpoint(const CotEndpointFlags& flags, const data::nuscenes::Dataset& dataset,
                    const label::MakeOptions& make, const Context& context);

}  // namespace occvla::cli
