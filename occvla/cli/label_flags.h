#pragma once
#include <CLI/App.hpp>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>

#include "occvla/label/scene_graph_dataset.h"

/// What the makers of texts ask and print alike.
namespace occvla::cli {

/// --split, --seed, --out (of type `out_type`, explained by `out_help`), --force, --threads.
void AddMakeFlags(CLI::App& verb, label::MakeOptions& make, const std::string& out_type,
                  const std::string& out_help);

/// A title and a line a count with its share of `total`.
void PrintShares(const std::string& title, const std::map<std::string, uint64_t>& counts,
                 uint64_t total, std::ostream& out);

}  // namespace occvla::cli
