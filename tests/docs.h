#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace occvla::tests {

/// One command of a ```sh block of a page: its words, without variable assignments before it.
struct DocCommand {
  std::string where;  ///< page:line
  std::vector<std::string> words;
};

/// The commands of a page's ```sh blocks. Lines that end in a backslash go on; `&&`, `|` and `;`
/// separate commands; a comment and a redirection end one.
std::vector<DocCommand> CommandsOf(const std::string& page, const std::vector<std::string>& lines);

/// The flags (`--name`) among the words, without `=value`.
std::vector<std::string> FlagsOf(const std::vector<std::string>& words);

/// Whether a help text names the flag as a whole word.
bool Names(const std::string& help, const std::string& flag);

}  // namespace occvla::tests
