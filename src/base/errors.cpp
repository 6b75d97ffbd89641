#include <brood/errors.hpp>
#include <system_error>

namespace brood {

OsError::OsError(const std::string& what, int code)
    : Error(what + ": " + std::generic_category().message(code)), code_(code) {}

}  // namespace brood
