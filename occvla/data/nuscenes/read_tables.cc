#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "occvla/data/nuscenes/table_checks.h"
#include "occvla/data/nuscenes/table_links.h"
#include "occvla/data/nuscenes/table_reader.h"
#include "occvla/data/nuscenes/table_store.h"
#include "occvla/data/nuscenes/token_index.h"

namespace occvla::data::nuscenes {
namespace {

// How far a table's memory is laid out beyond what its first piece promises. Pages that are not
// touched cost nothing.
constexpr size_t kReserve = 2;

bool IsText(FieldKind kind) {
  return kind == FieldKind::kText || kind == FieldKind::kPath || kind == FieldKind::kRepeated;
}

/// The name and the state of a table with its tokens' index, for references to it.
struct Target {
  std::string_view name;
  TableState state;
  TokenIndex index;
};

// One reference field of raw rows: from this token to that row.
template <typename Raw>
struct Reference {
  const char* field;
  Token Raw::*token;
  Row* (*row)(Raw&);
  const Target* target;
};

class Builder {
 public:
  Builder(const std::filesystem::path& dataroot, const std::string& version,
          const TableReadOptions& options)
      : where_((dataroot / version).string()),
        reader_(dataroot / version, version, options.piece_bytes, ThreadCount(options.threads)) {}

  TableStore Build() {
    if (!reader_.CheckFiles()) reader_.complaints().ThrowIfAny(where_);
    ReadSmallTables();
    ReadSamples();
    ReadSampleData();
    ReadAnnotations();
    reader_.complaints().ThrowIfAny(where_);
    MakeLists(store_);
    store_.content_key = reader_.ContentKey();
    return std::move(store_);
  }

 private:
  // Reads a table into `rows`. `visit(raw, block, row number)` sees each raw row as it is kept.
  template <typename Raw, typename RowType, typename Prepare, typename Visit>
  TableState Read(
      std::vector<RowType>& rows, const Prepare& prepare, const Visit& visit,
      const std::function<void()>& restart = [] {}) {
    const size_t text_before = store_.text.size();
    return reader_.Read(
        KindOf<Raw>(), prepare,
        [&](TableBlock& block, size_t pieces) {
          if (rows.empty() && pieces > 1) {
            rows.reserve(block.row_count * pieces * kReserve);
            store_.text.reserve(text_before + block.text.size() * pieces * kReserve);
          }
          Raw* const raws = block.As<Raw>();
          for (size_t i = 0; i < block.row_count; ++i) {
            Raw& raw = raws[i];
            for (const FieldSpec& field : Schema<Raw>::kFields) {
              if (!IsText(field.kind)) continue;
              reinterpret_cast<TextRef*>(reinterpret_cast<std::byte*>(&raw) + field.offset)
                  ->offset += store_.text.size();
            }
            visit(raw, block);
            rows.push_back(raw.row);
          }
          store_.text += block.text;
        },
        [&] {
          rows.clear();
          store_.text.resize(text_before);
          restart();
        });
  }

  template <typename Raw, typename RowType>
  TableState Read(std::vector<RowType>& rows) {
    return Read<Raw>(
        rows, [](TableBlock&) {}, [](Raw&, TableBlock&) {});
  }

  // Resolves references of a block's rows, all of one field together.
  template <typename Raw>
  void Resolve(TableBlock& block, std::initializer_list<Reference<Raw>> references) const {
    std::vector<Token> tokens(block.row_count);
    std::vector<Row> rows(block.row_count);
    Raw* const raws = block.As<Raw>();
    for (const Reference<Raw>& reference : references) {
      for (size_t i = 0; i < block.row_count; ++i) tokens[i] = raws[i].*reference.token;
      reference.target->index.Find(tokens, rows);
      for (size_t i = 0; i < block.row_count; ++i) {
        *reference.row(raws[i]) = rows[i];
        if (rows[i] == kNoRow && tokens[i] != Token{} && reference.target->state.read) {
          ComplainOfReference(block, i, reference.field, tokens[i], reference.target->name);
        }
      }
    }
  }

