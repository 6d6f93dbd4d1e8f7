# The imported target `torch`, made from a folder that holds include/ and lib/: the torch/ folder of a
# wheel or an unpacked libtorch. find_package(Torch) is not used: wheels no longer ship its files.
if(NOT OCCVLA_TORCH)
  set(OCCVLA_TORCH ${CMAKE_SOURCE_DIR}/build/deps/torch)  # where script/bootstrap puts it
endif()
if(NOT EXISTS ${OCCVLA_TORCH}/include/ATen/ATen.h)
  message(FATAL_ERROR "OCCVLA_TORCH=${OCCVLA_TORCH} holds no include/ATen/ATen.h. Run script/bootstrap, "
                      "or set OCCVLA_TORCH to the torch folder of a wheel or an unpacked libtorch, or "
                      "configure with -DOCCVLA_TORCH_ROOMS=OFF.")
endif()

# One OpenMP runtime in the process: torch's own.
file(GLOB torch_gomp ${OCCVLA_TORCH}/lib/libgomp*.so* ${OCCVLA_TORCH}/../torch.libs/libgomp*.so*)
if(torch_gomp)
  list(GET torch_gomp 0 torch_gomp)
else()
  set(torch_gomp gomp)
endif()

add_library(torch INTERFACE)
target_include_directories(torch SYSTEM INTERFACE ${OCCVLA_TORCH}/include
                           ${OCCVLA_TORCH}/include/torch/csrc/api/include)
target_compile_options(torch INTERFACE -fopenmp)
target_link_libraries(torch INTERFACE ${OCCVLA_TORCH}/lib/libtorch_cpu.so ${OCCVLA_TORCH}/lib/libc10.so
                      ${torch_gomp})
target_link_options(torch INTERFACE -Wl,-rpath,${OCCVLA_TORCH}/lib -Wl,--no-as-needed)
# Wheels up to 2.6 were built with the old libstdc++ ABI; 2.11 and later use the new one, as we do.
