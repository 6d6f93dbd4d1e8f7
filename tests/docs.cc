#include "tests/docs.h"

#include <cctype>
#include <set>
#include <sstream>

namespace occvla::tests {
namespace {

bool IsAssignment(const std::string& word) {
  const auto equals = word.find('=');
  if (equals == word.npos || equals == 0) return false;
  for (const char c : word.substr(0, equals))
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_') return false;
  return true;
}

void AddCommands(const std::string& where, const std::string& line,
                 std::vector<DocCommand>& commands) {
  const std::set<std::string> separators{"&&", "|", ";", "||"};
  DocCommand command{where, {}};
  const auto finish = [&] {
    if (!command.words.empty()) commands.push_back(command);
    command.words.clear();
  };
  bool redirected = false;
  std::istringstream in(line);
  for (std::string word; in >> word;) {
    if (word.starts_with("#")) break;
    if (separators.count(word)) {
      finish();
      redirected = false;
    } else if (word.starts_with(">") || word.starts_with("<") || word.starts_with("2>")) {
      redirected = true;
    } else if (!redirected && !(command.words.empty() && IsAssignment(word))) {
      command.words.push_back(word);
    }
  }
  finish();
}

}  // namespace

std::vector<DocCommand> CommandsOf(const std::string& page, const std::vector<std::string>& lines) {
  std::vector<DocCommand> commands;
  bool in_block = false;
  std::string pending, where;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    if (line.starts_with("```")) {
      in_block = !in_block && line == "```sh";
      continue;
    }
    if (!in_block) continue;
    if (pending.empty()) where = page + ":" + std::to_string(i + 1);
    if (line.ends_with("\\")) {
      pending += line.substr(0, line.size() - 1) + " ";
      continue;
    }
    AddCommands(where, pending + line, commands);
    pending.clear();
  }
  return commands;
}

std::vector<std::string> FlagsOf(const std::vector<std::string>& words) {
  std::vector<std::string> flags;
  for (const auto& word : words)
    if (word.starts_with("--") && word.size() > 2) flags.push_back(word.substr(0, word.find('=')));
  return flags;
}

bool Names(const std::string& help, const std::string& flag) {
  const auto is_part = [&](size_t at) {
    return at < help.size() &&
           (std::isalnum(static_cast<unsigned char>(help[at])) || help[at] == '-');
  };
  for (auto at = help.find(flag); at != help.npos; at = help.find(flag, at + 1))
    if (!(at > 0 && is_part(at - 1)) && !is_part(at + flag.size())) return true;
  return false;
}

}  // namespace occvla::tests
