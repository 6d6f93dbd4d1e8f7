#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "occvla/model/files/config.h"

namespace occvla::model {

/// OccWorld's scene VQ-VAE (facts/model.md B): semantic occupancy <-> a latent plane of a quarter
/// of the resolution. Values and weights alone: no state, no random part, so the same functions
/// serve inference and training; gradients flow to whatever requires them (with frozen weights: to
/// `z`).
///
///   F frames (any batch), H W D voxels (grid axes x, y, z), C latent channels,
///   h = H / 4, w = W / 4 rounded up, K codebook rows
///
/// float32 whatever the weights' type; all weights float64 make everything float64 (gradient
/// checks). The largest intermediate of one frame is [W, H, 128] floats (20 MB); callers bound
/// memory by F.
class Vqvae {
 public:
  /// `weights` by OccWorld's names without prefix, exactly those of VqvaeTensors(config), on one
  /// device. Throws CheckpointError listing every one that is missing, left over or of a wrong
  /// shape.
  Vqvae(const VqvaeConfig& config, std::map<std::string, at::Tensor> weights);

  const VqvaeConfig& config() const { return config_; }
  /// The same weights for planes of another size: the network is convolutional but for its
  /// attention, which sees what there is.
  Vqvae Resized(int64_t height, int64_t width) const;
  /// As used: converted to the compute type.
  const std::map<std::string, at::Tensor>& weights() const { return weights_; }

  /// occupancy [F, H, W, D] uint8 or int64, classes -> z [F, C, h, w], after quant_conv.
  /// Throws DataError naming the first voxel that is not a class.
  at::Tensor Encode(const at::Tensor& occupancy) const;

  struct Quantised {
    at::Tensor indices;  ///< [F, h, w] int64: the nearest codebook row, the first one on ties.
    at::Tensor z;        ///< [F, C, h, w]: z + (row - z), whose gradient to z is the identity.
  };
  /// z [F, C, h, w]
  Quantised Quantise(const at::Tensor& z) const;

  /// logits = features . weight^T + bias for each voxel's `class_width` features.
  struct Head {
    at::Tensor weight;  ///< [classes, class_width]
    at::Tensor bias;    ///< [classes] or undefined.
  };
  /// z [F, C, h, w], continuous or quantised -> logits [F, H, W, D, classes], by `head` or, as in
  /// OccWorld, by the class embeddings without bias.
  at::Tensor Decode(const at::Tensor& z) const;
  at::Tensor Decode(const at::Tensor& z, const Head& head) const;

 private:
  const at::Tensor& Weight(const std::string& name) const;
  at::Tensor Conv(const std::string& name, const at::Tensor& x, int64_t stride = 1) const;
  at::Tensor Norm(const std::string& name, const at::Tensor& x) const;
  at::Tensor Residual(const std::string& name, const at::Tensor& x) const;
  at::Tensor Attention(const std::string& name, const at::Tensor& x) const;
  at::Tensor Middle(const std::string& name, const at::Tensor& x) const;
  at::Tensor Level(const std::string& name, int level, const at::Tensor& x) const;

  VqvaeConfig config_;
  std::map<std::string, at::Tensor> weights_;
};

}  // namespace occvla::model
