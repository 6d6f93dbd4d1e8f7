#include "occvla/kernels/cuda_library.h"

#include <gtest/gtest.h>

namespace occvla::kernels {
namespace {

TEST(CudaLibrary, SaysThatItIsAbsent) {
  const CudaLibrary library("/no/such/liboccvla_cuda.so");
  EXPECT_FALSE(library.usable());
  EXPECT_EQ(library.problem(),
            "/no/such/liboccvla_cuda.so: the CUDA library cannot be opened "
            "(/no/such/liboccvla_cuda.so: cannot open shared object file: No such file or "
            "directory). Build it with -DOCCVLA_CUDA=ON and name its folder in LD_LIBRARY_PATH, "
            "or run on the CPU.");
}

TEST(CudaLibrary, RefusesAnotherLibrary) {
  const CudaLibrary library("libm.so.6");
  EXPECT_FALSE(library.usable());
  EXPECT_EQ(library.problem(),
            "libm.so.6: has no function \"occvla_cuda_abi\", so it is not this program's CUDA "
            "library. Build it with -DOCCVLA_CUDA=ON.");
}

TEST(CudaLibrary, RefusesAnotherInterface) {
  EXPECT_EQ(CudaAbiProblem("x.so", OCCVLA_CUDA_ABI), "");
  EXPECT_EQ(CudaAbiProblem("x.so", 99),
            "x.so: has interface 99, but this program needs 1. Build the program and the library "
            "from one source.");
}

}  // namespace
}  // namespace occvla::kernels
