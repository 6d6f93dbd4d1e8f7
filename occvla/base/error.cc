#include "occvla/base/error.h"

#include <cstdio>
#include <cstdlib>

namespace occvla {

void ThrowError(ErrorKind kind, const std::string& text) {
  switch (kind) {
    case ErrorKind::kConfig:
      throw ConfigError(text);
    case ErrorKind::kData:
      throw DataError(text);
    case ErrorKind::kCheckpoint:
      throw CheckpointError(text);
    case ErrorKind::kDevice:
      throw DeviceError(text);
    case ErrorKind::kBusy:
      break;
  }
  throw BusyError(text);
}

void AbortOnBrokenInvariant(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, condition);
  std::abort();
}

}  // namespace occvla
