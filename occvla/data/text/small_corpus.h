#pragma once
#include <string>
#include <vector>

namespace occvla::data {

/// Sentences about driving, made from templates: scene descriptions, questions and answers about
/// objects, reasons, meta actions, coordinates. What the small tokenizer learns its pieces from.
/// Always the same, in the same order; ASCII.
std::vector<std::string> SmallCorpus();

}  // namespace occvla::data
