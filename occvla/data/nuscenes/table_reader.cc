#include "occvla/data/nuscenes/table_reader.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/data/nuscenes/parallel.h"
#include "occvla/data/nuscenes/table_file.h"

namespace occvla::data::nuscenes {

namespace {

ContentTag TagOfTable(const std::vector<ContentTag>& pieces, uint64_t size) {
  ContentTagger tagger;
  std::array<ContentTag, 2> parts{};
  parts[0] = tagger.Of(std::as_bytes(std::span(pieces)));
  std::memcpy(parts[1].data(), &size, sizeof size);
  return tagger.Of(std::as_bytes(std::span(parts)));
}

std::string KeyOf(const std::map<std::string, ContentTag, std::less<>>& tables) {
  std::vector<ContentTag> tags;
  for (const auto& [name, tag] : tables) tags.push_back(tag);
  return ToHex(ContentTagger().Of(std::as_bytes(std::span(tags))));
}

}  // namespace

TableReader::TableReader(std::filesystem::path folder, std::string version, size_t piece_bytes,
                         size_t threads)
    : folder_(std::move(folder)),
      version_(std::move(version)),
      piece_bytes_(piece_bytes),
      threads_(threads) {}

std::string TableReader::Name(std::string_view table) const {
  return fmt::format("{}/{}.json", version_, table);
}

// One reading of a file under one way of cutting it.
struct TableReader::Pass {
  struct Worker {
    explicit Worker(const TableKind& kind) : parser(kind.fields, kind.prototype, kind.row_size) {}
    TableParser parser;
    ContentTagger tagger;
    std::vector<char> buffer;
  };

  // All that is passed in outlives the pass.
  Pass(const TableFile& read_file, const std::string& table_name, const Prepare& prepare_block,
       const Commit& commit_block, bool cuts_are_guessed)
      : file(read_file),
        name(table_name),
        prepare(prepare_block),
        commit(commit_block),
        guessing(cuts_are_guessed) {}

  const TableFile& file;
  const std::string& name;
  const Prepare& prepare;
  const Commit& commit;
  const bool guessing;

  std::deque<Worker> workers;
  std::vector<ContentTag> tags;
  std::mutex mutex;  // Of all below.
  std::map<size_t, TableBlock> waiting;
  size_t committed = 0;  // Pieces.
  uint64_t records = 0;
  bool guessed_wrongly = false;
  TableState state{.read = true, .has_duplicates = false, .damaged = {}};
  Complaints complaints;
  std::atomic<bool> stop = false;

  void Run(const TableKind& kind, size_t threads) {
    tags.resize(file.piece_count());
    for (size_t i = 0; i < threads; ++i) workers.emplace_back(kind);
    ForEachIndex(file.piece_count(), threads,
                 [this](size_t thread, size_t k) { ReadPiece(workers[thread], k); });
  }

  void ReadPiece(Worker& worker, size_t k) {
    if (stop) return;
    const TableFile::Piece piece = file.Read(k, worker.buffer);
    tags[k] = worker.tagger.Of(std::as_bytes(std::span(piece.bytes)));
    TableBlock block;
    if (piece.complaint) {
      Break(block, *piece.complaint);
    } else if (piece.records.size > 0) {
      block = worker.parser.Parse(piece.records);
      if (block.end == TableBlock::End::kWhole) prepare(block);
    }
    const std::lock_guard lock(mutex);
    waiting.emplace(k, std::move(block));
    while (!stop && !waiting.empty() && waiting.begin()->first == committed) {
      CommitNext(waiting.begin()->second);
      waiting.erase(waiting.begin());
      ++committed;
    }
  }

  static void Break(TableBlock& block, const std::string& problem) {
    block.end = TableBlock::End::kBroken;
    block.Complain({static_cast<uint32_t>(block.row_count), "", problem});
  }

  void CommitNext(TableBlock& block) {
    if (block.end == TableBlock::End::kCutInTwo) {
      if (guessing && committed + 1 < file.piece_count()) {
        guessed_wrongly = stop = true;
        return;
      }
      Break(block, fmt::format("does not end before byte {}, where the list does: the file is cut "
                               "short, or a bracket or quotation mark in it is not closed",
                               file.list_end()));
    }
    if (records + block.row_count >= kNoRow)
      Break(block, fmt::format("is one too many: a table may have {}", kNoRow - 1));
    for (const uint32_t row : block.damaged)
      state.damaged.push_back(static_cast<Row>(records + row));
    for (const RecordComplaint& complaint : block.complaints) {
      const uint64_t record = records + complaint.record;
      complaints.Add(complaint.field.empty()
                         ? fmt::format("{}, record {} {}", name, record, complaint.problem)
                         : FieldPlace(name, record, complaint.field) + " " + complaint.problem);
    }
    complaints.Count(block.complaint_count - block.complaints.size());
    if (block.end == TableBlock::End::kBroken) {
      state.read = false;
      stop = true;
      return;
    }
    commit(block, file.piece_count());
    records += block.row_count;
  }
};

std::unique_ptr<TableFile> TableReader::Open(std::string_view table) {
  std::optional<std::string> problem;
  try {
    auto file = std::make_unique<TableFile>(folder_ / (std::string(table) + ".json"), piece_bytes_);
    problem = file->FindBody();
    if (!problem) return file;
  } catch (const DataError& error) {
    problem = error.what();
  }
  complaints_.Add(Name(table) + " " + *problem);
  return nullptr;
}

bool TableReader::CheckFiles() {
  bool good = true;
  for (const std::string_view table : kTableNames) good = Open(table) != nullptr && good;
  return good;
}

TableState TableReader::Read(const TableKind& kind, const Prepare& prepare, const Commit& commit,
                             const std::function<void()>& restart) {
  const std::string name = Name(kind.name);
  const std::unique_ptr<TableFile> file = Open(kind.name);
  if (!file) return {};
  for (const bool guessing : {true, false}) {
    if (!guessing) file->FindCuts();
    Pass pass(*file, name, prepare, commit, guessing);
    pass.Run(kind, threads_);
    if (pass.guessed_wrongly) {
      restart();
      continue;
    }
    complaints_.Append(std::move(pass.complaints));
    tags_[std::string(kind.name)] = TagOfTable(pass.tags, file->size());
    return pass.state;
  }
  return {};
}

std::string TableReader::ContentKey() const { return KeyOf(tags_); }

std::string ContentKeyOfFiles(const std::filesystem::path& folder, size_t threads) {
  std::map<std::string, ContentTag, std::less<>> tables;
  for (const std::string_view name : kTableNames) {
    const TableFile file(folder / (std::string(name) + ".json"));
    std::vector<ContentTag> tags(file.piece_count());
    struct Worker {
      ContentTagger tagger;
      std::vector<char> buffer;
    };
    std::vector<Worker> workers(threads);
    ForEachIndex(tags.size(), threads, [&](size_t thread, size_t k) {
      Worker& worker = workers[thread];
      tags[k] = worker.tagger.Of(std::as_bytes(std::span(file.ReadBytes(k, worker.buffer))));
    });
    tables[std::string(name)] = TagOfTable(tags, file.size());
  }
  return KeyOf(tables);
}

}  // namespace occvla::data::nuscenes
