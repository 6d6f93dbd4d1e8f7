# bench/NAME.cc is a Google Benchmark program, bench_NAME; script/bench builds and runs them.
file(GLOB benches CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/*.cc)
add_custom_target(benches)
foreach(source ${benches})
  get_filename_component(name ${source} NAME_WE)
  add_executable(bench_${name} EXCLUDE_FROM_ALL ${source})
  target_link_libraries(bench_${name} PRIVATE occvla_model_files occvla_kernels occvla_world occvla_label
                        occvla_serve
                        benchmark::benchmark)
  # torch's headers bring an fmt of their own: only benches of models see them.
  file(STRINGS ${source} of_models REGEX "occvla/(infer|model)/")
  if(TARGET occvla_infer AND of_models)
    target_link_libraries(bench_${name} PRIVATE occvla_infer)
  endif()
  add_dependencies(benches bench_${name})
endforeach()
