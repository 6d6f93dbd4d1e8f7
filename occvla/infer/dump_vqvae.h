#pragma once
#include <filesystem>
#include <functional>

namespace occvla::infer {

/// What the scene VQ-VAE makes of `occupancy` u8 [F, X, Y, Z] in `input` (the fixed contract of
/// `occvla dump vqvae`): `latent` f32 [F, C, X/4, Y/4], `indices` i64 [F, X/4, Y/4], `logits` f32
/// [F, X, Y, Z, classes] from the codes, `logits_continuous` from the latent. `checkpoint` is a
/// folder or OccWorld's .pth file. One frame at a time, logits straight into the file; `each_pass`
/// runs between passes and may throw to stop. Throws DataError for an input that does not fit.
void DumpVqvae(const std::filesystem::path& checkpoint, const std::filesystem::path& input,
               const std::filesystem::path& output, const std::function<void()>& each_pass);

}  // namespace occvla::infer
