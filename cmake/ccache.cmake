# Compiles through ccache where it is installed. Paths below the repository go into the key relatively, so
# two clones share entries; the sloppiness is what ccache's manual asks for with precompiled headers.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
      CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()
