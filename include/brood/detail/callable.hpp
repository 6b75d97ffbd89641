#pragma once
// A call as bytes: the function, its arguments as the parameters' types, and the thunk that decodes and makes
// the call in the other process.

#include <brood/codec.hpp>
#include <brood/detail/code.hpp>
#include <brood/detail/std_parts.hpp>
#include <brood/detail/told.hpp>
#include <brood/detail/worker_state.hpp>
#include <brood/function.hpp>
#include <tuple>
#include <type_traits>

namespace brood::detail {

/// Receives the result of a call. An implementation calls `write` once or twice (see Writer).
class ResultSink {
 public:
  using Write = void (*)(Writer& to, const void* value);
  virtual void deliver(Write write, const void* value) = 0;

 protected:
  ~ResultSink() = default;
};

/// Decodes a call, makes it, and delivers its result; with a null `result` the value is dropped.
using Thunk = void (*)(Reader& call, ResultSink* result);

// ---- parameters ----

template <class... Params>
struct Parameters {
  static constexpr bool known = true;
  static constexpr std::size_t count = sizeof...(Params);
  using Tuple = std::tuple<Params...>;
};
struct UnknownParameters {
  static constexpr bool known = false;
};

template <class F>
struct ParametersOf : std::type_identity<UnknownParameters> {};
template <class R, class... A>
struct ParametersOf<R (*)(A...)> : std::type_identity<Parameters<A...>> {};
template <class R, class... A>
struct ParametersOf<R (*)(A...) noexcept> : std::type_identity<Parameters<A...>> {};
template <class C, class Self, class M>
struct ParametersOfMember;
#define BROOD_MEMBER(qualifiers, self)                                                          \
  template <class R, class C, class... A>                                                       \
  struct ParametersOf<R (C::*)(A...) qualifiers> : std::type_identity<Parameters<self, A...>> { \
    using Plain = Parameters<A...>;                                                             \
  };
BROOD_MEMBER(, C)
BROOD_MEMBER(const, C)
BROOD_MEMBER(noexcept, C)
BROOD_MEMBER(const noexcept, C)
BROOD_MEMBER(&, C)
BROOD_MEMBER(const&, C)
BROOD_MEMBER(& noexcept, C)
BROOD_MEMBER(const& noexcept, C)
#undef BROOD_MEMBER
template <class F>
  requires requires { &F::operator(); }
struct ParametersOf<F> : std::type_identity<typename ParametersOf<decltype(&F::operator())>::Plain> {};
template <auto V>
struct ParametersOf<Fn<V>> : ParametersOf<std::decay_t<decltype(V)>> {};

template <class F>
using ParametersFor = typename ParametersOf<F>::type;

// The type in which an argument travels when the function's parameters are unknown: a char array becomes a
// string.
template <class Arg>
using Natural = std::conditional_t<std::is_convertible_v<std::decay_t<Arg>, const char*> &&
                                       std::is_pointer_v<std::decay_t<Arg>>,
                                   std::string, std::decay_t<Arg>>;

/// The type in which an argument of type Arg travels to a parameter of type Param: the parameter's own.
/// Specialised for arguments that travel as themselves and are converted to the parameter in the other
/// process.
template <class Arg, class Param>
struct StoredAs : std::type_identity<Param> {};

template <class F, std::size_t I>
using Parameter = std::tuple_element_t<I, typename ParametersFor<F>::Tuple>;
template <class P>
inline constexpr bool is_changeable =
    std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>;

/// True when a call with this many arguments passes the worker's state to the first parameter, a non-const
/// reference.
template <class F, std::size_t arguments>
constexpr bool takes_state() {
  if constexpr (std::is_member_function_pointer_v<F> || !ParametersFor<F>::known)
    return false;
  else if constexpr (ParametersFor<F>::count != arguments + 1)
    return false;
  else
    return is_changeable<Parameter<F, 0>>;
}
/// The index of the parameter that takes the first argument.
template <class F, std::size_t arguments>
inline constexpr std::size_t first_parameter = takes_state<F, arguments>() ? 1 : 0;

/// True when the argument converts to the parameter. An argument of exactly the parameter's type is only read
/// for encoding, so it need be neither copyable nor movable.
template <class Arg, class Param>
inline constexpr bool is_passed_as =
    std::is_same_v<std::remove_cvref_t<Arg>, Param> || std::is_convertible_v<Arg, Param>;

/// The argument with that number, counted from 1. Its name in the compiler's message shows which argument it
/// is, its type and the parameter's.
template <std::size_t number, class Given, class Expected>
struct Argument {
  static constexpr bool is_pointer_to_it =
      std::is_pointer_v<std::decay_t<Given>> && std::is_class_v<std::remove_pointer_t<std::decay_t<Given>>> &&
      std::is_convertible_v<std::remove_pointer_t<std::decay_t<Given>>&, const Expected&>;
  static constexpr bool fits = is_passed_as<Given, Expected>;
  static_assert(
      fits || !is_pointer_to_it,
      "brood: a pointer to an object is passed for the object itself. Pass the object, *this for this: "
      "it travels by value");
  static_assert(fits || is_pointer_to_it,
                "brood: an argument does not convert to the function's parameter: Argument<number, argument, "
                "parameter> in this message names it");
  static constexpr bool judged = true;
};

/// True for a non-const reference parameter whose changes would be lost. False for handles, of which a copy
/// serves as well, and for objects that cannot be moved, which `travels` reports.
template <class P>
inline constexpr bool is_lost =
    is_changeable<P> && !is_handle<std::decay_t<P>> && std::is_move_constructible_v<std::decay_t<P>>;
template <class P>
inline constexpr bool is_changeable_handle = is_changeable<P> && is_handle<std::decay_t<P>>;

template <class F, class Seq, class... Args>
struct StoredTuple {  // parameters unknown (generic lambda, overloaded operator())
  using type = std::tuple<Natural<Args>...>;
};
template <class F, std::size_t... I, class... Args>
  requires(ParametersFor<F>::known)
struct StoredTuple<F, std::index_sequence<I...>, Args...> {
  static constexpr auto first = first_parameter<F, sizeof...(Args)>;
  static_assert(
      !(is_changeable_handle<Parameter<F, I + first>> || ...),
      "brood: the function takes a handle by non-const reference. Take it by value, brood::Queue<T> "
      "for brood::Queue<T>&: each copy is a handle of the same object");
  static_assert(
      !(is_lost<Parameter<F, I + first>> || ...),
      "brood: the function takes a non-const reference; what it changes would be lost with the other "
      "process. Take a value and return the result");
  static_assert((Argument<I + 1, Args, std::decay_t<Parameter<F, I + first>>>::judged && ...));
  using type =
      std::tuple<typename StoredAs<std::decay_t<Args>, std::decay_t<Parameter<F, I + first>>>::type...>;
};

template <class F, class... Args>
constexpr bool right_count() {
  if constexpr (ParametersFor<F>::known)
    return ParametersFor<F>::count == sizeof...(Args) || takes_state<F, sizeof...(Args)>();
  else
    return true;
}

/// The arguments as they travel: the parameters' types without references.
template <class F, class... Args>
struct StoredFor {
  static_assert(
      right_count<F, Args...>(),
      "brood: the function takes another number of arguments than were passed (default arguments do not "
      "travel with a function: pass them)");
  using type = typename std::conditional_t<right_count<F, Args...>(),
                                           StoredTuple<F, std::index_sequence_for<Args...>, Args...>,
                                           std::type_identity<std::tuple<Natural<Args>...>>>::type;
};
template <class F, class... Args>
using Stored = typename StoredFor<F, Args...>::type;

// ---- the function ----

template <class F>
inline constexpr bool is_function_pointer =
    std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>;

/// True for a function that travels as the address of its code alone; decoding it runs no user code.
template <class F>
inline constexpr bool is_code_alone =
    is_function_pointer<F> || std::is_member_function_pointer_v<F> || std::is_empty_v<F>;

template <class F>
constexpr bool may_be_called_elsewhere() {
  if constexpr (is_code_alone<F>) {
    return true;
  } else {
    static_assert(
        !is_lambda<F>() || HasCodec<F>,
        "brood: a lambda with captures cannot travel to another process. Pass what it captures as "
        "arguments: write apply_async([](int a, int b) {...}, a, b) for apply_async([a, b] {...}), "
        "map(f, items, extra...) for a capture in map, and brood::Process p(brood::forked, [&] {...}) for a "
        "process that is a copy of this one");
    if constexpr (is_lambda<F>() && !HasCodec<F>)
      return true;  // reported above
    else
      return travels<F>;
  }
}

// Itanium ABI: a pointer to member function is {address, or vtable offset + 1; adjustment of this}.
struct MemberPointer {
  std::uintptr_t pointer;
  std::ptrdiff_t adjustment;
};

template <class F>
void encode_function(Writer& w, const F& f) {
  if constexpr (is_function_pointer<F>) {
    w.value(code_ref_of(f).word);
  } else if constexpr (std::is_member_function_pointer_v<F>) {
    static_assert(sizeof(F) == sizeof(MemberPointer));
    MemberPointer raw;
    std::memcpy(&raw, &f, sizeof raw);
    const bool is_virtual = (raw.pointer & 1) != 0;
    w.value(is_virtual);
    w.value(is_virtual ? std::uint64_t{raw.pointer}
                       : code_ref(reinterpret_cast<const void*>(raw.pointer)).word);
    w.value(std::int64_t{raw.adjustment});
  } else if constexpr (!std::is_empty_v<F> && (!is_lambda<F>() || HasCodec<F>)) {
    encode<F>(w, f);
  }
}

template <class F>
F decode_function(Reader& r) {
  if constexpr (is_function_pointer<F>) {
    return code_as<std::remove_pointer_t<F>>(CodeRef{r.value<std::uint64_t>()});
  } else if constexpr (std::is_member_function_pointer_v<F>) {
    const bool is_virtual = r.value<bool>();
    const auto word = r.value<std::uint64_t>();
    const MemberPointer raw{is_virtual ? word : reinterpret_cast<std::uintptr_t>(code_at(CodeRef{word})),
                            static_cast<std::ptrdiff_t>(r.value<std::int64_t>())};
    F f;
    std::memcpy(&f, &raw, sizeof f);
    return f;
  } else if constexpr (std::is_empty_v<F>) {
    static_assert(
        std::is_default_constructible_v<F>,
        "brood: a function object without fields must be default constructible to be called elsewhere");
    return F{};
  } else if constexpr (is_lambda<F>() && !HasCodec<F>) {
    bad_value("lambda");
  } else {
    return decode<F>(r);
  }
}

// ---- the call ----

/// Stands in for an argument that has been refused, so that the compiler reports no further errors about it.
template <class To>
[[noreturn]] const To& refused_argument() {
  bad_value("argument");
}

/// The argument in the type in which it travels: itself if it has that type already, otherwise converted
/// once.
template <class To, class From>
decltype(auto) as_stored(From&& from) {
  if constexpr (std::is_same_v<std::remove_cvref_t<From>, To>)
    return static_cast<const To&>(from);
  else if constexpr (std::is_constructible_v<To, From>)
    return static_cast<To>(std::forward<From>(from));
  else
    return refused_argument<To>();
}

template <class F, bool with_state, class... Args>
struct Invoked : std::invoke_result<F&, Args...> {};
template <class F, class... Args>
struct Invoked<F, true, Args...> : std::invoke_result<F&, Parameter<F, 0>, Args...> {};

/// The result type of the call; void if the call is impossible, which is reported elsewhere.
template <class Invoked>
struct ResultOf : std::type_identity<void> {};
template <class Invoked>
  requires requires { typename Invoked::type; }
struct ResultOf<Invoked> : std::decay<typename Invoked::type> {};

/// True when StoredTuple has refused a parameter of F.
template <class F>
inline constexpr bool is_refused_function = false;
template <class F>
  requires(ParametersFor<F>::known)
inline constexpr bool is_refused_function<F> = []<class... P>(std::type_identity<std::tuple<P...>>) {
  return (is_changeable<P> || ...);
}(std::type_identity<typename ParametersFor<F>::Tuple>{});

/// Calls f like std::invoke, passing the worker's state first if the function takes it.
template <class F, class... Args>
decltype(auto) invoke_here(F& f, Args&&... args) {
  if constexpr (takes_state<std::remove_const_t<F>, sizeof...(Args)>()) {
    auto& state = worker_state<std::remove_reference_t<Parameter<std::remove_const_t<F>, 0>>>();
    return detail::invoke(f, state, std::forward<Args>(args)...);
  } else if constexpr (std::is_invocable_v<F&, Args...>) {
    return detail::invoke(f, std::forward<Args>(args)...);
  }  // otherwise Call refuses it
}

template <class F, class StoredArgs>
struct Call;

template <class F, class... StoredArgs>
struct Call<F, std::tuple<StoredArgs...>> {
  static_assert(may_be_called_elsewhere<F>());
  static_assert((travels<StoredArgs> && ...));
  using Returned = Invoked<F, takes_state<F, sizeof...(StoredArgs)>(), StoredArgs...>;
  static constexpr bool is_callable = requires { typename Returned::type; };
  static_assert(is_callable || is_refused_function<F> || !right_count<F, StoredArgs...>(),
                "brood: the function cannot be called with these arguments");
  using Result = typename ResultOf<Returned>::type;

