# occvla_room(NAME FOLDER [SUB folders] [USES rooms] [LIBS libraries])
#
# One room: the static library occvla_NAME of every source in its folder, and one binary NAME_test of
# every *_test.cc. SUB names folders below FOLDER that are rooms of their own (other dependencies).
# Sources are found by pattern, so that no test file is lost; tests/test_count_test.cc compares the list
# kept in OCCVLA_TEST_FILES with the tree.
function(occvla_room name folder)
  cmake_parse_arguments(ARG "" "" "SUB;USES;LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cc)
  foreach(sub ${ARG_SUB})
    list(FILTER sources EXCLUDE REGEX "/${folder}/${sub}/")
  endforeach()
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(TRANSFORM ARG_USES PREPEND occvla_)
  if(sources)
    add_library(occvla_${name} STATIC ${sources})
    target_link_libraries(occvla_${name} PUBLIC own ${ARG_USES} ${ARG_LIBS})
  else()
    add_library(occvla_${name} INTERFACE)
    target_link_libraries(occvla_${name} INTERFACE own ${ARG_USES} ${ARG_LIBS})
  endif()
  if(tests)
    occvla_test(${name} occvla_${name} ${tests})
  endif()
endfunction()

# The test binary NAME_test of the given sources, run by ctest from the repository's root. Its results also
# go to test-results/NAME.xml in the build folder, from which script/test counts.
function(occvla_test name library)
  set_property(GLOBAL APPEND PROPERTY OCCVLA_TEST_FILES ${ARGN})
  if(OCCVLA_FUZZ)
    return()
  endif()
  add_executable(${name}_test ${ARGN})
  if(OCCVLA_SANITIZE)
    # The rooms are what is watched; their tests compile in half the time so.
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS "-O0;-fno-sanitize=undefined")
  endif()
  target_link_libraries(${name}_test PRIVATE ${library} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name}_test WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  # One thread: on the tests' small tensors two that share busy cores wait longer than they compute.
  # script/parity runs the program with all.
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 ENVIRONMENT
    "GTEST_OUTPUT=xml:${CMAKE_BINARY_DIR}/test-results/${name}.xml;OMP_NUM_THREADS=1")
endfunction()
