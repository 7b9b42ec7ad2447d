# Writes HEADER: the commit of the sources in SOURCE, and whether they differ from it. A header
# that says so already is left alone, so that nothing is built again.
cmake_minimum_required(VERSION 3.25)
set(commit "")
set(dirty 0)
find_program(GIT git)
if(GIT)
  # An empty prefix: SOURCE is a repository's top, not a directory in somebody else's.
  execute_process(COMMAND ${GIT} -C ${SOURCE} rev-parse --show-prefix HEAD
    OUTPUT_VARIABLE said ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed AND said MATCHES "^\n([0-9a-f]+)\n$")
    set(commit ${CMAKE_MATCH_1})
    execute_process(COMMAND ${GIT} -C ${SOURCE} status --porcelain --untracked-files=no
      OUTPUT_VARIABLE differs ERROR_QUIET)
    if(differs)
      set(dirty 1)
    endif()
  endif()
endif()
file(CONFIGURE OUTPUT ${HEADER} @ONLY
  CONTENT "#define BENCH_COMMIT \"@commit@\"\n#define BENCH_DIRTY  @dirty@\n")
