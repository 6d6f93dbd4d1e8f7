# tests/*_test.cc: what crosses rooms, torch-free. They read the repository itself and, where it was built,
# run the program. A sanitizer has nothing to watch in them.
file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/*_test.cc)
file(GLOB helpers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/*.cc)
list(REMOVE_ITEM helpers ${tests})
if(tests AND NOT OCCVLA_SANITIZE)
  occvla_test(cross own ${tests})
endif()
get_property(test_files GLOBAL PROPERTY OCCVLA_TEST_FILES)
list(TRANSFORM test_files REPLACE "^${CMAKE_SOURCE_DIR}/" "")
list(JOIN test_files "\n" test_files)
file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/test_files.txt CONTENT "${test_files}\n")
if(TARGET cross_test)
  target_sources(cross_test PRIVATE ${helpers})
  target_link_libraries(cross_test PRIVATE occvla_world occvla_label)
  target_compile_definitions(cross_test PRIVATE
    REPOSITORY="${CMAKE_SOURCE_DIR}" TEST_FILES="${CMAKE_BINARY_DIR}/test_files.txt"
    TORCH_ROOMS=$<BOOL:${OCCVLA_TORCH_ROOMS}>)
  if(TARGET occvla)
    add_dependencies(cross_test occvla)
    target_compile_definitions(cross_test PRIVATE PROGRAM="$<TARGET_FILE:occvla>")
  endif()
endif()

# tests/browser: the viewer in a headless Chromium, and what node says about web/.
if(NOT OCCVLA_SANITIZE)
  file(GLOB browser_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/browser/*_test.cc)
  occvla_test(browser occvla_base ${browser_tests})
endif()
if(TARGET browser_test)
  target_compile_definitions(browser_test PRIVATE REPOSITORY="${CMAKE_SOURCE_DIR}"
    TORCH_ROOMS=$<BOOL:${OCCVLA_TORCH_ROOMS}>)
  if(TARGET occvla)
    add_dependencies(browser_test occvla)
    target_compile_definitions(browser_test PRIVATE PROGRAM="$<TARGET_FILE:occvla>")
  endif()
endif()
