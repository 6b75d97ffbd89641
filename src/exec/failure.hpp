#pragma once
// Exceptions as texts and as bytes.

#include <brood/bytes.hpp>
#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace brood::exec {

/// Type name and text.
std::pair<std::string, std::string> describe(const std::exception_ptr& error);

/// The exception being handled, as bytes; `trace`: the stack of its throw.
void encode_current_exception(Writer& to, const std::string& trace);
/// The same of any exception, with the trace that it carries if it came out of another process.
std::vector<std::byte> encoded(const std::exception_ptr& error);
/// The exception, as itself where its type travels, else as RemoteError. Bytes that are none give a
/// DecodeError.
std::exception_ptr decode_exception(Reader& from);

}  // namespace brood::exec
