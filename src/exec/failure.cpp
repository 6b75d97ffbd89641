#include "exec/failure.hpp"

#include <cxxabi.h>

#include <any>
#include <brood/codec.hpp>
#include <brood/future.hpp>
#include <brood/task_errors.hpp>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <ios>
#include <memory>
#include <new>
#include <optional>
#include <regex>
#include <system_error>
#include <typeinfo>
#include <vector>

namespace brood {
namespace exec {
namespace {

std::string readable(const char* mangled) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(mangled, nullptr, nullptr, &status), &std::free);
  return name ? name.get() : mangled;
}

// One of another process: of its own type, and with the text that it had there.
template <class E>
class Rebuilt final : public detail::Carried<E> {
 public:
  Rebuilt(E e, std::string type, std::string trace, std::string text)
      : detail::Carried<E>(std::move(e), std::move(type), std::move(trace)), text_(std::move(text)) {}
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

// Write(to, e) adds what Rebuild(from, text) needs besides the text.
template <class E, auto Write, auto Rebuild>
detail::ExceptionCarrier carrier() {
  return {readable(typeid(E).name()),
          [](Writer& to) {
            try {
              throw;
            } catch (const E& e) {
              if (typeid(e) != typeid(E) && typeid(e) != typeid(Rebuilt<E>)) return false;
              to.value(std::string(e.what()));
              Write(to, e);
              return true;
            } catch (...) {
              return false;
            }
          },
          [](Reader& from, std::string type, std::string trace) {
            auto text = from.value<std::string>();
            E e = Rebuild(from, text);
            return std::make_exception_ptr(
                Rebuilt<E>(std::move(e), std::move(type), std::move(trace), std::move(text)));
          }};
}

constexpr auto nothing = [](Writer&, const auto&) {};

template <class E>
detail::ExceptionCarrier with_text() {
  return carrier<E, nothing, [](Reader&, const std::string& text) { return E(text); }>();
}
template <class E>
detail::ExceptionCarrier without_text() {
  return carrier<E, nothing, [](Reader&, const std::string&) { return E(); }>();
}

// The categories of the standard library have names of their own; a code of any other becomes a generic one.
void write_code(Writer& to, const std::error_code& code) {
  to.value(std::string(code.category().name()));
  to.value(std::int32_t{code.value()});
}
std::error_code read_code(Reader& from) {
  const auto name = from.value<std::string>();
  const auto value = from.value<std::int32_t>();
  for (const std::error_category* known :
       {&std::system_category(), &std::iostream_category(), &std::future_category()}) {
    if (name == known->name()) return {value, *known};
  }
  return {value, std::generic_category()};
}
constexpr auto with_code = [](Writer& to, const auto& e) { write_code(to, e.code()); };

detail::ExceptionCarrier system_error() {
  return carrier<std::system_error, with_code,
                 [](Reader& from, const std::string&) { return std::system_error(read_code(from)); }>();
}
detail::ExceptionCarrier stream_failure() {
  return carrier<std::ios_base::failure, with_code, [](Reader& from, const std::string& text) {
    return std::ios_base::failure(text, read_code(from));
  }>();
}
detail::ExceptionCarrier future_error() {
  return carrier<std::future_error, with_code, [](Reader& from, const std::string&) {
    return std::future_error(static_cast<std::future_errc>(read_code(from).value()));
  }>();
}
detail::ExceptionCarrier regex_error() {
  return carrier<std::regex_error,
                 [](Writer& to, const std::regex_error& e) { to.value(std::int32_t{e.code()}); },
                 [](Reader& from, const std::string&) {
                   return std::regex_error(
                       static_cast<std::regex_constants::error_type>(from.value<std::int32_t>()));
                 }>();
}
detail::ExceptionCarrier filesystem_error() {
  using std::filesystem::filesystem_error;
  using std::filesystem::path;
  return carrier<filesystem_error,
                 [](Writer& to, const filesystem_error& e) {
                   write_code(to, e.code());
                   to.value(e.path1());
                   to.value(e.path2());
                 },
                 [](Reader& from, const std::string& text) {
                   const auto code = read_code(from);
                   const auto first = from.value<path>();
                   return filesystem_error(text, first, from.value<path>(), code);
                 }>();
}
detail::ExceptionCarrier os_error() {
  return carrier<OsError, [](Writer& to, const OsError& e) { to.value(std::int32_t{e.code()}); },
                 [](Reader& from, const std::string& text) {
                   return OsError(text, from.value<std::int32_t>());
                 }>();
}
detail::ExceptionCarrier worker_died() {
  return carrier<WorkerDied,
                 [](Writer& to, const WorkerDied& e) {
                   for (const int number : {e.signal(), e.exit_code(), e.pid()})
                     to.value(std::int32_t{number});
                   to.value(e.task());
                   to.value(e.arguments());
                   to.value(e.last_lines());
                   to.value(e.stack());
                 },
                 [](Reader& from, const std::string& text) {
                   const auto signal = from.value<std::int32_t>();
                   const auto code = from.value<std::int32_t>();
                   const auto pid = from.value<std::int32_t>();
                   auto task = from.value<std::string>();
                   auto arguments = from.value<std::string>();
                   auto lines = from.value<std::string>();
                   return WorkerDied(text, signal, code, pid, std::move(task), std::move(arguments),
                                     std::move(lines), from.value<std::string>());
                 }>();
}

std::vector<detail::ExceptionCarrier>& carriers() {
  static auto* const all = new std::vector<detail::ExceptionCarrier>{
      with_text<std::runtime_error>(),
      with_text<std::logic_error>(),
      with_text<std::invalid_argument>(),
      with_text<std::domain_error>(),
      with_text<std::length_error>(),
      with_text<std::out_of_range>(),
      with_text<std::range_error>(),
      with_text<std::overflow_error>(),
      with_text<std::underflow_error>(),
      without_text<std::bad_alloc>(),
      without_text<std::bad_cast>(),
      without_text<std::bad_typeid>(),
      without_text<std::bad_optional_access>(),
      without_text<std::bad_variant_access>(),
      without_text<std::bad_any_cast>(),
      without_text<std::bad_function_call>(),
      without_text<std::bad_weak_ptr>(),
      without_text<std::bad_array_new_length>(),
      without_text<std::exception>(),
      system_error(),
      filesystem_error(),
      stream_failure(),
      future_error(),
      regex_error(),
      with_text<Error>(),
      with_text<UsageError>(),
      with_text<NoMemory>(),
      with_text<StartFailed>(),
      with_text<StatusUnknown>(),
      with_text<TimeoutError>(),
      with_text<DecodeError>(),
      without_text<Empty>(),
      without_text<Full>(),
      without_text<Closed>(),
      with_text<DeadlineExceeded>(),
      with_text<Cancelled>(),
      with_text<MemoryLimitExceeded>(),
      with_text<PoolTerminated>(),
      with_text<PoolBroken>(),
      os_error(),
      worker_died(),
  };
  return *all;
}

}  // namespace

std::pair<std::string, std::string> describe(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    const auto* remote = dynamic_cast<const RemoteTrace*>(&e);
    return {remote != nullptr ? remote->remote_type() : readable(typeid(e).name()), e.what()};
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    const auto name = type != nullptr ? readable(type->name()) : std::string("an exception of unknown type");
    return {name, name};
  }
}