  // Damaged rows stay in order: a complaint about a row that has one already adds no row.
  void ComplainOfReference(TableBlock& block, size_t row, const char* field, Token token,
                           std::string_view target) const {
    block.Complain(
        {static_cast<uint32_t>(row), field, "is " + DanglingText(token, reader_.Name(target))});
  }

  template <typename RowType>
  static std::vector<Token> TokensOf(const std::vector<RowType>& rows) {
    std::vector<Token> tokens(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) tokens[i] = rows[i].token;
    return tokens;
  }

  // Makes a target of a table, and complains of tokens that two rows share.
  template <typename RowType>
  Target MakeTarget(std::string_view name, TableState state, const std::vector<RowType>& rows) {
    Target target{name, std::move(state), TokenIndex(TokensOf(rows), reader_.threads())};
    const uint64_t before = reader_.complaints().count();
    ComplainOfDuplicates(target.index, reader_.Name(name), reader_.complaints());
    target.state.has_duplicates = reader_.complaints().count() != before;
    return target;
  }

  void ReadSmallTables() {
    visibility_ = Read<RawVisibility>(store_.visibility);
    CheckLevels(store_, reader_.Name("visibility"), visibility_, reader_.complaints());
    attribute_ = MakeTarget("attribute", Read<RawAttribute>(store_.attribute), store_.attribute);
    category_ = MakeTarget("category", Read<RawCategory>(store_.category), store_.category);
    sensor_ = MakeTarget("sensor", Read<RawSensor>(store_.sensor), store_.sensor);
    log_ = MakeTarget("log", Read<RawLog>(store_.log), store_.log);
    ReadMaps();
    const TableState state = Read<RawCalibratedSensor>(
        store_.calibrated_sensor,
        [this](TableBlock& block) {
          Resolve<RawCalibratedSensor>(
              block, {{"sensor_token", &RawCalibratedSensor::sensor,
                       [](RawCalibratedSensor& raw) { return &raw.row.sensor; }, &sensor_}});
        },
        [](RawCalibratedSensor&, TableBlock&) {});
    calibrated_sensor_ = MakeTarget("calibrated_sensor", state, store_.calibrated_sensor);
    if (Good(sensor_.state)) {
      CheckCameras(store_, reader_.Name("calibrated_sensor"), calibrated_sensor_.state,
                   reader_.complaints());
    }
  }

  void ReadMaps() {
    const TableState state = Read<RawMap>(
        store_.map, [](TableBlock&) {},
        [this](RawMap& raw, TableBlock& block) {
          const Range named = raw.row.logs;
          raw.row.logs.begin = static_cast<uint32_t>(store_.map_logs.size());
          for (uint32_t i = named.begin; i < named.end; ++i) {
            const Row log = log_.index.Find(block.tokens[i]);
            if (log == kNoRow) {
              ++store_.dangling_map_logs;
            } else {
              store_.map_logs.push_back(log);
            }
          }
          raw.row.logs.end = static_cast<uint32_t>(store_.map_logs.size());
        },
        [this] {
          store_.map_logs.clear();
          store_.dangling_map_logs = 0;
        });
    const Target map = MakeTarget("map", state, store_.map);
    LinkLogs(store_, reader_.Name("log"), Good(map.state) && Good(log_.state),
             reader_.complaints());
  }

