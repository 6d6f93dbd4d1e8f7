#include <charconv>
#include <ostream>
#include <string>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/cli/verbs.h"
#include "occvla/data/text/tokenizer.h"

namespace occvla::cli {
namespace {

struct Flags {
  std::string tokenizer;
  std::string text, file, ids;
  bool control_words = false;
};

/// Ids separated by spaces or commas. Throws ConfigError naming what is no id of this vocabulary.
std::vector<int64_t> ParseIds(const std::string& text, int64_t vocabulary_size) {
  constexpr const char* kSeparators = " ,\t\n";
  std::vector<int64_t> ids;
  for (size_t at = text.find_first_not_of(kSeparators); at != std::string::npos;) {
    const size_t end = std::min(text.find_first_of(kSeparators, at), text.size());
    int64_t id = -1;
    const auto [rest, problem] = std::from_chars(text.data() + at, text.data() + end, id);
    if (problem != std::errc() || rest != text.data() + end || id < 0 || id >= vocabulary_size) {
      throw ConfigError("--decode: \"" + text.substr(at, end - at) +
                        "\" is no id; ids of this tokenizer run from 0 to " +
                        std::to_string(vocabulary_size - 1) + ".");
    }
    ids.push_back(id);
    at = text.find_first_not_of(kSeparators, end);
  }
  return ids;
}

}  // namespace

void AddTokenize(CLI::App& app, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *app.add_subcommand("tokenize", "Text to token ids, or back");
  verb.add_option("--tokenizer", flags->tokenizer, "Holds tokenizer.json or tokenizer.model")
      ->required()
      ->type_name("DIR");
  auto& input = *verb.add_option_group("Input", "One of these");
  const auto* text = input.add_option("--text", flags->text, "The text itself")->type_name("STR");
  const auto* file = input.add_option("--file", flags->file, "UTF-8 text file")->type_name("FILE");
  input.add_option("--decode", flags->ids, "Ids, separated by spaces: prints their text")
      ->type_name("IDS");
  input.require_option(1);
  verb.add_flag("--control-words", flags->control_words,
                "Words such as <bos> in the text become control tokens");
  verb.footer(
      "Prints ids separated by spaces; no <bos> or <eos> is added.\nExample:\n"
      "  occvla tokenize --tokenizer checkpoints/paligemma2 --text \"What is ahead?\"");
  verb.callback([flags, text, file, &context] {
    const auto tokenizer = data::Tokenizer::Load(flags->tokenizer);
    if (text->count() + file->count() == 0) {
      context.out << tokenizer.Decode(ParseIds(flags->ids, tokenizer.vocabulary_size())) << "\n";
      return;
    }
    const auto input_text = text->count() != 0 ? flags->text : ReadTextFile(flags->file);
    const auto words =
        flags->control_words ? data::ControlWords::kParse : data::ControlWords::kText;
    const char* separator = "";
    for (const int64_t id : tokenizer.Encode(input_text, words)) {
      context.out << separator << id;
      separator = " ";
    }
    context.out << "\n";
  });
}

}  // namespace occvla::cli