  static void encode_call(Writer& w, const F& f, const StoredArgs&... args) {
    encode_function(w, f);
    (encode<StoredArgs>(w, args), ...);
  }

  static void run(Reader& r, ResultSink* result) {
    F f = decode_function<F>(r);
    std::tuple<StoredArgs...> args{decode<StoredArgs>(r)...};  // braces evaluate in order
    r.end();
    if constexpr (std::is_void_v<Result>) {
      std::apply([&](auto&&... a) { invoke_here(f, std::move(a)...); }, std::move(args));
    } else {
      Result value =
          std::apply([&](auto&&... a) -> Result { return invoke_here(f, std::move(a)...); }, std::move(args));
      if (result != nullptr) {
        if constexpr (travels<Result>)
          result->deliver([](Writer& to, const void* v) { to.value(*static_cast<const Result*>(v)); },
                          &value);
      }
    }
  }

  /// The call's arguments as a short text, up to the first that only user code could decode. Throws
  /// DecodeError.
  static std::string tell(Reader& r) {
    std::string text;
    if constexpr (is_code_alone<F>) {
      static_cast<void>(decode_function<F>(r));
      static_cast<void>((tell_next<StoredArgs>(text, r) && ...));
    }
    return text == untold ? "" : text;
  }

  /// Runs the call and drops its result, which need not be able to travel.
  static void run_only(Reader& r, ResultSink*) {
    F f = decode_function<F>(r);
    std::tuple<StoredArgs...> args{decode<StoredArgs>(r)...};
    r.end();
    std::apply([&](auto&&... a) { static_cast<void>(invoke_here(f, std::move(a)...)); }, std::move(args));
  }
  /// Runs the call of an initializer and keeps its result as the state of this worker.
  static void run_and_keep(Reader& r, ResultSink* sink) {
    if constexpr (std::is_void_v<Result>) {
      run_only(r, sink);
    } else {
      F f = decode_function<F>(r);
      std::tuple<StoredArgs...> args{decode<StoredArgs>(r)...};
      r.end();
      keep_state(std::apply(
                     [&](auto&&... a) {
                       return std::shared_ptr<void>(
                           std::shared_ptr<Result>(new Result(invoke_here(f, std::move(a)...))));
                     },
                     std::move(args)),
                 &state_tag<Result>);
    }
  }
};

template <class F, class... Args>
using CallFor = Call<std::decay_t<F>, Stored<std::decay_t<F>, Args...>>;

}  // namespace brood::detail
