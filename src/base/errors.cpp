#include <brood/errors.hpp>
#include <system_error>

namespace brood {

OsError::OsError(const std::string& what, int code)
    : ErrorAs(std::error_code(code, std::generic_category()), what) {}

}  // namespace brood
