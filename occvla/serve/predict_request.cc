#include "occvla/serve/predict_request.h"

#include <fmt/format.h>

#include "occvla/data/frame_json.h"
#include "occvla/serve/refusal.h"

namespace occvla::serve {
namespace {

GivenFrame ReadFrame(const JsonNode& root, FrameInput& frames) {
  const auto token = root.Find("frame"), images = root.Find("images"),
             calibration = root.Find("calibration");
  if (token.has_value() == images.has_value()) {
    root.Fail("must have either \"frame\" (a token) or \"images\" (of the cameras by name)");
  }
  if (token) {
    if (calibration) calibration->Fail("belongs to \"images\"; the frame has its own");
    return frames.FromToken(*token);
  }
  std::vector<GivenImage> given;
  for (const auto& camera : images->Names()) {
    const auto node = images->At(camera);
    given.push_back({camera, ImageBytes(node, Bare::kAllowed), node.path()});
  }
  if (given.size() != 1 && given.size() != 6) {
    images->Fail(fmt::format("must hold one image or six, but holds {}", given.size()));
  }
  std::optional<data::Calibration> cameras;
  if (calibration) cameras = data::CalibrationFromJson(*calibration);
  return frames.FromImages(given, cameras);
}

std::optional<OccupancyEncoding> ReadOccupancy(const JsonNode& root,
                                               const model::ModelConfig& model) {
  const auto node = root.Find("occupancy");
  if (!node) return std::nullopt;
  if (!model.has_occupancy) node->Fail("is asked for, but this model has no occupancy branch");
  const auto& name = node->String();
  if (name == "npz") return OccupancyEncoding::kNpz;
  if (name == "rle") return OccupancyEncoding::kRuns;
  node->Fail("must be \"npz\" or \"rle\"");
}

std::vector<std::string> ReadQuestions(const JsonNode& root, const AskLimits& limits) {
  std::vector<std::string> questions;
  const auto node = root.Find("questions");
  if (!node) return questions;
  if (!node->is_array() || node->size() > limits.max_questions) {
    node->Fail(fmt::format("must be an array of at most {} questions", limits.max_questions));
  }
  for (size_t i = 0; i < node->size(); ++i) {
    questions.push_back(ReadQuestion(node->At(i), limits));
    if (questions.back().empty()) node->At(i).Fail("must be a question, but is empty");
  }
  return questions;
}

}  // namespace

PredictRequest ReadPredictRequest(const nlohmann::json& body, const model::ModelConfig& model,
                                  const AskLimits& limits, FrameInput& frames) {
  const JsonNode root(body, kRequest, ErrorKind::kConfig);
  root.RefuseOthers({"frame", "images", "calibration", "ego", "questions", "drive", "occupancy",
                     "legal_meta_action", "max_tokens", "temperature", "top_p", "seed", "stop",
                     "deadline_s", "stream"});
  PredictRequest predict;
  infer::Request request;
  request.max_new_tokens = std::min<int64_t>(256, limits.max_new_tokens);
  ReadGeneration(root, limits, {"max_tokens"}, request);
  if (const auto node = root.Find("legal_meta_action")) {
    request.constrain_meta_action = node->Bool();
  }
  if (const auto node = root.Find("stream")) predict.stream = node->Bool();
  predict.deadline_s = ReadDeadline(root, limits);
  predict.questions = ReadQuestions(root, limits);
  predict.occupancy = ReadOccupancy(root, model);
  if (const auto node = root.Find("drive")) predict.drives = node->Bool();
  if (!predict.drives && predict.questions.empty() && !predict.occupancy) {
    root.Fail("asks for nothing: \"drive\" is false, without \"questions\" or \"occupancy\"");
  }
  std::optional<data::EgoState> ego;
  if (const auto node = root.Find("ego")) ego = data::EgoStateFromJson(*node);

  auto given = ReadFrame(root, frames);
  if (ego) given.frame.ego = *ego;
  if (const auto token = root.Find("frame")) predict.frame = token->String();
  predict.flags = std::move(given.flags);
  request.frame = std::move(given.frame);
  request.frame_key = std::move(given.key);
  if (predict.drives || predict.occupancy) {
    predict.requests.push_back(request);
    auto& first = predict.requests.back();
    first.text = first.trajectory = predict.drives;
    first.occupancy = predict.occupancy.has_value();
  }
  request.trajectory = request.constrain_meta_action = false;
  for (const auto& question : predict.questions) {
    request.prompt = question;
    predict.requests.push_back(request);
  }
  return predict;
}

}  // namespace occvla::serve
