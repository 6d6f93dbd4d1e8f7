#include "occvla/model/files/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "occvla/base/error.h"
#include "occvla/model/files/test_folder.h"

namespace occvla::model {
namespace {

using ::testing::HasSubstr;

ModelConfig PlainPaliGemma(ModelConfig config) {
  config.has_occupancy = config.has_planner = config.camera_embedding = false;
  config.adapters.placement = "none";
  return config;
}

TEST(Preset, PaliGemma2Of3BHasThePublishedParameterCount) {
  const auto specs = ExpectedTensors(PlainPaliGemma(Preset("paligemma2-3b-224")));
  EXPECT_EQ(specs.size(), 727u);
  EXPECT_EQ(ParameterCount(specs), 3'032'242'416);
  ModelConfig without_pad_rows = PlainPaliGemma(Preset("paligemma2-3b-224"));
  without_pad_rows.text.vocabulary = 257152;
  EXPECT_EQ(ParameterCount(ExpectedTensors(without_pad_rows)), 3'032'094'960);
}

TEST(Preset, LargerPaliGemmasHaveTheSizesTheirNamesSay) {
  // Published: 9.66 and 27.65 thousand million parameters.
  EXPECT_NEAR(static_cast<double>(
                  ParameterCount(ExpectedTensors(PlainPaliGemma(Preset("paligemma2-10b-448"))))),
              9.66e9, 0.03e9);
  EXPECT_NEAR(static_cast<double>(
                  ParameterCount(ExpectedTensors(PlainPaliGemma(Preset("paligemma2-28b-896"))))),
              27.65e9, 0.05e9);
}

TEST(Preset, TokensFollowTheImageSize) {
  EXPECT_EQ(Preset("paligemma2-3b-224").vision.tokens(), 256);
  EXPECT_EQ(Preset("paligemma2-3b-448").vision.tokens(), 1024);
  EXPECT_EQ(Preset("paligemma2-28b-896").vision.tokens(), 4096);
  EXPECT_EQ(Preset("nano").image_tokens(), 6 * 64);
  EXPECT_EQ(Preset("tiny").image_tokens(), 6 * 16);
}

TEST(Preset, VqvaeHasOccWorldsTensors) {
  const auto specs = VqvaeTensors(Preset("paligemma2-3b-224").vqvae);
  EXPECT_EQ(specs.size(), 222u);
  EXPECT_EQ(ParameterCount(specs), 14'168'272);
  int64_t encoder = 0, decoder = 0;
  for (const auto& spec : specs) {
    if (spec.name.starts_with("encoder.")) encoder += Elements(spec);
    if (spec.name.starts_with("decoder.")) decoder += Elements(spec);
  }
  EXPECT_EQ(encoder, 6'481'536);
  EXPECT_EQ(decoder, 7'588'032);
}

TEST(Preset, NanoFitsIntoFifteenMegabytes) {
  const int64_t count = ParameterCount(ExpectedTensors(Preset("nano")));
  EXPECT_EQ(count, 5'375'988);
  EXPECT_LT(2 * count, 15'000'000);
}

TEST(Preset, AllAreSound) {
  for (const auto& name : PresetNames()) EXPECT_NO_THROW(Preset(name).Validate()) << name;
}

TEST(Preset, UnknownNamesTheNearest) {
  EXPECT_THAT(MessageOf<ConfigError>([] { Preset("paligemma2-3b-244"); }),
              HasSubstr("preset \"paligemma2-3b-244\" is not known. Did you mean "
                        "paligemma2-3b-224"));
}

TEST(ExpectedTensors, AdaptersFollowTheirPlacement) {
  ModelConfig config = Preset("tiny");
  const auto count = [&](std::string_view part) {
    int found = 0;
    for (const auto& spec : ExpectedTensors(config)) {
      found += spec.name.find(part) != std::string::npos;
    }
    return found;
  };
  EXPECT_EQ(count(".ffn."), 12);
  EXPECT_EQ(count(".attn.down"), 0);
  config.adapters.placement = "houlsby";
  config.occupancy.own_adapters = true;
  EXPECT_EQ(count(".ffn."), 24);
  EXPECT_EQ(count("occupancy.adapters.2.attn.up.bias"), 1);
}

TEST(ExpectedTensors, OwnTensorsHaveTheAgreedShapes) {
  ModelConfig config = Preset("paligemma2-3b-224");
  config.camera_rays = config.occupancy.new_head = true;
  config.occupancy.grid = 25;
  config.planner.pool = "query";
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const auto& spec : ExpectedTensors(config)) shapes[spec.name] = spec.shape;
  using Shape = std::vector<int64_t>;
  EXPECT_EQ(shapes["camera_embedding.weight"], (Shape{6, 2304}));
  EXPECT_EQ(shapes["camera_rays.0.weight"], (Shape{256, 6}));
  EXPECT_EQ(shapes["camera_rays.1.bias"], (Shape{2304}));
  EXPECT_EQ(shapes["adapters.25.ffn.down.weight"], (Shape{144, 2304}));
  EXPECT_EQ(shapes["occupancy.queries.weight"], (Shape{625, 2304}));
  EXPECT_EQ(shapes["occupancy.projector.weight"], (Shape{512, 2304}));
  EXPECT_EQ(shapes["occupancy.head.weight"], (Shape{18, 8}));
  EXPECT_EQ(shapes["vqvae.class_embeds.weight"], (Shape{18, 8}));
  EXPECT_EQ(shapes["planner.query.weight"], (Shape{1, 2304}));
  EXPECT_EQ(shapes["planner.mlp.0.weight"], (Shape{512, 394}));
  EXPECT_EQ(shapes["planner.mlp.2.bias"], (Shape{12}));
}

TEST(ExpectedTensors, NamesAreUnique) {
  for (const auto& preset : {"tiny", "paligemma2-3b-224"}) {
    std::set<std::string> names;
    for (const auto& spec : ExpectedTensors(Preset(preset))) {
      EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
    }
  }
}

TEST(Validate, ListsEveryBrokenRule) {
  ModelConfig config = Preset("tiny");
  config.vision.heads = 3;
  config.text.head_size = 15;
  config.occupancy.grid = 7;
  config.adapters.placement = "everywhere";
  config.planner.history = -1;
  EXPECT_EQ(MessageOf<ConfigError>([&] { config.Validate(); }),
            "model config:\n"
            "  - vision.hidden (32) must be a multiple of vision.heads (3)\n"
            "  - text.head_size must be even (rotary pairs), is 15\n"
            "  - adapters.placement must be one of none, pfeiffer, houlsby, adapterhub_gemma2, is "
            "\"everywhere\"\n"
            "  - vqvae.height / 4 (50) must be a multiple of occupancy.grid (7)\n"
            "  - planner.history must be from 0 to 64, is -1");
}

TEST(ConfigJson, OwnConfigSurvivesTheRoundTrip) {
  ModelConfig config = Preset("nano");
  config.mask = MaskMode::kPaligemma;
  config.text.final_softcap = 30;
  config.text.attn_softcap = 0;
  config.text.sliding_window = 0;
  config.vision.resize = "bilinear";
  config.occupancy.text_sees = config.camera_rays = config.bf16_residual = true;
  config.planner.pool = "query";
  config.adapters.scale = 0.5;
  const std::string json = ConfigToJson(config);
  EXPECT_EQ(ConfigToJson(ConfigFromJson(json, "config.json")), json);
  const ModelConfig back = ConfigFromJson(json, "config.json");
  EXPECT_EQ(back.mask, MaskMode::kPaligemma);
  EXPECT_EQ(back.text.final_softcap, 30);
  EXPECT_EQ(back.text.attn_softcap, 0);
  EXPECT_EQ(back.text.sliding_window, 0);
  EXPECT_EQ(back.text.query_pre_attn_scalar, 64);
  EXPECT_EQ(back.vqvae.channels, 16);
  EXPECT_EQ(back.preset, "nano");
}

TEST(ConfigJson, AbsentFieldsMeanTransformersDefaults) {
  const ModelConfig config = ConfigFromJson(
      R"({"model_type": "paligemma", "text_config": {"model_type": "gemma2"},
          "vision_config": {"patch_size": 14, "hidden_size": 1152}})",
      "config.json");
  EXPECT_EQ(config.text.vocabulary, 256000);
  EXPECT_EQ(config.text.layers, 26);
  EXPECT_EQ(config.text.attn_softcap, 50);
  EXPECT_EQ(config.vision.layers, 12);
  EXPECT_EQ(config.vision.intermediate, 3072);
  EXPECT_FALSE(config.has_occupancy || config.has_planner || config.camera_embedding);
  EXPECT_EQ(config.text.final_softcap, 0);
}

TEST(ConfigJson, WholeVisionConfigAbsentMeansSo400m) {
  const ModelConfig config = ConfigFromJson(
      R"({"model_type": "paligemma", "text_config": {"model_type": "gemma2"}})", "config.json");
  EXPECT_EQ(config.vision.layers, 27);
  EXPECT_EQ(config.vision.hidden, 1152);
}

TEST(ConfigJson, ReadsRopeParametersOfVersion5) {
  const ModelConfig config = ConfigFromJson(
      R"({"model_type": "paligemma", "text_config": {"model_type": "gemma2",
          "final_logit_softcapping": 30.0, "attn_logit_softcapping": null,
          "rope_parameters": {"rope_theta": 5000.0, "rope_type": "default"}}})",
      "config.json");
  EXPECT_EQ(config.text.rope_theta, 5000);
  EXPECT_EQ(config.text.attn_softcap, 0);
  EXPECT_EQ(config.text.final_softcap, 0);  // facts A.5: whatever text_config says.
}

