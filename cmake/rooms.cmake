# Rooms: the folders of src/ and which of them may include which (docs/architecture.md draws the map).
#
#   room(sync PUBLIC lock.hpp MAY_INCLUDE platform)
#
# declares src/sync and the public headers that belong to it. Every room may include itself and base. The rules are
# written to a file that cmake/check_rooms.cmake holds against the `#include` lines, at every build.
set(BROOD_ROOMS "" CACHE INTERNAL "")
set(BROOD_ROOM_RULES "" CACHE INTERNAL "")
set(BROOD_SOURCES "" CACHE INTERNAL "")

function(room name)
  cmake_parse_arguments(ARG "" "" "PUBLIC;MAY_INCLUDE" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "room(${name}): does not understand '${ARG_UNPARSED_ARGUMENTS}'")
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  set(BROOD_SOURCES "${BROOD_SOURCES};${sources}" CACHE INTERNAL "")
  set(BROOD_ROOMS "${BROOD_ROOMS};${name}" CACHE INTERNAL "")
  string(REPLACE ";" "," public "${ARG_PUBLIC}")
  string(REPLACE ";" "," may "${ARG_MAY_INCLUDE}")
  set(BROOD_ROOM_RULES "${BROOD_ROOM_RULES};${name}|${public}|${may}" CACHE INTERNAL "")
endfunction()

# Adds the target that checks the rules; `target` will not build when a file breaks them.
function(check_rooms target)
  set(rules ${PROJECT_BINARY_DIR}/rooms.txt)
  string(REPLACE ";" "\n" text "${BROOD_ROOM_RULES}")
  file(CONFIGURE OUTPUT ${rules} CONTENT "${text}\n" @ONLY)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*.[ch]pp ${PROJECT_SOURCE_DIR}/include/*.hpp)
  add_custom_command(
    OUTPUT ${PROJECT_BINARY_DIR}/rooms.ok
    COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -DRULES=${rules} -P ${PROJECT_SOURCE_DIR}/cmake/check_rooms.cmake
    COMMAND ${CMAKE_COMMAND} -E touch ${PROJECT_BINARY_DIR}/rooms.ok
    DEPENDS ${files} ${rules} ${PROJECT_SOURCE_DIR}/cmake/check_rooms.cmake
    COMMENT "Holding #include lines against the map of rooms")
  add_custom_target(brood_rooms DEPENDS ${PROJECT_BINARY_DIR}/rooms.ok)
  add_dependencies(${target} brood_rooms)
endfunction()
