#include "occvla/base/files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

namespace occvla {
namespace {

std::string SystemText(int error_number) { return std::generic_category().message(error_number); }

// Closes on scope exit; reading only, so what close() says is of no interest.
class ReadDescriptor {
 public:
  ReadDescriptor(const std::filesystem::path& path, ErrorKind kind) {
    // O_NONBLOCK: opening a named pipe must not wait for a writer. It changes nothing for files.
    fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd_ < 0) {
      const int error = errno;
      if (error == ENOENT) ThrowError(kind, path.string() + ": no such file. Check the path.");
      if (error == EACCES)
        ThrowError(kind, path.string() + ": may not be read by this user. Check its permissions.");
      ThrowError(kind, path.string() + ": cannot be opened: " + SystemText(error) + ".");
    }
    struct stat status {};
    if (::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode)) {
      const bool folder = S_ISDIR(status.st_mode);
      ::close(fd_);
      ThrowError(kind, path.string() + ": expected a regular file, found " +
                           (folder ? "a folder" : "something else") + ". Check the path.");
    }
    size_ = static_cast<uint64_t>(status.st_size);
  }
  ~ReadDescriptor() { ::close(fd_); }
  ReadDescriptor(const ReadDescriptor&) = delete;
  ReadDescriptor& operator=(const ReadDescriptor&) = delete;

  int get() const { return fd_; }
  uint64_t size() const { return size_; }

  // Up to `count` bytes; fewer only at the end of the file.
  size_t Read(void* to, size_t count, const std::filesystem::path& path, ErrorKind kind) const {
    size_t done = 0;
    while (done < count) {
      const ssize_t got = ::read(fd_, static_cast<char*>(to) + done, count - done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) {
        ThrowError(kind, path.string() + ": reading stopped at byte " + std::to_string(done) +
                             ": " + SystemText(errno) + ".");
      }
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

 private:
  int fd_ = -1;
  uint64_t size_ = 0;
};

template <typename Buffer>
Buffer ReadWhole(const std::filesystem::path& path, size_t max_bytes, ErrorKind kind) {
  const ReadDescriptor file(path, kind);
  const auto refuse = [&](const std::string& size) {
    ThrowError(kind, path.string() + ": holds " + size + " bytes, at most " +
                         std::to_string(max_bytes) + " are accepted here.");
  };
  if (file.size() > max_bytes) refuse(std::to_string(file.size()));
  Buffer buffer;
  buffer.resize(file.size());
  buffer.resize(file.Read(buffer.data(), buffer.size(), path, kind));
  // Files of /proc say that they are empty, and a log may grow while it is read.
  std::byte piece[4096];
  while (const size_t got = file.Read(piece, sizeof piece, path, kind)) {
    if (got > max_bytes - buffer.size()) refuse("more than " + std::to_string(max_bytes));
    const size_t before = buffer.size();
    buffer.resize(before + got);
    std::copy(piece, piece + got, reinterpret_cast<std::byte*>(buffer.data()) + before);
  }
  return buffer;
}

struct DigestDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new()) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1)
      throw DeviceError("SHA-256 is not available from the system's libcrypto.");
  }
  void Add(const void* data, size_t size) { EVP_DigestUpdate(context_.get(), data, size); }
  std::string Hex() {
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), raw, &size);
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string hex;
    for (unsigned i = 0; i < size; ++i) {
      hex += kDigits[raw[i] >> 4];
      hex += kDigits[raw[i] & 15];
    }
    return hex;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, DigestDeleter> context_;
};

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path, ErrorKind kind) : path_(path) {
  const ReadDescriptor file(path, kind);
  if (file.size() == 0) return;  // mmap refuses length 0.
  void* data = ::mmap(nullptr, file.size(), PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED) {
    const int error = errno;
    ThrowError(kind, path.string() + ": its " + std::to_string(file.size()) +
                         " bytes cannot be mapped: " + SystemText(error) + ".");
  }
  data_ = static_cast<const std::byte*>(data);
  size_ = file.size();
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  MappedFile taken(std::move(other));
  std::swap(path_, taken.path_);
  std::swap(data_, taken.data_);
  std::swap(size_, taken.size_);
  return *this;
}