struct BadConfig {
  const char* json;
  const char* message;
};

class ConfigJsonRefuses : public ::testing::TestWithParam<BadConfig> {};

TEST_P(ConfigJsonRefuses, WithTheWholeReason) {
  const BadConfig& bad = GetParam();
  EXPECT_EQ(MessageOf<CheckpointError>([&] { ConfigFromJson(bad.json, "config.json"); }),
            bad.message);
}

INSTANTIATE_TEST_SUITE_P(
    Hostile, ConfigJsonRefuses,
    ::testing::Values(
        BadConfig{"[]", "config.json: must be a JSON object, but is an array of 0."},
        BadConfig{R"({"text_config": {"model_type": "gemma2"}})",
                  "config.json:\n  - model_type is missing; it must be \"paligemma\""},
        BadConfig{
            R"({"model_type": "llama", "text_config": {"model_type": "gemma2"}})",
            "config.json:\n  - model_type must be \"paligemma\" (no other model is built in), "
            "but is \"llama\""},
        BadConfig{
            R"({"model_type": "paligemma"})",
            "config.json:\n  - text_config.model_type must be \"gemma2\" (PaliGemma 2), but is "
            "\"gemma\": this is a PaliGemma 1 checkpoint"},
        BadConfig{
            R"({"model_type": "paligemma", "text_config": {"model_type": "gemma"}})",
            "config.json:\n  - text_config.model_type must be \"gemma2\" (PaliGemma 2), but is "
            "\"gemma\": this is a PaliGemma 1 checkpoint"},
        BadConfig{
            R"({"model_type": "paligemma", "text_config": 7})",
            "config.json:\n  - text_config must be an object, but is 7\n"
            "  - text_config.model_type must be \"gemma2\" (PaliGemma 2), but is \"gemma\": this "
            "is a PaliGemma 1 checkpoint"},
        BadConfig{
            R"({"model_type": "paligemma", "text_config": {"model_type": "gemma2",
                      "hidden_size": "big", "num_hidden_layers": 2.0, "rms_norm_eps": true,
                      "rope_scaling": {"factor": 8}}, "vision_config": {"hidden_act": "relu"}})",
            "config.json:\n  - text_config.hidden_size must be an integer, but is \"big\"\n"
            "  - text_config.num_hidden_layers must be an integer, but is 2.0\n"
            "  - text_config.rms_norm_eps must be a number, but is true\n"
            "  - text_config.rope_scaling must be absent or null: Gemma 2 does not scale "
            "positions\n"
            "  - vision_config.hidden_act must be \"gelu_pytorch_tanh\" (no other activation is "
            "built in), but is \"relu\""},
        BadConfig{R"({"model_type": "paligemma", "text_config": {"model_type": "gemma2",
                      "num_hidden_layers": 99999999999}})",
                  "config.json:\n  - text.layers must be from 1 to 512, is 99999999999"},
        BadConfig{R"({"model_type": "paligemma", "text_config": {"model_type": "gemma2",
                      "hidden_size": 18446744073709551615}})",
                  "config.json:\n  - text_config.hidden_size must be an integer, but is "
                  "18446744073709551615"},
        BadConfig{R"({"model_type": "paligemma", "text_config": {"model_type": "gemma2",
                      "tie_word_embeddings": false}})",
                  "config.json:\n  - text_config.tie_word_embeddings must be true (the output "
                  "embedding is the input embedding), but is false"},
        BadConfig{R"({"model_type": "paligemma", "text_config": {"model_type": "gemma2",
                      "num_hidden_layers": 2, "layer_types": ["full_attention",
                      "sliding_attention"]}})",
                  "config.json:\n  - text_config.layer_types must be \"sliding_attention\" and "
                  "\"full_attention\" in turn, or full everywhere"},
        BadConfig{
            R"({"model_type": "paligemma", "text_config": {"model_type": "gemma2",
                      "num_hidden_layers": 3, "layer_types": ["full_attention"]}})",
            "config.json:\n  - text_config.layer_types must name each of the 3 layers, but has "
            "1"},
        BadConfig{R"({"model_type": "paligemma", "text_config": {"model_type": "gemma2"},
                      "occvla": {"planer": {}, "mask": "causal", "vqvae": {"latent": "x"},
                      "adapters": {"reduktion": 4}}})",
                  "config.json:\n  - occvla.mask must be \"occvla\" or \"paligemma\", but is "
                  "\"causal\"\n"
                  "  - occvla.adapters.reduktion is not known; the nearest field is reduction\n"
                  "  - occvla.vqvae.latent must be an integer, but is \"x\"\n"
                  "  - occvla.planer is not known; the nearest field is planner"}));

TEST(ConfigJson, BrokenSyntaxGivesTheByte) {
  EXPECT_THAT(MessageOf<CheckpointError>([] { ConfigFromJson("{\"a\": ", "config.json"); }),
              HasSubstr("config.json"));
  EXPECT_THAT(MessageOf<CheckpointError>(
                  [] { ConfigFromJson(R"({"model_type": 1, "model_type": 2})", "config.json"); }),
              HasSubstr("model_type"));
}

}  // namespace
}  // namespace occvla::model
