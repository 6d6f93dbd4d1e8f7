# fuzz/NAME.cc holds one LLVMFuzzerTestOneInput; its corpus is fuzz/corpus/NAME/. With OCCVLA_FUZZ (clang)
# each becomes the libFuzzer target fuzz_NAME; otherwise fuzz_replay_NAME runs the corpus through it once,
# as a test that needs no clang.
file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/fuzz/*.cc)
list(REMOVE_ITEM fuzzers ${CMAKE_SOURCE_DIR}/fuzz/replay.cc)
foreach(source ${fuzzers})
  get_filename_component(name ${source} NAME_WE)
  if(OCCVLA_FUZZ)
    add_executable(fuzz_${name} ${source})
    target_link_libraries(fuzz_${name} PRIVATE occvla_model_files)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(fuzz_replay_${name} ${source} fuzz/replay.cc)
    target_link_libraries(fuzz_replay_${name} PRIVATE occvla_model_files)
    add_test(NAME fuzz_replay_${name}
             COMMAND fuzz_replay_${name} ${CMAKE_SOURCE_DIR}/fuzz/corpus/${name})
    set_tests_properties(fuzz_replay_${name} PROPERTIES TIMEOUT 120)
  endif()
endforeach()
if(OCCVLA_FUZZ)
  # The rooms report their branches to libFuzzer too.
  target_compile_options(own INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(own INTERFACE -fsanitize=fuzzer-no-link)
endif()
