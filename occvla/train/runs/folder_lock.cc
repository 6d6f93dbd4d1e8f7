#include "occvla/train/runs/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "occvla/base/error.h"

namespace occvla::train {

FolderLock::FolderLock(const std::filesystem::path& folder) {
  fd_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd_ < 0) {
    throw DataError(folder.string() +
                    ": cannot be opened: " + std::generic_category().message(errno) +
                    ". Check run.out and its permissions.");
  }
  // Other failures mean a file system without locks: there is nothing to hold then.
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(fd_);
    throw BusyError(folder.string() +
                    ": another process trains in this folder. Wait for it or stop it, or choose "
                    "another run.out.");
  }
}

FolderLock::~FolderLock() { ::close(fd_); }

}  // namespace occvla::train
