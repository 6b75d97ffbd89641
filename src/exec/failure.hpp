#pragma once
// Exceptions as texts and as bytes.

#include <brood/bytes.hpp>
#include <exception>
#include <string>
#include <utility>

namespace brood::exec {

/// Type name and text.
std::pair<std::string, std::string> describe(const std::exception_ptr& error);

/// The exception being handled, as bytes; `trace`: the stack of its throw.
void encode_current_exception(Writer& to, const std::string& trace);
/// The exception, as itself where its type travels, else as RemoteError. Bytes that are none give a
/// DecodeError.
std::exception_ptr decode_exception(Reader& from);

}  // namespace brood::exec