  void ReadSamples() {
    std::vector<Token> first, last;
    const TableState scene_state = Read<RawScene>(
        store_.scene,
        [this](TableBlock& block) {
          Resolve<RawScene>(block, {{"log_token", &RawScene::log,
                                     [](RawScene& raw) { return &raw.row.log; }, &log_}});
        },
        [&](RawScene& raw, TableBlock&) {
          first.push_back(raw.first_sample);
          last.push_back(raw.last_sample);
        },
        [&] {
          first.clear();
          last.clear();
        });
    const Target scene = MakeTarget("scene", scene_state, store_.scene);
    ChainTokens chain;
    const TableState state = Read<RawSample>(
        store_.sample,
        [&](TableBlock& block) {
          Resolve<RawSample>(block, {{"scene_token", &RawSample::scene,
                                      [](RawSample& raw) { return &raw.row.scene; }, &scene}});
        },
        [&](RawSample& raw, TableBlock&) { KeepLinks(raw, chain); }, [&] { chain = {}; });
    sample_ = MakeTarget("sample", state, store_.sample);
    CheckSceneNames(store_, reader_.Name("scene"), scene.state, reader_.complaints());
    const ChainRows rows = Link("sample", sample_, chain, store_.sample);
    store_.sample_by_token.assign(sample_.index.sorted_rows().begin(),
                                  sample_.index.sorted_rows().end());
    const bool ends = ResolveEnds("scene", scene.state, sample_, {first, last},
                                  {"first_sample_token", "last_sample_token"},
                                  [this](size_t scene_row, Row first_row, Row last_row) {
                                    store_.scene[scene_row].first_sample = first_row;
                                    store_.scene[scene_row].last_sample = last_row;
                                  });
    if (rows.sound && ends && Good(scene.state))
      CheckScenes(store_, reader_.Name("scene"), reader_.Name("sample"), reader_.complaints());
  }

  void ReadSampleData() {
    Target ego_pose = MakeTarget("ego_pose", Read<RawEgoPose>(store_.ego_pose), store_.ego_pose);
    ChainTokens chain;
    const TableState state = Read<RawSampleData>(
        store_.sample_data,
        [&](TableBlock& block) {
          using Raw = RawSampleData;
          Resolve<Raw>(
              block,
              {{"sample_token", &Raw::sample, [](Raw& raw) { return &raw.row.sample; }, &sample_},
               {"ego_pose_token", &Raw::ego_pose, [](Raw& raw) { return &raw.row.ego_pose; },
                &ego_pose},
               {"calibrated_sensor_token", &Raw::calibrated_sensor,
                [](Raw& raw) { return &raw.row.calibrated_sensor; }, &calibrated_sensor_}});
        },
        [&](RawSampleData& raw, TableBlock&) { KeepLinks(raw, chain); }, [&] { chain = {}; });
    ego_pose = {};
    const Target target = MakeTarget("sample_data", state, store_.sample_data);
    const ChainRows rows = Link("sample_data", target, chain, store_.sample_data);
    store_.sample_data_by_token.assign(target.index.sorted_rows().begin(),
                                       target.index.sorted_rows().end());
    if (Good(sensor_.state)) {
      CheckSampleData(store_, reader_.Name("sample_data"), target.state,
                      rows.sound && Good(calibrated_sensor_.state), reader_.complaints());
    }
  }

  void ReadAnnotations() {
    std::vector<Token> first, last;
    const TableState instance_state = Read<RawInstance>(
        store_.instance,
        [this](TableBlock& block) {
          Resolve<RawInstance>(block,
                               {{"category_token", &RawInstance::category,
                                 [](RawInstance& raw) { return &raw.row.category; }, &category_}});
        },
        [&](RawInstance& raw, TableBlock&) {
          first.push_back(raw.first_annotation);
          last.push_back(raw.last_annotation);
        },
        [&] {
          first.clear();
          last.clear();
        });
    const Target instance = MakeTarget("instance", instance_state, store_.instance);
    ChainTokens chain;
    const TableState state = Read<RawAnnotation>(
        store_.sample_annotation,
        [&](TableBlock& block) {
          using Raw = RawAnnotation;
          Resolve<Raw>(block, {{"sample_token", &Raw::sample,
                                [](Raw& raw) { return &raw.row.sample; }, &sample_},
                               {"instance_token", &Raw::instance,
                                [](Raw& raw) { return &raw.row.instance; }, &instance}});
          CheckAttributesAndLevels(block);
        },
        [&](RawAnnotation& raw, TableBlock& block) {
          KeepLinks(raw, chain);
          KeepAttributes(raw, block);
        },
        [&] {
          chain = {};
          store_.annotation_attribute_rows.clear();
        });
    const Target target = MakeTarget("sample_annotation", state, store_.sample_annotation);
    const ChainRows rows = Link("sample_annotation", target, chain, store_.sample_annotation);
    store_.annotation_by_token.assign(target.index.sorted_rows().begin(),
                                      target.index.sorted_rows().end());
    const bool ends = ResolveEnds("instance", instance.state, target, {first, last},
                                  {"first_annotation_token", "last_annotation_token"},
                                  [this](size_t row, Row first_row, Row last_row) {
                                    store_.instance[row].first_annotation = first_row;
                                    store_.instance[row].last_annotation = last_row;
                                  });
    if (rows.sound && ends && Good(instance.state) && Good(sample_.state)) {
      CheckInstances(store_, reader_.Name("instance"), reader_.Name("sample_annotation"),
                     reader_.complaints());
    }
  }

