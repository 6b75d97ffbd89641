#pragma once
// Converts between the address of a function in this process and a reference that means the same in every
// process of the program.

#include <compare>
#include <cstdint>

namespace brood::detail {

/// A place in executable code: the index of a module (in the table that both processes agreed on when they
/// met) and the offset from the module's load address. 0 means no code.
struct CodeRef {
  std::uint64_t word = 0;
  friend bool operator==(const CodeRef&, const CodeRef&) = default;
};

/// The reference for a code address. Throws UsageError for code in a module that was loaded (dlopen) after
/// the table was made.
CodeRef code_ref(const void* code);

/// The address in this process. Throws DecodeError unless it is in an executable segment of a known module.
const void* code_at(CodeRef ref);

template <class F>
CodeRef code_ref_of(F* function) {
  return code_ref(reinterpret_cast<const void*>(function));
}
template <class F>
F* code_as(CodeRef ref) {
  return reinterpret_cast<F*>(const_cast<void*>(code_at(ref)));
}

}  // namespace brood::detail
