#include "occvla/label/answer_cache.h"

#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/json.h"

namespace occvla::label {

AnswerCache::AnswerCache(std::filesystem::path folder) : folder_(std::move(folder)) {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error || !std::filesystem::is_directory(folder_)) {
    throw DataError(folder_.string() +
                    ": the folder for answers cannot be made: " + error.message() + ".");
  }
}

std::filesystem::path AnswerCache::PathOf(const std::string& hash) const {
  return folder_ / hash.substr(0, 2) / (hash + ".json");
}

std::optional<ChatAnswer> AnswerCache::Find(const std::string& hash) const {
  const std::filesystem::path path = PathOf(hash);
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  const nlohmann::json document =
      ReadJsonFile(path, {.max_bytes = 8 * ChatEndpoint::kMaxReply, .max_depth = 4});
  const JsonNode root(document, path.string());
  root.RefuseOthers({"question", "model", "text", "prompt_tokens", "answer_tokens"});
  if (root.At("question").String() != hash)
    root.Fail("holds the answer to another question. Delete the file to ask again.");
  ChatAnswer answer;
  answer.text = root.At("text").String();
  answer.prompt_tokens = root.At("prompt_tokens").Int(0);
  answer.answer_tokens = root.At("answer_tokens").Int(0);
  return answer;
}

void AnswerCache::Keep(const std::string& hash, std::string_view model,
                       const ChatAnswer& answer) const {
  const std::filesystem::path path = PathOf(hash);
  std::error_code ignored;
  std::filesystem::create_directories(path.parent_path(), ignored);
  const nlohmann::ordered_json json = {{"question", hash},
                                       {"model", model},
                                       {"text", answer.text},
                                       {"prompt_tokens", answer.prompt_tokens},
                                       {"answer_tokens", answer.answer_tokens}};
  WriteFileAtomically(path, json.dump() + "\n");
}

}  // namespace occvla::label