  static bool Good(const TableState& state) {
    return state.read && state.damaged.empty() && !state.has_duplicates;
  }

  template <typename Raw>
  static void KeepLinks(const Raw& raw, ChainTokens& chain) {
    chain.next.push_back(raw.next);
    chain.previous.push_back(raw.previous);
  }

  void CheckAttributesAndLevels(TableBlock& block) const {
    RawAnnotation* const raws = block.As<RawAnnotation>();
    for (size_t i = 0; i < block.row_count; ++i) {
      const Range range = raws[i].row.attributes;
      for (uint32_t at = range.begin; at < range.end && attribute_.state.read; ++at) {
        if (attribute_.index.Find(block.tokens[at]) == kNoRow)
          ComplainOfReference(block, i, "attribute_tokens", block.tokens[at], "attribute");
      }
      const int32_t level = raws[i].row.visibility;
      if (level == 0 || !visibility_.read || HasLevel(store_, level)) continue;
      block.Complain(
          {static_cast<uint32_t>(i), "visibility_token",
           fmt::format("is \"{}\", which no record of {} has", level, reader_.Name("visibility"))});
    }
  }

  void KeepAttributes(RawAnnotation& raw, const TableBlock& block) {
    const Range named = raw.row.attributes;
    auto& kept = store_.annotation_attribute_rows;
    raw.row.attributes.begin = static_cast<uint32_t>(kept.size());
    for (uint32_t i = named.begin; i < named.end; ++i)
      kept.push_back(attribute_.index.Find(block.tokens[i]));
    raw.row.attributes.end = static_cast<uint32_t>(kept.size());
  }

  template <typename RowType>
  ChainRows Link(std::string_view name, const Target& target, ChainTokens& chain,
                 std::vector<RowType>& rows) {
    if (!target.state.read || target.state.has_duplicates) return {};
    ChainRows links = ResolveChains(chain, target.index, target.state, reader_.Name(name),
                                    reader_.threads(), reader_.complaints());
    chain = {};
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i].next = links.next[i];
      rows[i].previous = links.previous[i];
    }
    return links;
  }

  // The first and the last record that scenes and instances name. True when all were found.
  template <typename Set>
  bool ResolveEnds(std::string_view name, const TableState& state, const Target& target,
                   std::pair<const std::vector<Token>&, const std::vector<Token>&> tokens,
                   std::pair<const char*, const char*> fields, const Set& set) {
    if (!state.read || !target.state.read) return false;
    const uint64_t before = reader_.complaints().count();
    for (size_t i = 0; i < tokens.first.size(); ++i) {
      const Token first = tokens.first[i], last = tokens.second[i];
      const Row first_row = target.index.Find(first), last_row = target.index.Find(last);
      set(i, first_row, last_row);
      for (const auto& [field, token, row] :
           {std::tuple{fields.first, first, first_row}, {fields.second, last, last_row}}) {
        if (row != kNoRow || token == Token{}) continue;
        reader_.complaints().Add(FieldPlace(reader_.Name(name), i, field) + " is " +
                                 DanglingText(token, reader_.Name(target.name)));
      }
    }
    return reader_.complaints().count() == before;
  }

  std::string where_;
  TableReader reader_;
  TableStore store_;
  TableState visibility_;
  Target attribute_, category_, sensor_, log_, calibrated_sensor_, sample_;
};

}  // namespace

TableStore ReadTableFiles(const std::filesystem::path& dataroot, const std::string& version,
                          const TableReadOptions& options) {
  return Builder(dataroot, version, options).Build();
}

}  // namespace occvla::data::nuscenes
