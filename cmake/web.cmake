# The page in the browser: web/ is built by Vite, each file is compressed and linked into the program.
#
# The target occvla_web_page holds viewer::EmbeddedPage(). Without node the program is built all the same,
# and says at `/` what it lacks.
option(OCCVLA_WEB "build the viewer's page from web/ (needs node 18 or newer, and npm)" ON)
set(web_folder ${CMAKE_BINARY_DIR}/web)
file(MAKE_DIRECTORY ${web_folder})

set(web_absent "")
if(OCCVLA_FUZZ)
  set(web_absent "This program was built for fuzzing, without the viewer's page.")
elseif(NOT OCCVLA_WEB)
  set(web_absent "This program was built without the viewer's page (OCCVLA_WEB=OFF).")
else()
  find_program(OCCVLA_NODE NAMES node nodejs)
  find_program(OCCVLA_NPM npm)
  set(node_version "v0")
  if(OCCVLA_NODE AND OCCVLA_NPM)
    execute_process(COMMAND ${OCCVLA_NODE} --version OUTPUT_VARIABLE node_version ERROR_QUIET
                    OUTPUT_STRIP_TRAILING_WHITESPACE)
  endif()
  if(node_version MATCHES "^v([0-9]+)" AND CMAKE_MATCH_1 LESS 18)
    set(web_absent "This program was built where node 18 or newer and npm are missing, so it has no viewer's page: run script/bootstrap and script/build again.")
  endif()
endif()

if(web_absent)
  if(NOT OCCVLA_FUZZ)
    message(STATUS "${web_absent}")
  endif()
  file(CONFIGURE OUTPUT ${web_folder}/absent.cc CONTENT [=[
#include "occvla/serve/viewer/page.h"

namespace occvla::serve::viewer {

const Page& EmbeddedPage() {
  static const Page page{{}, "@web_absent@"};
  return page;
}

}  // namespace occvla::serve::viewer
]=] @ONLY)
  add_library(occvla_web_page STATIC ${web_folder}/absent.cc)
else()
  enable_language(ASM)
  file(GLOB_RECURSE web_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/src/* ${CMAKE_SOURCE_DIR}/web/*.html)
  # The script compares what it writes with what is there: a page that came out the same compiles nothing.
  add_custom_command(
    OUTPUT ${web_folder}/page.cc ${web_folder}/page_files.S
    COMMAND ${CMAKE_SOURCE_DIR}/script/lib/build_web ${web_folder} ${OCCVLA_NODE} ${OCCVLA_NPM}
    DEPENDS ${web_sources} script/lib/build_web web/embed.mjs web/package-lock.json web/package.json web/.npmrc
            web/vite.config.ts web/tsconfig.json
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    COMMENT "Building the viewer's page"
    VERBATIM)
  add_library(occvla_web_page STATIC ${web_folder}/page.cc ${web_folder}/page_files.S)
endif()
target_link_libraries(occvla_web_page PUBLIC own)
