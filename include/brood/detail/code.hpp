#pragma once
// Which function: an address in this process <-> a name for it that means the same in another process of the
// program.

#include <compare>
#include <cstdint>

namespace brood::detail {

/// A place in executable code: index of the module (in the table that both processes agreed on when they met)
/// and offset from where the module is loaded. 0 is no code.
struct CodeRef {
  std::uint64_t word = 0;
  friend bool operator==(const CodeRef&, const CodeRef&) = default;
};

/// Throws UsageError for code in a module that was loaded (dlopen) after the table was made.
CodeRef code_ref(const void* code);

/// Throws DecodeError unless the place lies in an executable segment of a known module.
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
