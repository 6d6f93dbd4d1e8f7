#include "occvla/base/error.h"

#include <cstdio>
#include <cstdlib>

namespace occvla {

void AbortOnBrokenInvariant(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, condition);
  std::abort();
}

}  // namespace occvla
