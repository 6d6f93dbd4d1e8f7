#include <algorithm>
#include <nlohmann/json.hpp>

#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/cli/verbs.h"
#include "occvla/data/nuscenes/map.h"

namespace occvla::cli {
namespace {

using data::nuscenes::Layer;
using data::nuscenes::Map;
using nlohmann::json;

struct Flags {
  std::string map, queries, output;
};

/// Answers one query after another, each list of a kind by itself.
class Answers {
 public:
  explicit Answers(const Map& map) : map_(map) {}

  json Discretise(const JsonNode& query) const {
    return data::nuscenes::Discretise(Paths(query), Positive(query, "step"));
  }
  json Path(const JsonNode& query) const {
    static constexpr std::array<const char*, 6> kShapes = {"LRL", "RLR", "LSL",
                                                           "LSR", "RSL", "RSR"};
    json paths = json::array();
    for (const auto& path : Paths(query)) {
      paths.push_back({{"start_pose", path.start},
                       {"end_pose", path.end},
                       {"shape", kShapes[static_cast<size_t>(path.shape)]},
                       {"radius", path.radius},
                       {"segment_length", path.lengths}});
    }
    return paths;
  }
  json Curvature(const JsonNode& query) const {
    return data::nuscenes::CurvatureAlong(Paths(query), query.At("s").Number());
  }
  json Closest(const JsonNode& query) const {
    const auto element = map_.ClosestElement(Point(query), query.At("radius").Number());
    return element ? map_.records().ElementToken(*element) : "";
  }
  json Connectivity(const JsonNode& query) const {
    const uint32_t element = Element(query);
    const auto tokens = [&](const std::vector<uint32_t>& elements, bool outgoing) {
      std::vector<std::string> list;
      for (const uint32_t other : elements) list.push_back(map_.records().ElementToken(other));
      for (const auto& other : map_.records().dangling)
        if (other.element == element && other.outgoing == outgoing) list.push_back(other.token);
      return list;
    };
    return {{"incoming", tokens(map_.records().incoming[element], false)},
            {"outgoing", tokens(map_.records().outgoing[element], true)}};
  }
  json Near(const JsonNode& query) const {
    const Layer layer = LayerOf(query);
    return Tokens(layer, map_.Near(layer, Point(query), query.At("radius").Number()));
  }
  json Containing(const JsonNode& query) const {
    const Layer layer = LayerOf(query);
    return Tokens(layer, map_.Containing(layer, Point(query)));
  }

 private:
  static Eigen::Vector2d Point(const JsonNode& query) {
    return {query.At("x").Number(), query.At("y").Number()};
  }
  static double Positive(const JsonNode& query, const char* name) {
    const double value = query.At(name).Number();
    if (value < 1e-3)
      query.At(name).Fail("must be at least 0.001, but is " + std::to_string(value));
    return value;
  }
  static Layer LayerOf(const JsonNode& query) {
    const auto& names = data::nuscenes::kLayerNames;
    const JsonNode name = query.At("layer");
    const auto found = std::find(names.begin(), names.end(), name.String());
    if (found == names.end()) name.Fail("is no layer of a map");
    return static_cast<Layer>(found - names.begin());
  }
  uint32_t Element(const JsonNode& query) const {
    const JsonNode token = query.At("token");
    const auto element = map_.FindElement(token.String());
    if (!element) token.Fail("is no lane and no lane_connector of this map");
    return *element;
  }
  const std::vector<data::nuscenes::ArcPath>& Paths(const JsonNode& query) const {
    return map_.records().paths[Element(query)];
  }
  json Tokens(Layer layer, const std::vector<uint32_t>& rows) const {
    std::vector<std::string> tokens;
    for (const uint32_t row : rows) tokens.push_back(std::string(map_.Token(layer, row)));
    return tokens;
  }

  const Map& map_;  // Outlives the answers.
};

json Answer(const Map& map, const JsonNode& queries) {
  using Ask = json (Answers::*)(const JsonNode&) const;
  static constexpr std::array<std::pair<const char*, Ask>, 7> kKinds = {
      {{"discretise", &Answers::Discretise},
       {"arcline_path", &Answers::Path},
       {"curvature", &Answers::Curvature},
       {"closest", &Answers::Closest},
       {"connectivity", &Answers::Connectivity},
       {"near", &Answers::Near},
       {"containing", &Answers::Containing}}};
  queries.RefuseOthers(
      {"discretise", "arcline_path", "curvature", "closest", "connectivity", "near", "containing"});
  const Answers answers(map);
  json result = json::object();
  for (const auto& [name, ask] : kKinds) {
    const auto list = queries.Find(name);
    if (!list) continue;
    json& out = result[name] = json::array();
    for (size_t i = 0; i < list->size(); ++i) out.push_back((answers.*ask)(list->At(i)));
  }
  return result;
}

}  // namespace

void AddDumpMap(CLI::App& dump, const Context&) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *dump.add_subcommand("map", "What a map expansion answers to queries");
  verb.add_option("--map", flags->map, "A location's map expansion")
      ->required()
      ->type_name("FILE.json");
  verb.add_option(
          "--queries", flags->queries,
          "Lists of queries by kind: discretise {token, step}, arcline_path {token}, "
          "curvature {token, s}, closest {x, y, radius}, connectivity {token}, near {layer, "
          "x, y, radius}, containing {layer, x, y}")
      ->required()
      ->type_name("FILE.json");
  verb.add_option("--output", flags->output, "The answers: a list for each kind, in order")
      ->required()
      ->type_name("FILE.json");
  verb.footer(
      "Example:\n  occvla dump map --map maps/expansion/boston-seaport.json --queries q.json "
      "--output r.json");
  verb.callback([flags] {
    const json queries = ReadJsonFile(flags->queries);
    const Map map(data::nuscenes::ReadMap(flags->map));
    WriteFileAtomically(flags->output,
                        std::string_view(Answer(map, JsonNode(queries, flags->queries)).dump()));
  });
}

}  // namespace occvla::cli
