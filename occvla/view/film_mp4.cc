#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/view/film.h"

extern char** environ;

namespace occvla::view {
namespace {

constexpr size_t kMostWords = 600;

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }
  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

[[noreturn]] void FailSystem(const std::string& what) {
  throw DeviceError(what + ": " + std::generic_category().message(errno) + ".");
}

/// A file of our own beside the film, removed at the end of the scope.
class Part {
 public:
  explicit Part(const std::filesystem::path& film) {
    const auto absolute = std::filesystem::absolute(film);
    std::string name =
        (absolute.parent_path() / ("." + absolute.filename().string().substr(0, 200) + ".XXXXXX"))
            .string();
    const Descriptor file(::mkstemp(name.data()));
    if (file.get() < 0) ThrowWriteError(film, errno);
    path_ = name;
  }
  ~Part() { ::unlink(path_.c_str()); }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class Mp4Film final : public Film {
 public:
  Mp4Film(const FilmOptions& options, std::filesystem::path ffmpeg)
      : options_(options), ffmpeg_(std::move(ffmpeg)), file_(options.path) {
    part_.emplace(options.path);
  }

  ~Mp4Film() override {
    pixels_.Close();
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    Wait();
  }

  void Add(const data::Image& image) override {
    if (child_ <= 0) Start(image);
    if (image.width_px != width_px_ || image.height_px != height_px_) {
      throw ConfigError(fmt::format("film: a picture of {} x {} among those of {} x {}.",
                                    image.width_px, image.height_px, width_px_, height_px_));
    }
    size_t sent = 0;
    while (sent < image.rgb.size()) {
      // A socket, because a pipe whose reader died would end this process by a signal.
      const ssize_t some =
          ::send(pixels_.get(), image.rgb.data() + sent, image.rgb.size() - sent, MSG_NOSIGNAL);
      if (some < 0 && errno == EINTR) continue;
      if (some < 0) Fail(Wait());
      sent += static_cast<size_t>(some);
    }
  }

  void Finish() override {
    OCCVLA_DCHECK(child_ > 0);
    pixels_.Close();
    if (const int status = Wait(); status != 0) Fail(status);
    file_.Write(MappedFile(part_->path()).bytes());
    part_.reset();
    file_.Commit();
  }

 private:
  std::vector<std::string> Arguments() const {
    return {ffmpeg_.string(), "-hide_banner", "-loglevel", "error", "-f", "rawvideo",
            "-pixel_format", "rgb24", "-video_size", fmt::format("{}x{}", width_px_, height_px_),
            "-framerate", fmt::format("{}", options_.pictures_per_second), "-i", "pipe:0",
            "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4", "-y",
            // A name alone could be taken for a protocol or a flag.
            "file:" + part_->path().string()};
  }

  void Start(const data::Image& image) {
    width_px_ = image.width_px;
    height_px_ = image.height_px;
    if (width_px_ % 2 != 0 || height_px_ % 2 != 0)
      throw ConfigError(
          fmt::format("film: {} x {} is odd, which MP4 cannot be.", width_px_, height_px_));
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
      FailSystem(ffmpeg_.string());
    pixels_ = Descriptor(ends[0]);
    const Descriptor theirs(ends[1]);
    words_ = Descriptor(::memfd_create("ffmpeg", MFD_CLOEXEC));
    if (words_.get() < 0) FailSystem(ffmpeg_.string());

    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, words_.get(), STDERR_FILENO);
    const std::vector<std::string> arguments = Arguments();
    std::vector<char*> pointers;
    for (const std::string& argument : arguments)
      pointers.push_back(const_cast<char*>(argument.c_str()));
    pointers.push_back(nullptr);
    const int error =
        ::posix_spawn(&child_, ffmpeg_.c_str(), &actions, nullptr, pointers.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
      child_ = 0;
      errno = error;
      FailSystem(ffmpeg_.string() + ": cannot be run");
    }
  }

  /// Its exit status; -1 when a signal ended it.
  int Wait() {
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    child_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  [[noreturn]] void Fail(int status) {
    std::string words(kMostWords, '\0');
    const ssize_t size = ::pread(words_.get(), words.data(), words.size(), 0);
    words.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
    while (!words.empty() && words.back() == '\n') words.pop_back();
    throw DeviceError(fmt::format(
        "{}: {} ended with {} before the film was whole: {}. Name a film that ends in .webp, which "
        "needs no other program.",
        options_.path.string(), ffmpeg_.string(),
        status < 0 ? std::string("a signal") : fmt::format("status {}", status),
        words.empty() ? "it said nothing" : Printable(words, kMostWords)));
  }

  FilmOptions options_;
  std::filesystem::path ffmpeg_;
  AtomicFile file_;
  std::optional<Part> part_;  ///< What ffmpeg writes to.
  Descriptor pixels_, words_;
  pid_t child_ = 0;
  int width_px_ = 0, height_px_ = 0;
};

}  // namespace

std::optional<std::filesystem::path> FindFfmpeg(std::string_view folders) {
  for (size_t start = 0; start <= folders.size();) {
    const size_t end = std::min(folders.find(':', start), folders.size());
    const std::filesystem::path folder = folders.substr(start, end - start);
    start = end + 1;
    if (!folder.is_absolute()) continue;
    const auto program = folder / "ffmpeg";
    std::error_code ignored;
    if (std::filesystem::is_regular_file(program, ignored) && ::access(program.c_str(), X_OK) == 0)
      return program;
  }
  return std::nullopt;
}

std::unique_ptr<Film> OpenMp4(const FilmOptions& options, const std::filesystem::path& ffmpeg) {
  return std::make_unique<Mp4Film>(options, ffmpeg);
}

}  // namespace occvla::view
