#include "exec/failure.hpp"

#include <cxxabi.h>

#include <algorithm>
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

#include "platform/modules.hpp"
#include "platform/thrown.hpp"

namespace brood {
namespace detail {

// An exception from another process: of its own type, and with the text it had there. (Messages omit the
// wrapper's name: see plain_name.)
template <class E>
class Rebuilt : public Carried<E> {
 public:
  Rebuilt(E e, std::string type, OriginPtr origin, std::string text)
      : Carried<E>(std::move(e), std::move(type), std::move(origin)), text_(std::move(text)) {}
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

}  // namespace detail

namespace exec {
namespace {

using detail::OriginPtr;

// Write(to, e) adds what Rebuild(from, text) needs besides the text.
template <class E, auto Write, auto Rebuild>
detail::ExceptionCarrier carrier() {
  using Rebuilt = detail::Rebuilt<E>;
  return {platform::readable(typeid(E).name()), detail::types_of<E, Rebuilt>(),
          [](Writer& to) {
            try {
              throw;
            } catch (const E& e) {
              to.value(std::string(e.what()));
              Write(to, e);
            }
          },
          [](Reader& from, std::string type, OriginPtr origin, const std::exception_ptr& cause) {
            auto text = from.value<std::string>();
            E e = Rebuild(from, text);
            return detail::with_cause(
                Rebuilt(std::move(e), std::move(type), std::move(origin), std::move(text)), cause);
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
  return carrier<OsError, [](Writer& to, const OsError& e) { to.value(std::int32_t{e.code().value()}); },
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
  auto told = platform::thrown(error);
  return {std::move(told.type), std::move(told.text)};
}

std::string tell_origin() {
  try {
    throw;
  } catch (const RemoteTrace& e) {
    const auto told = platform::current_thrown();
    auto text = "  " + told.whole() + "\n";
    if (const auto& task = e.remote_task(); !task.empty()) text += "  in " + task + "\n";
    if (const auto& trace = e.remote_trace(); !trace.empty()) text += "thrown at\n" + trace;
    const auto causes = platform::causes_of(told.cause);
    return causes.empty() ? text : text + causes.substr(1) + "\n";
  } catch (const WorkerDied& e) {
    return "  " + std::string(e.what()) + "\n" + (e.stack().empty() ? "" : "it was at\n" + e.stack());
  } catch (const DeadlineExceeded& e) {
    return "  brood::DeadlineExceeded: " + std::string(e.what()) + "\n";
  } catch (const MemoryLimitExceeded& e) {
    return "  brood::MemoryLimitExceeded: " + std::string(e.what()) + "\n";
  } catch (...) {
    return {};
  }
}

namespace {

constexpr int most_causes = 16;

// The bytes that the carrier's codec writes for the exception being handled. If the codec throws, or writes
// something else the second time, `trouble` says so.
std::optional<std::vector<std::byte>> carried_by(const detail::ExceptionCarrier& carrier,
                                                 std::string& trouble) {
  try {
    std::vector<std::byte> bytes(256);
    for (const auto wanted = bytes.size();;) {
      Writer to(bytes.data(), bytes.size());
      carrier.encode_current(to);
      const bool is_first = bytes.size() == wanted;
      if (to.fits() && (is_first || to.written() == bytes.size())) {
        bytes.resize(to.written());
        return bytes;
      }
      if (!is_first) break;
      bytes.resize(to.written());
    }
    trouble = "wrote it twice in different ways";
  } catch (const std::bad_alloc&) {
    throw;
  } catch (...) {
    trouble = "threw " + platform::current_thrown().whole();
  }
  return std::nullopt;
}

const detail::ExceptionCarrier* carrier_of_current() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  if (type == nullptr) return nullptr;
  for (const auto& carrier : carriers()) {
    for (const auto* each : carrier.types) {
      if (each != nullptr && *each == *type) return &carrier;
    }
  }
  return nullptr;
}

// A growing sequence of bytes.
class Bytes {
 public:
  template <class T>
  void value(const T& v) {
    for (;;) {
      Writer to(all_.data() + size_, all_.size() - size_);
      to.value(v);
      if (to.fits()) {
        size_ += to.written();
        return;
      }
      all_.resize(2 * size_ + to.written());
    }
  }
  void bytes(const std::vector<std::byte>& more) {
    all_.resize(std::max(all_.size(), size_ + more.size()));
    std::copy(more.begin(), more.end(), all_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += more.size();
  }
  std::vector<std::byte> take() {
    all_.resize(size_);
    return std::move(all_);
  }

 private:
  std::vector<std::byte> all_ = std::vector<std::byte>(512);
  std::size_t size_ = 0;
};

detail::OriginPtr origin_of_current() {
  try {
    throw;
  } catch (const RemoteTrace& e) {
    return e.origin();
  } catch (...) {
    return nullptr;
  }
}

std::string remote_type_of_current() {
  try {
    throw;
  } catch (const RemoteTrace& e) {
    return e.remote_type();
  }
}

bool is_remote_error() {
  try {
    throw;
  } catch (const RemoteError&) {
    return true;
  } catch (...) {
    return false;
  }
}

void encode_one(Bytes& to, const std::exception_ptr& error, StackOf stack_of, int depth);

// Encodes the exception being handled, which is `error`.
void encode_current(Bytes& to, const std::exception_ptr& error, StackOf stack_of, int depth) {
  const auto told = platform::current_thrown();
  const auto origin = origin_of_current();
  const auto* carrier = carrier_of_current();
  to.value(origin ? remote_type_of_current() : told.type);
  to.value(origin ? origin->parts() : detail::OriginParts{stack_of(error), {}});
  const bool has_cause = told.cause && depth < most_causes;
  to.value(has_cause);
  if (has_cause) encode_one(to, told.cause, stack_of, depth + 1);
  std::string trouble;
  if (carrier != nullptr) {
    if (const auto bytes = carried_by(*carrier, trouble)) {
      to.value(carrier->type);
      to.bytes(*bytes);
      return;
    }
    trouble = " (it could not be sent as itself, for its codec " + trouble + ")";
  }
  to.value(std::string());
  to.value((is_remote_error() ? told.text : told.whole()) + trouble);
}

void encode_one(Bytes& to, const std::exception_ptr& error, StackOf stack_of, int depth) {
  try {
    std::rethrow_exception(error);
  } catch (...) {
    encode_current(to, error, stack_of, depth);
  }
}

}  // namespace

std::vector<std::byte> encoded(const std::exception_ptr& error, StackOf stack_of) {
  Bytes to;
  encode_one(to, error, stack_of, 0);
  return to.take();
}

std::vector<std::byte> encoded(const std::exception_ptr& error) {
  return encoded(error, [](const std::exception_ptr&) { return detail::Stack(); });
}

void write_plain_error(Writer& to, const std::string& type, const std::string& text) {
  to.value(type);
  to.value(detail::OriginParts());
  to.value(false);
  to.value(type);
  to.value(text);
}

namespace {

std::exception_ptr decode_one(Reader& from, const detail::TaskTold* task) {
  const Reader::Level level(from);
  auto type = from.value<std::string>();
  auto parts = from.value<detail::OriginParts>();
  if (task != nullptr) parts.tasks.push_back(*task);
  const auto origin = std::make_shared<const detail::Origin>(std::move(parts));
  const auto cause = from.value<bool>() ? decode_one(from, nullptr) : nullptr;
  const auto carried = from.value<std::string>();
  for (const auto& carrier : carriers()) {
    if (!carried.empty() && carrier.type == carried)
      return carrier.decode(from, std::move(type), origin, cause);
  }
  if (!carried.empty())
    throw DecodeError("an exception of type " + carried + " arrived, which is not known here");
  const auto text = from.value<std::string>();
  return detail::with_cause(RemoteError(text, std::move(type), origin), cause);
}

}  // namespace

namespace {

// Adds the task's name to what a worker reports: the worker does not know it.
std::exception_ptr with_task(const std::exception_ptr& error, const detail::TaskTold& task) {
  constexpr std::string_view unnamed = "the task ";
  try {
    std::rethrow_exception(error);
  } catch (const detail::Rebuilt<MemoryLimitExceeded>& e) {
    const std::string_view text = e.what();
    if (!text.starts_with(unnamed)) return error;
    const auto named = task.call() + " in " + task.worker + " " + std::string(text.substr(unnamed.size()));
    return std::make_exception_ptr(
        detail::Rebuilt<MemoryLimitExceeded>(MemoryLimitExceeded(named), e.remote_type(), e.origin(), named));
  } catch (...) {
    return error;
  }
}

}  // namespace

std::exception_ptr decode_exception(Reader& from, const detail::TaskTold* task) {
  try {
    auto error = decode_one(from, task);
    return task != nullptr ? with_task(error, *task) : error;
  } catch (...) {
    return std::current_exception();
  }
}

EachItsOwn::EachItsOwn(const std::exception_ptr& error) : error_(error) {
  if (!error) return;
  try {
    std::rethrow_exception(error);
  } catch (const PoolBroken& e) {
    broken_.emplace(e);
  } catch (const PoolTerminated& e) {
    terminated_.emplace(e);
  } catch (...) {
  }
}

std::exception_ptr EachItsOwn::operator()() const {
  if (broken_) return std::make_exception_ptr(*broken_);
  return terminated_ ? std::make_exception_ptr(*terminated_) : error_;
}

}  // namespace exec

void detail::add_carrier(ExceptionCarrier carrier) {
  // Inserted in front: a user's type takes precedence over the standard type that it may be derived from.
  auto& all = exec::carriers();
  all.insert(all.begin(), std::move(carrier));
}

const std::string& RemoteTrace::remote_trace() const {
  static const std::string none;
  return origin_ ? origin_->trace() : none;
}
const std::string& RemoteTrace::remote_task() const {
  static const std::string none;
  return origin_ ? origin_->task() : none;
}

const char* WorkerDied::what() const noexcept {
  try {
    return origin_ ? origin_->sentence(ErrorAs::what()).c_str() : ErrorAs::what();
  } catch (...) {  // no memory to make the text
    return ErrorAs::what();
  }
}
const std::string& WorkerDied::stack() const { return origin_ ? origin_->trace() : stack_; }

}  // namespace brood
