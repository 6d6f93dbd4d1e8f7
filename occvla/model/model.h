#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "occvla/data/frame.h"
#include "occvla/model/files/checkpoint.h"
#include "occvla/model/language.h"
#include "occvla/model/planner.h"
#include "occvla/model/vision.h"
#include "occvla/model/vqvae.h"
#include "occvla/model/weights.h"

namespace occvla::model {

struct LoadOptions {
  at::ScalarType compute = at::kFloat;  ///< float32 | bfloat16 | float64 (gradient checks)
  at::Device device = at::kCPU;
  std::optional<MaskMode> mask;         ///< Overrides the checkpoint's.
  std::optional<double> final_softcap;  ///< Overrides the checkpoint's.
  int64_t max_score_bytes = int64_t{256} << 20;
};

/// The whole of OccVLA in the order it runs (design.md section 6). N cameras, P patches an image,
/// C channels, Q occupancy queries. Immutable after loading; the caller owns the caches.
///
///   pixels -> ImageFeatures -> EmbedImages -> PrefillImages --> Occupancy (optional)
///                                                 |-----------> PrefillPrefix -> Continue ...
///                                                 (text)
///                                                 '-----------> planner
class OccVla {
 public:
  /// Weights stay in the checkpoint's mapped files where their type is the compute type.
  OccVla(Checkpoint checkpoint, const LoadOptions& options);
  /// From tensors by canonical name, those of ExpectedTensors(config): what requires a gradient
  /// gets one (float32, or float64 where that is the compute type).
  OccVla(const ModelConfig& config, const Weights& weights, const LoadOptions& options);

  const ModelConfig& config() const { return config_; }
  /// What it was opened from; there is none where it was made from tensors.
  const Checkpoint& checkpoint() const { return *checkpoint_; }
  const LanguageModel& language() const { return language_; }
  const VisionTower& vision() const { return vision_; }
  const std::optional<Vqvae>& vqvae() const { return vqvae_; }
  const std::optional<Planner>& planner() const { return planner_; }
  at::ScalarType compute() const { return language_.compute; }
  bool has_occupancy() const { return occupancy_.has_value(); }
  /// See LanguageModel::recompute_layers.
  void set_recompute_layers(bool recompute) { language_.recompute_layers = recompute; }

  KvCache MakeCache(int64_t capacity, int64_t blocks = 1) const;

  /// Maps the pages of every weight now, on all threads, so that the first request does not pay for
  /// it. Without effect where the system cannot.
  void MapPages() const;

  struct Features {
    at::Tensor vision;  ///< [N, P, Cv]: the tower's output.
    at::Tensor image;   ///< [N, P, C]: projected, unscaled (facts A.3, raw convention).
  };
  /// pixels [N, 3, S, S] float32 in [-1, 1].
  Features ImageFeatures(const at::Tensor& pixels, const LayerObserver& on_layer = {}) const;

  /// features.image plus camera embedding (and rays [N * P, 6], where the config has them; see
  /// PatchRays): [N * P, C], as they enter the language model. N may be the cameras of several
  /// frames, frame by frame; so may what follows, where a cache has as many blocks.
  at::Tensor EmbedImages(const at::Tensor& image_features, const at::Tensor& rays = {}) const;

  /// Images alone (eq. 2, mask `occvla`): fills an empty cache, returns hidden [N * P, C].
  at::Tensor PrefillImages(const at::Tensor& embedded, KvCache& cache,
                           const LayerObserver& on_layer = {}) const;

  /// Prefix ids (bos ... "\n") behind what the cache holds, bidirectional: hidden [P, C].
  at::Tensor PrefillPrefix(const std::vector<int64_t>& ids, KvCache& cache) const;

  struct Together {
    at::Tensor images, prefix;  ///< hidden [N * P, C], [P, C]
  };
  /// Images and prefix in one bidirectional block (mask `paligemma`): fills an empty cache.
  Together PrefillTogether(const at::Tensor& embedded, const std::vector<int64_t>& ids,
                           KvCache& cache, const LayerObserver& on_layer = {}) const;

  /// Suffix tokens, causal: hidden [S, C].
  at::Tensor Continue(const std::vector<int64_t>& ids, KvCache& cache) const;

  /// A question and its answer: prefix ids (bos ... "\n") and suffix ids (... eos).
  struct Dialogue {
    std::vector<int64_t> prefix, suffix;
  };
  /// Training's counterpart of PrefillPrefix and Continue: all dialogues on the frame in `cache` in
  /// one pass, each seeing what the cache holds and itself (eq. 2 makes the frame's keys and values
  /// common to all). Gives the hidden rows that predict the suffix tokens, dialogue by dialogue:
  /// [sum of suffix sizes, C]. The cache is left as it was. Only under mask `occvla`.
  at::Tensor DialogueHidden(const std::vector<Dialogue>& dialogues, const KvCache& cache) const;
  /// The same for the frames in the blocks of `cache`, a list each, list after list.
  at::Tensor DialogueHidden(const std::vector<std::vector<Dialogue>>& frames,
                            const KvCache& cache) const;
  /// The same for one dialogue under mask `paligemma`, where the frame's keys depend on the prompt:
  /// images, prefix and suffix in one pass. `embedded` [N * P, C]: hidden [suffix size, C].
  at::Tensor DialogueHiddenTogether(const Dialogue& dialogue, const at::Tensor& embedded) const;

  /// The occupancy branch (eq. 1) over the first `image_tokens` keys and values of `cache`: hidden
  /// [Q, C] after the final norm. `queries` [Q, C] replaces the stored ones. The cache is left as
  /// it was, unless config.occupancy.text_sees: then it grows by Q tokens.
  at::Tensor OccupancyHidden(KvCache& cache, int64_t image_tokens,
                             const std::optional<at::Tensor>& queries = {},
                             const LayerObserver& on_layer = {}) const;
  /// hidden [Q, C] -> class logits [X, Y, Z, classes] float32.
  at::Tensor OccupancyLogits(const at::Tensor& hidden) const;
  /// Rectangles of the grid of queries alone, [F * rows * columns, C], as if the world ended there:
  /// [F, X, Y, Z, classes]. A training step may look at a part of the world, since queries do not
  /// see each other.
  at::Tensor OccupancyLogits(const at::Tensor& hidden, int64_t rows, int64_t columns) const;
  /// [Q, C]; only where has_occupancy().
  const at::Tensor& occupancy_queries() const { return occupancy_->queries; }

 private:
  struct OccupancyWeights {
    at::Tensor queries;  ///< [Q, C]
    Linear projector;
    std::optional<AdapterSet> adapters;
    std::optional<Vqvae::Head> head;
  };

  void Assemble(const Weights& weights, const std::string& where, const LoadOptions& options);

  ModelConfig config_;
  std::shared_ptr<const Checkpoint> checkpoint_;  // Owns the mapped bytes behind the weights.
  VisionTower vision_;
  Linear projector_;
  at::Tensor camera_embedding_;  // [N, C] or undefined.
  std::vector<Linear> camera_rays_;
  LanguageModel language_;
  std::optional<OccupancyWeights> occupancy_;
  std::optional<Vqvae> vqvae_;
  std::optional<Planner> planner_;
};

/// For each patch of each camera: the camera's place (metres) and the unit direction through the
/// patch's centre, both in the ego frame: [N * P, 6]. Throws DataError where calibration is
/// missing.
at::Tensor PatchRays(const data::Frame& frame, const VisionConfig& vision);

}  // namespace occvla::model
