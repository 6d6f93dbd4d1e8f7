#include "occvla/train/runs/heap.h"

#include <cstdlib>  // Defines __GLIBC__.

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace occvla::train {

void KeepFreedMemory() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 64 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

}  // namespace occvla::train
