#include "occvla/train/runs/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "occvla/base/files.h"

namespace occvla::train {

AppendFile::AppendFile(const std::filesystem::path& path, Open open) : path_(path) {
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (open == Open::kNew ? O_EXCL : 0);
  fd_ = ::open(path.c_str(), flags, 0666);
  if (fd_ < 0) ThrowWriteError(path_, errno);
  struct stat status {};
  if (::fstat(fd_, &status) != 0 || ::lseek(fd_, 0, SEEK_END) < 0) {
    const int error = errno;
    ::close(fd_);
    ThrowWriteError(path_, error);
  }
  size_ = static_cast<uint64_t>(status.st_size);
}

AppendFile::~AppendFile() {
  if (dirty_) (void)::fdatasync(fd_);
  ::close(fd_);
}

void AppendFile::Append(std::string_view record) {
  size_t done = 0;
  while (done < record.size()) {
    const ssize_t written = ::write(fd_, record.data() + done, record.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      // A half-written record would swallow the next one.
      if (::ftruncate(fd_, static_cast<off_t>(size_)) == 0)
        (void)::lseek(fd_, static_cast<off_t>(size_), SEEK_SET);
      ThrowWriteError(path_, error);
    }
    done += static_cast<size_t>(written);
  }
  size_ += record.size();
  dirty_ = true;
}

void AppendFile::Sync() {
  if (!dirty_) return;
  if (::fdatasync(fd_) != 0) ThrowWriteError(path_, errno);
  dirty_ = false;
}

}  // namespace occvla::train
