# Puts text files into a C++ file: cmake -DOUT=FILE -DFILES=A|B|... -P embed.cmake. Each is found by its name without
# folder and extension (tools/brood/tour/embedded.hpp).
string(REPLACE "|" ";" FILES "${FILES}")
set(code "// Made by cmake/embed.cmake.\n\n#include \"embedded.hpp\"\n\n#include <stdexcept>\n#include <string>\n\n")
string(APPEND code "std::string_view tool::embedded(std::string_view name) {\n")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} text)
  string(APPEND code "  if (name == \"${name}\") return R\"embedded(${text})embedded\";\n")
endforeach()
string(APPEND code "  throw std::out_of_range(\"no embedded file \" + std::string(name));\n}\n")
file(WRITE ${OUT} "${code}")
