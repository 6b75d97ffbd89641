#include "exec/failure.hpp"

#include <cxxabi.h>

#include <any>
#include <brood/codec.hpp>
#include <brood/future.hpp>
#include <brood/task_errors.hpp>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <new>
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

// The text of an exception of the standard library is all that its constructor takes.
template <class E>
detail::ExceptionCarrier with_text() {
  return {readable(typeid(E).name()),
          [](Writer& to) {
            try {
              throw;
            } catch (const E& e) {
              if (typeid(e) != typeid(E) && typeid(e) != typeid(detail::Carried<E>)) return false;
              to.value(std::string(e.what()));
              return true;
            } catch (...) {
              return false;
            }
          },
          [](Reader& from, std::string type, std::string trace) {
            return std::make_exception_ptr(
                detail::Carried<E>(E(from.value<std::string>()), std::move(type), std::move(trace)));
          }};
}

template <class E>
detail::ExceptionCarrier without_text() {
  return {readable(typeid(E).name()),
          [](Writer&) {
            try {
              throw;
            } catch (const E& e) {
              return typeid(e) == typeid(E) || typeid(e) == typeid(detail::Carried<E>);
            } catch (...) {
              return false;
            }
          },
          [](Reader&, std::string type, std::string trace) {
            return std::make_exception_ptr(detail::Carried<E>(E(), std::move(type), std::move(trace)));
          }};
}

// Its text holds the category's message already; the constructor would add it again, so it is rebuilt from
// the code.
detail::ExceptionCarrier system_error() {
  return {"std::system_error",
          [](Writer& to) {
            try {
              throw;
            } catch (const std::system_error& e) {
              const bool generic = e.code().category() == std::generic_category();
              const bool system = e.code().category() == std::system_category();
              if (typeid(e) != typeid(std::system_error) || (!generic && !system)) return false;
              std::string text = e.what();
              const auto message = ": " + e.code().message();
              if (text.ends_with(message)) text.resize(text.size() - message.size());
              to.value(generic);
              to.value(std::int32_t{e.code().value()});
              to.value(text);
              return true;
            } catch (...) {
              return false;
            }
          },
          [](Reader& from, std::string type, std::string trace) {
            const bool generic = from.value<bool>();
            const auto code = from.value<std::int32_t>();
            const auto text = from.value<std::string>();
            const std::error_code error(code, generic ? std::generic_category() : std::system_category());
            return std::make_exception_ptr(detail::Carried<std::system_error>(
                std::system_error(error, text), std::move(type), std::move(trace)));
          }};
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
      with_text<PoolTerminated>(),
      with_text<PoolBroken>(),
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

void encode_current_exception(Writer& to, const std::string& trace) {
  const auto [type, text] = describe(std::current_exception());
  to.value(type);
  to.value(trace);
  for (const auto& carrier : carriers()) {
    std::byte room[4096];
    Writer attempt(room, sizeof room);
    if (!carrier.encode_current(attempt)) continue;
    to.value(carrier.type);
    if (attempt.fits())
      to.bytes(room, attempt.written());
    else
      carrier.encode_current(to);
    return;
  }
  to.value(std::string());
  to.value(text);
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

}  // namespace brood