namespace {

// What the carrier's codec writes for the exception being handled; nothing when it is not of its type. What
// the codec throws, or that it wrote something else the second time, is told in `trouble`.
std::optional<std::vector<std::byte>> carried_by(const detail::ExceptionCarrier& carrier,
                                                 std::string& trouble) {
  try {
    Writer measure(nullptr, 0);
    if (!carrier.encode_current(measure)) return std::nullopt;
    std::vector<std::byte> bytes(measure.written());
    Writer to(bytes.data(), bytes.size());
    carrier.encode_current(to);
    if (to.written() == bytes.size()) return bytes;
    trouble = "wrote it twice in different ways";
  } catch (const std::bad_alloc&) {
    throw;
  } catch (...) {
    const auto [type, text] = describe(std::current_exception());
    trouble = "threw " + type + ": " + text;
  }
  return std::nullopt;
}

}  // namespace

void encode_current_exception(Writer& to, const std::string& trace) {
  auto [type, text] = describe(std::current_exception());
  to.value(type);
  to.value(trace);
  std::string trouble;
  for (const auto& carrier : carriers()) {
    const auto bytes = carried_by(carrier, trouble);
    if (!trouble.empty()) break;
    if (!bytes) continue;
    to.value(carrier.type);
    to.bytes(bytes->data(), bytes->size());
    return;
  }
  if (!trouble.empty()) text += " (it could not be sent as itself, for its codec " + trouble + ")";
  to.value(std::string());
  to.value(text);
}

std::vector<std::byte> encoded(const std::exception_ptr& error) {
  const auto write = [&](Writer& to, const std::string& trace) { encode_current_exception(to, trace); };
  const auto whole = [&](const std::string& trace) {
    Writer measure(nullptr, 0);
    write(measure, trace);
    std::vector<std::byte> bytes(measure.written());
    Writer to(bytes.data(), bytes.size());
    write(to, trace);
    return bytes;
  };
  try {
    std::rethrow_exception(error);
  } catch (const RemoteTrace& e) {
    return whole(e.remote_trace());
  } catch (...) {
    return whole({});
  }
}

std::exception_ptr decode_exception(Reader& from) {
  try {
    auto type = from.value<std::string>();
    auto trace = from.value<std::string>();
    const auto carried = from.value<std::string>();
    for (const auto& carrier : carriers()) {
      if (!carried.empty() && carrier.type == carried)
        return carrier.decode(from, std::move(type), std::move(trace));
    }
    if (!carried.empty())
      throw DecodeError("an exception of type " + carried + " arrived, which is not known here");
    const auto text = from.value<std::string>();
    return std::make_exception_ptr(RemoteError(type, text, std::move(trace)));
  } catch (...) {
    return std::current_exception();
  }
}

}  // namespace exec

void detail::add_carrier(ExceptionCarrier carrier) {
  // In front: an own type goes before the standard one that it may be derived from.
  auto& all = exec::carriers();
  all.insert(all.begin(), std::move(carrier));
}

RemoteError::RemoteError(const std::string& type, const std::string& text, std::string trace)
    : Error(type + ": " + text), RemoteTrace(type, std::move(trace)) {}

}  // namespace brood
