#pragma once
// Names of types and functions as people write them, of those that compilers write.

#include <string>
#include <string_view>

namespace brood {

/// "parse(std::vector<std::string>)" for a name that spells out namespaces of the library's versions and
/// template arguments that are the default. Never an identity. What it cannot take apart stays as it is.
std::string plain_name(std::string_view name);

}  // namespace brood
