#include "occvla/model/model.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "occvla/base/error.h"

namespace occvla::model {

namespace {

std::vector<int64_t> Sequence(int64_t first, int64_t count) {
  std::vector<int64_t> values(count);
  std::iota(values.begin(), values.end(), first);
  return values;
}

std::vector<int64_t> Repeated(const std::vector<int64_t>& block, int64_t times) {
  std::vector<int64_t> values;
  for (int64_t i = 0; i < times; ++i) values.insert(values.end(), block.begin(), block.end());
  return values;
}

}  // namespace

OccVla::OccVla(Checkpoint checkpoint, const LoadOptions& options)
    : config_(checkpoint.config()),
      checkpoint_(std::make_shared<const Checkpoint>(std::move(checkpoint))) {
  Assemble(WeightsOf(*checkpoint_), checkpoint_->folder().string(), options);
}

OccVla::OccVla(const ModelConfig& config, const Weights& weights, const LoadOptions& options)
    : config_(config) {
  Assemble(weights, "the model", options);
}

void OccVla::Assemble(const Weights& weights, const std::string& where,
                      const LoadOptions& options) {
  config_.mask = options.mask.value_or(config_.mask);
  config_.text.final_softcap = options.final_softcap.value_or(config_.text.final_softcap);
  if (config_.mask == MaskMode::kPaligemma && config_.has_occupancy &&
      config_.occupancy.text_sees) {
    throw ConfigError(where +
                      ": occupancy.text_sees needs mask occvla. Under mask paligemma images and "
                      "prompt are one block, with no place for occupancy between them.");
  }
  const WeightReader reader(weights, where, options.compute, options.device);
  vision_ = reader.Vision(config_.vision);
  vision_.max_score_bytes = options.max_score_bytes;
  language_ = reader.Language(config_);
  language_.max_score_bytes = options.max_score_bytes;
  projector_ = reader.Dense("multi_modal_projector.linear", /*bias=*/true);
  if (config_.camera_embedding) camera_embedding_ = reader.Vector("camera_embedding.weight");
  if (config_.camera_rays) {
    camera_rays_ = {reader.SmallDense("camera_rays.0"), reader.SmallDense("camera_rays.1")};
  }
  if (config_.has_occupancy) {
    OccupancyWeights& o = occupancy_.emplace();
    o.queries = reader.Vector("occupancy.queries.weight");
    o.projector = reader.Dense("occupancy.projector", /*bias=*/true);
    if (config_.occupancy.own_adapters) {
      o.adapters = reader.Adapters(config_, "occupancy.adapters.");
    }
    if (config_.occupancy.new_head) {
      o.head = {reader.Vector("occupancy.head.weight"), reader.Vector("occupancy.head.bias")};
    }
    vqvae_.emplace(config_.vqvae, reader.All("vqvae."));
  }
  if (config_.has_planner) planner_ = reader.PlanningHead(config_.planner);
}

KvCache OccVla::MakeCache(int64_t capacity, int64_t blocks) const {
  return {config_.text, capacity,
          at::TensorOptions().dtype(compute()).device(language_.embedding.device()), blocks};
}

void OccVla::MapPages() const {
  constexpr uintptr_t kPage = 4096;
  constexpr int64_t kPiece = int64_t{64} << 20;
  if (checkpoint_ == nullptr) return;
  for (const auto& [name, view] : checkpoint_->tensors()) {
    const auto first = reinterpret_cast<uintptr_t>(view.bytes.data()) & ~(kPage - 1);
    const auto last = reinterpret_cast<uintptr_t>(view.bytes.data()) + view.bytes.size();
    const auto size = static_cast<int64_t>(last - first);
    ParallelFor((size + kPiece - 1) / kPiece, 1, [&](int64_t from, int64_t to) {
      for (int64_t piece = from; piece < to; ++piece) {
        const auto length = std::min(kPiece, size - piece * kPiece);
        // Advice only: a kernel that does not know it maps the pages on first use.
        (void)madvise(reinterpret_cast<void*>(first + static_cast<uintptr_t>(piece * kPiece)),
                      static_cast<size_t>(length), MADV_POPULATE_READ);
      }
    });
  }
}

OccVla::Features OccVla::ImageFeatures(const at::Tensor& pixels,
                                       const LayerObserver& on_layer) const {
  const auto vision = vision_(pixels, on_layer);  // [N, P, Cv]
  const int64_t N = vision.size(0), P = vision.size(1);
  const auto rows = vision.view({N * P, vision.size(2)});
  const auto projected = projector_(rows.to(projector_.InputType(N * P)));  // [N * P, C]
  return {vision, projected.to(vision.scalar_type()).view({N, P, config_.text.hidden})};
}

at::Tensor OccVla::EmbedImages(const at::Tensor& image_features, const at::Tensor& rays) const {
  const int64_t N = image_features.size(0), P = image_features.size(1), C = config_.text.hidden;
  auto x = image_features;  // [N, P, C]
  if (config_.hf_scale_roundtrip) {
    const auto scale = std::sqrt(static_cast<double>(C));
    x = (x.to(compute()) / scale) * language_.EmbeddingScale();
    x = x.to(image_features.scalar_type());
  }
  if (camera_embedding_.defined()) {
    TORCH_CHECK(N % config_.cameras == 0, "a camera embedding of ", config_.cameras,
                " cameras for ", N, " images");
    x = (x.view({N / config_.cameras, config_.cameras, P, C}) + camera_embedding_.unsqueeze(1))
            .view({N, P, C});
  }
  if (!camera_rays_.empty()) {
    TORCH_CHECK(rays.defined() && rays.size(0) == N * P, "the config asks for camera rays");
    auto ray = camera_rays_[0](rays.to(camera_rays_[0].compute));
    ray = camera_rays_[1](GeluTanh(ray, {}));
    x = x + ray.view({N, P, C});
  }
  // A fresh tensor: the language model changes what it is given.
  return x.to(language_.ResidualType(), /*non_blocking=*/false, /*copy=*/true).view({N * P, C});
}

at::Tensor OccVla::PrefillImages(const at::Tensor& embedded, KvCache& cache,
                                 const LayerObserver& on_layer) const {
  TORCH_CHECK(config_.mask == MaskMode::kOccvla, "images alone only under mask occvla");
  TORCH_CHECK(cache.length() == 0, "images come first");
  const int64_t B = cache.blocks(), T = embedded.size(0), t = T / B;
  Pass pass{.positions = Repeated(Sequence(0, t), B),
            .ranges = KeyRanges::All(T, t),
            .on_layer = on_layer};
  pass.ranges.blocks = static_cast<int32_t>(B);
  return language_.Forward(embedded, pass, cache);
}

at::Tensor OccVla::PrefillPrefix(const std::vector<int64_t>& ids, KvCache& cache) const {
  const int64_t P = static_cast<int64_t>(ids.size()), before = cache.length();
  return language_.Forward(
      language_.Embed(ids),
      {.positions = Sequence(cache.next_position(), P), .ranges = KeyRanges::All(P, before + P)},
      cache);
}

OccVla::Together OccVla::PrefillTogether(const at::Tensor& embedded,
                                         const std::vector<int64_t>& ids, KvCache& cache,
                                         const LayerObserver& on_layer) const {
  TORCH_CHECK(cache.length() == 0, "images come first");
  const int64_t images = embedded.size(0), P = static_cast<int64_t>(ids.size()), T = images + P;
  const auto all = at::cat({embedded, language_.Embed(ids)});  // [N * P + prefix, C]
  const auto hidden = language_.Forward(
      all, {.positions = Sequence(0, T), .ranges = KeyRanges::All(T, T), .on_layer = on_layer},
      cache);
  return {hidden.narrow(0, 0, images), hidden.narrow(0, images, P)};
}

at::Tensor OccVla::Continue(const std::vector<int64_t>& ids, KvCache& cache) const {
  const int64_t S = static_cast<int64_t>(ids.size()), before = cache.length();
  return language_.Forward(
      language_.Embed(ids),
      {.positions = Sequence(cache.next_position(), S), .ranges = KeyRanges::Causal(S, before)},
      cache);
}

at::Tensor OccVla::DialogueHidden(const std::vector<Dialogue>& dialogues,
                                  const KvCache& cache) const {
  return DialogueHidden(std::vector<std::vector<Dialogue>>{dialogues}, cache);
}

at::Tensor OccVla::DialogueHidden(const std::vector<std::vector<Dialogue>>& frames,
                                  const KvCache& cache) const {
  TORCH_CHECK(config_.mask == MaskMode::kOccvla, "dialogues share a frame only under mask occvla");
  TORCH_CHECK(static_cast<int64_t>(frames.size()) == cache.blocks(), frames.size(),
              " lists of dialogues for ", cache.blocks(), " frames");
  const auto before = static_cast<int32_t>(cache.length());
  Pass pass;
  pass.ranges.shared = before;
  pass.ranges.blocks = static_cast<int32_t>(cache.blocks());
  size_t longest = 0;  // Blocks are filled up to it with tokens that see nothing and nobody sees.
  for (const auto& dialogues : frames) {
    size_t length = 0;
    for (const auto& each : dialogues) length += each.prefix.size() + each.suffix.size() - 1;
    longest = std::max(longest, length);
  }
  std::vector<int64_t> ids, predicting;
  for (size_t frame = 0; frame < frames.size(); ++frame) {
    const auto start = static_cast<int64_t>(frame * longest);
    for (const auto& [prefix, suffix] : frames[frame]) {
      TORCH_CHECK(!prefix.empty() && !suffix.empty(), "a dialogue without question or answer");
      const auto first = static_cast<int64_t>(ids.size());
      ids.insert(ids.end(), prefix.begin(), prefix.end());
      ids.insert(ids.end(), suffix.begin(), suffix.end() - 1);  // Nothing follows the last token.
      const auto last = static_cast<int64_t>(ids.size());
      const auto question = first + static_cast<int64_t>(prefix.size());
      for (int64_t t = first; t < last; ++t) {
        pass.positions.push_back(cache.next_position() + t - first);
        pass.ranges.begin.push_back(before + static_cast<int32_t>(first - start));
        pass.ranges.end.push_back(before + static_cast<int32_t>(std::max(question, t + 1) - start));
        if (t + 1 >= question) predicting.push_back(t);
      }
    }
    ids.resize((frame + 1) * longest, 0);
    pass.positions.resize(ids.size(), cache.next_position());
    pass.ranges.begin.resize(ids.size(), before);
    pass.ranges.end.resize(ids.size(), 0);
  }
  pass.ranges.shared_begin.assign(ids.size(), 0);
  for (size_t t = 0; t < ids.size(); ++t)
    if (pass.ranges.end[t] == 0) pass.ranges.shared_begin[t] = before;
  KvCache own = cache;
  const auto hidden = language_.Forward(language_.Embed(ids), pass, own);  // [T, C]
  const auto rows = at::tensor(predicting, at::TensorOptions().dtype(at::kLong));
  return hidden.index_select(0, rows.to(hidden.device()));
}

at::Tensor OccVla::DialogueHiddenTogether(const Dialogue& dialogue,
                                          const at::Tensor& embedded) const {
  TORCH_CHECK(!dialogue.prefix.empty() && !dialogue.suffix.empty(),
              "a dialogue without question or answer");
  auto ids = dialogue.prefix;
  ids.insert(ids.end(), dialogue.suffix.begin(), dialogue.suffix.end() - 1);
  const int64_t block = embedded.size(0) + static_cast<int64_t>(dialogue.prefix.size());
  const int64_t T = embedded.size(0) + static_cast<int64_t>(ids.size());
  Pass pass{.positions = Sequence(0, T), .ranges = KeyRanges::Causal(T, 0)};
  for (auto& end : pass.ranges.end) end = std::max(end, static_cast<int32_t>(block));
  KvCache own = MakeCache(0);
  const auto hidden = language_.Forward(at::cat({embedded, language_.Embed(ids)}), pass, own);
  return hidden.narrow(0, block - 1, static_cast<int64_t>(dialogue.suffix.size()));
}

at::Tensor OccVla::OccupancyHidden(KvCache& cache, int64_t image_tokens,
                                   const std::optional<at::Tensor>& queries,
                                   const LayerObserver& on_layer) const {
  TORCH_CHECK(queries.has_value() || occupancy_.has_value(),
              "the checkpoint has no occupancy queries");
  const auto& o = config_.occupancy;
  const int64_t B = cache.blocks(), before = cache.length();
  auto table = queries ? *queries : occupancy_->queries;
  if (!queries && B > 1) table = table.repeat({B, 1});
  const int64_t all = table.size(0), Q = all / B;  // [B * Q, C]
  const bool keeps = o.self_attention || o.text_sees;
  const bool own_adapters = occupancy_.has_value() && occupancy_->adapters.has_value();
  TORCH_CHECK(!keeps || (before == image_tokens && B == 1),
              "occupancy keys of one frame must directly follow the images' in the cache");
  Pass pass{.positions = std::vector<int64_t>(all, image_tokens),
            .ranges = KeyRanges::All(all, o.self_attention ? image_tokens + Q : image_tokens),
            .remember = keeps ? Remember::kYes : Remember::kNo,
            .adapters = own_adapters ? &*occupancy_->adapters : nullptr,
            .on_layer = on_layer};
  pass.ranges.blocks = static_cast<int32_t>(B);
  if (o.position == "sequential") pass.positions = Repeated(Sequence(image_tokens, Q), B);
  const auto x = table.to(language_.ResidualType()) * language_.EmbeddingScale();
  const auto hidden = language_.Forward(x, pass, cache);
  if (keeps && !o.text_sees) cache.Truncate(before);
  if (o.text_sees) cache.SkipPositions(Q);
  return hidden;
}

at::Tensor OccVla::OccupancyLogits(const at::Tensor& hidden) const {
  return OccupancyLogits(hidden, config_.occupancy.grid, config_.occupancy.grid).squeeze(0);
}

at::Tensor OccVla::OccupancyLogits(const at::Tensor& hidden, int64_t rows, int64_t columns) const {
  TORCH_CHECK(occupancy_.has_value(), "the checkpoint has no occupancy branch");
  const int64_t Q = hidden.size(0), F = Q / (rows * columns), grid = config_.occupancy.grid;
  const int64_t latent = config_.vqvae.latent;
  TORCH_CHECK(Q == F * rows * columns, Q, " queries do not fill a grid of ", rows, " x ", columns);
  const auto& projector = occupancy_->projector;
  auto z = projector(hidden.to(projector.InputType(Q))).to(hidden.scalar_type());
  const int64_t r = z.size(1) == latent ? 1 : config_.vqvae.height / 4 / grid;
  z = z.view({F, rows * columns, -1}).transpose(1, 2).contiguous();
  z = z.view({F, latent * r * r, rows, columns});
  if (r > 1) z = at::pixel_shuffle(z, r);  // [F, latent, H / 4, W / 4]
  const auto decode = [&](const Vqvae& vqvae) {
    if (config_.occupancy.quantise) z = vqvae.Quantise(z).z;
    return occupancy_->head ? vqvae.Decode(z, *occupancy_->head) : vqvae.Decode(z);
  };
  const bool whole = rows == grid && columns == grid;
  return whole ? decode(*vqvae_) : decode(vqvae_->Resized(4 * r * rows, 4 * r * columns));
}

at::Tensor PatchRays(const data::Frame& frame, const VisionConfig& vision) {
  const int64_t side = vision.image_size / vision.patch_size, P = side * side;
  const int64_t N = static_cast<int64_t>(frame.images.size());
  auto rays = at::empty({N * P, 6}, at::TensorOptions().dtype(at::kFloat));
  float* out = rays.mutable_data_ptr<float>();
  for (int64_t n = 0; n < N; ++n) {
    const auto& camera = frame.images[n].camera;
    if (!camera) {
      throw DataError("frame " + frame.token + ": this model reads each camera's rays, but " +
                      std::string(data::kCameraNames[n]) +
                      " has no calibration. Give a keyframe folder with calibration.json.");
    }
    const Eigen::Matrix3d K_inverse = camera->K.inverse();
    for (int64_t row = 0; row < side; ++row) {
      for (int64_t column = 0; column < side; ++column, out += 6) {
        const Eigen::Vector3d pixel_I((static_cast<double>(column) + 0.5) / side * camera->width_px,
                                      (static_cast<double>(row) + 0.5) / side * camera->height_px,
                                      1);
        const Eigen::Vector3d direction_E =
            (camera->X_EC.linear() * (K_inverse * pixel_I)).normalized();
        const Eigen::Vector3d p_EC = camera->X_EC.translation();
        for (int i = 0; i < 3; ++i) {
          out[i] = static_cast<float>(p_EC[i]);
          out[3 + i] = static_cast<float>(direction_E[i]);
        }
      }
    }
  }
  return rays;
}

}  // namespace occvla::model