void MappedFile::WillNeed() const {
  // A hint: whether the kernel follows it changes nothing but time.
  if (data_ != nullptr) (void)::madvise(const_cast<std::byte*>(data_), size_, MADV_WILLNEED);
}

std::vector<std::byte> ReadFile(const std::filesystem::path& path, size_t max_bytes,
                                ErrorKind kind) {
  return ReadWhole<std::vector<std::byte>>(path, max_bytes, kind);
}

std::string ReadTextFile(const std::filesystem::path& path, size_t max_bytes, ErrorKind kind) {
  return ReadWhole<std::string>(path, max_bytes, kind);
}

void ThrowWriteError(const std::filesystem::path& path, int error_number) {
  if (error_number == ENOSPC || error_number == EDQUOT) {
    throw DeviceError(path.string() + ": cannot be written: the " +
                      (error_number == ENOSPC ? "disk" : "quota") +
                      " is full. Free space there or choose another folder, then run again.");
  }
  if (error_number == ENOENT || error_number == ENOTDIR) {
    throw DataError(path.string() +
                    ": cannot be written: its folder does not exist. Make the folder first.");
  }
  throw DataError(path.string() + ": cannot be written: " + SystemText(error_number) +
                  ". Check the path and its permissions.");
}

AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(path) {
  const std::string name = path.filename().string();
  std::error_code ignored;
  if (name.empty() || name == "." || name == ".." || std::filesystem::is_directory(path, ignored)) {
    throw DataError(path.string() + ": cannot be written: it names a folder. Name a file in it.");
  }
  // The process number keeps two runs apart, the attempt two writers of one run. O_EXCL decides.
  // 200 bytes of the name leave room below the file system's 255.
  for (int attempt = 0;; ++attempt) {
    temporary_ = path.parent_path() / (std::string(1, '.').append(name, 0, 200) + '.' +
                                       std::to_string(::getpid()) + '.' + std::to_string(attempt));
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ >= 0) return;
    if (errno != EEXIST || attempt == 10'000) ThrowWriteError(path_, errno);
  }
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::Write(std::span<const std::byte> bytes) {
  OCCVLA_DCHECK(fd_ >= 0);
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) ThrowWriteError(path_, errno);
    bytes = bytes.subspan(static_cast<size_t>(written));
    size_ += static_cast<uint64_t>(written);
  }
}

void AtomicFile::Write(std::string_view text) { Write(std::as_bytes(std::span(text))); }

void AtomicFile::Commit() {
  OCCVLA_DCHECK(fd_ >= 0);
  if (::fsync(fd_) != 0) ThrowWriteError(path_, errno);
  // Network file systems report a full disk only here.
  if (::close(std::exchange(fd_, -1)) != 0) ThrowWriteError(path_, errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) ThrowWriteError(path_, errno);
  temporary_.clear();
  // Without this the new name may be lost in a crash while the data is not. Some file systems
  // cannot flush a folder; the file itself is whole either way.
  const auto folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
  const int folder_fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_fd < 0) return;
  const int error = ::fsync(folder_fd) == 0 ? 0 : errno;
  ::close(folder_fd);
  if (error == EIO || error == ENOSPC || error == EDQUOT) ThrowWriteError(path_, error);
}

void WriteFileAtomically(const std::filesystem::path& path, std::string_view text) {
  WriteFileAtomically(path, std::as_bytes(std::span(text)));
}

void WriteFileAtomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.Write(bytes);
  file.Commit();
}

std::string Sha256OfFile(const std::filesystem::path& path, ErrorKind kind) {
  const ReadDescriptor file(path, kind);
  (void)::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  Digest digest;
  std::vector<std::byte> piece(size_t{1} << 20);
  while (const size_t got = file.Read(piece.data(), piece.size(), path, kind))
    digest.Add(piece.data(), got);
  return digest.Hex();
}

std::string Sha256(std::span<const std::byte> bytes) {
  Digest digest;
  digest.Add(bytes.data(), bytes.size());
  return digest.Hex();
}

}  // namespace occvla
