#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "occvla/data/image/image.h"

namespace occvla::view {

/// A film that is made picture by picture. The file appears under its name when whole: `Finish`
/// ends it; without, nothing is left. One thread.
class Film {
 public:
  virtual ~Film() = default;
  /// The next picture; all are of one size, even in width and height. Throws ConfigError for
  /// another size.
  virtual void Add(const data::Image& image) = 0;
  /// Once, after at least one picture.
  virtual void Finish() = 0;
};

struct FilmOptions {
  std::filesystem::path path;
  double pictures_per_second = 2;  ///< Above 0, at most 100.
};

/// The program `ffmpeg` in one of the folders, which a colon separates as in PATH; those that are
/// not named from the root are passed over. Nothing where there is none.
std::optional<std::filesystem::path> FindFfmpeg(std::string_view folders);

/// MP4 made by the program `ffmpeg`, which is run without a shell: pixels go to its standard input,
/// its complaints come back as text. H.264 where it was built with it. Throws DeviceError when the
/// program cannot be run or ends with an error, with its last words.
std::unique_ptr<Film> OpenMp4(const FilmOptions& options, const std::filesystem::path& ffmpeg);

/// Animated WebP, endless, lossy at quality 80; made whole in memory (about 100 KB a picture).
std::unique_ptr<Film> OpenWebP(const FilmOptions& options);

}  // namespace occvla::view
