# The program in the README is examples/readme.cpp, to the letter.
file(READ ${ROOT}/README.md readme)
file(READ ${ROOT}/examples/readme.cpp program)
string(REGEX REPLACE "^(//[^\n]*\n)+" "" program "${program}")
string(FIND "${readme}" "${program}" at)
if(at EQUAL -1)
  message(FATAL_ERROR "the program in README.md is not examples/readme.cpp; copy it there without its first comment")
endif()
