#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "occvla/base/safetensors.h"
#include "occvla/model/files/config.h"

namespace occvla::model {

/// An overlay checkpoint holds only the tensors that were trained; `overlay.json` names the rest:
///
///   {"base": "../base", "base_sha256": "<64 hex>", "base_fingerprint": "<64 hex>"}
///
/// `base` is absolute or relative to the overlay's folder. How the two hashes are made and what
/// each can see is in docs/decisions/0002-overlay-hash.md.
/// Overlays may lie on overlays, at most this many.
inline constexpr int kMaxOverlays = 8;

struct BaseIdentity {
  std::filesystem::path folder;
  std::string sha256;       ///< Over every byte of config.json and the weight files.
  std::string fingerprint;  ///< Over config.json, headers, sizes and samples of every tensor.
};

/// Reads every byte of the base (seconds for 6 GB): once per run, not once per save.
BaseIdentity IdentifyBase(const std::filesystem::path& base);
/// The fingerprint alone: milliseconds.
std::string FingerprintOf(const std::filesystem::path& folder);

/// Reads `folder`/overlay.json; nothing if there is none. `folder` of the result is resolved.
/// Throws CheckpointError.
std::optional<BaseIdentity> ReadOverlay(const std::filesystem::path& folder);

/// Throws CheckpointError when the base's fingerprint is not the recorded one.
void CheckBaseQuickly(const std::filesystem::path& overlay, const BaseIdentity& recorded);
/// Reads every byte of the base and throws CheckpointError when its hash is not the recorded one.
/// Does nothing for a folder that is no overlay.
void VerifyOverlayBase(const std::filesystem::path& overlay);

/// Writes an overlay into `folder` (made if absent; the files replaced one by one, overlay.json
/// last): config.json of `config`, model.safetensors of `trained` (canonical names), overlay.json.
/// The base is stored as a path relative to `folder` where both lie under one parent of it, so that
/// a tree of checkpoints can be moved. Throws CheckpointError when a tensor is not one of
/// ExpectedTensors(config).
void WriteOverlay(const std::filesystem::path& folder, const ModelConfig& config,
                  const std::map<std::string, TensorView, std::less<>>& trained,
                  const BaseIdentity& base);

}  // namespace occvla::model
