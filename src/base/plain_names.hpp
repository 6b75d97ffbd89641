#pragma once
// Turns names of types and functions as compilers write them into names as people write them.

#include <string>
#include <string_view>

namespace brood {

/// Removes the standard library's version namespaces and default template arguments from a name:
/// "parse(std::vector<std::string>)". Never use the result as an identity. Parts that cannot be parsed stay
/// unchanged.
std::string plain_name(std::string_view name);

}  // namespace brood
