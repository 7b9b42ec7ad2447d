# readme_example.cmake - fails unless the C block of README.md is EXAMPLE, line for line.
# Run as: cmake -DREADME=... -DEXAMPLE=... -P readme_example.cmake
file(READ "${README}" readme)
file(READ "${EXAMPLE}" example)
string(FIND "${readme}" "\n```c\n${example}```\n" place)
if(place EQUAL -1)
  message(FATAL_ERROR "The C block of ${README} is not ${EXAMPLE}.")
endif()
