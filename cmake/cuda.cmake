# liboccvla_cuda.so (occvla/kernels/cuda), which the program opens at run time; off unless asked for,
# because nvcc needs most of a minute. `occvla_cuda_selftest` compares it with the scalar kernels on
# a machine that has a GPU. nvcc is called by name: CMake 3.25 knows no C++20 for that of CUDA 13.
option(OCCVLA_CUDA "build the CUDA library (needs nvcc)" OFF)
if(OCCVLA_CUDA)
  find_program(NVCC nvcc HINTS /usr/local/cuda/bin REQUIRED)
  set(folder ${CMAKE_SOURCE_DIR}/occvla/kernels/cuda)
  set(flags -std=c++20 -O3 -I${CMAKE_SOURCE_DIR} -Xcompiler=-fPIC,-Wall,-Wextra
      -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=[sm_90,compute_90])
  file(GLOB headers CONFIGURE_DEPENDS ${folder}/*.cuh ${folder}/*.h)
  set(objects)
  foreach(name attention rows)
    add_custom_command(
      OUTPUT ${name}.cuda.o
      COMMAND ${NVCC} ${flags} -c ${folder}/${name}.cu -o ${name}.cuda.o
      DEPENDS ${folder}/${name}.cu ${headers} VERBATIM)
    list(APPEND objects ${name}.cuda.o)
  endforeach()
  add_custom_command(
    OUTPUT liboccvla_cuda.so COMMAND ${NVCC} -shared ${objects} -o liboccvla_cuda.so
    DEPENDS ${objects} VERBATIM)
  add_custom_target(occvla_cuda ALL DEPENDS liboccvla_cuda.so)

  add_custom_command(
    OUTPUT occvla_cuda_selftest
    COMMAND ${NVCC} ${flags} ${folder}/selftest.cu -o occvla_cuda_selftest -L. -loccvla_cuda
            $<TARGET_FILE:occvla_kernels> -Xlinker=-rpath=$ORIGIN
    DEPENDS ${folder}/selftest.cu liboccvla_cuda.so occvla_kernels
            ${CMAKE_SOURCE_DIR}/occvla/kernels/test_numbers.h VERBATIM)
  add_custom_target(occvla_cuda_selftest_target DEPENDS occvla_cuda_selftest)
endif()
