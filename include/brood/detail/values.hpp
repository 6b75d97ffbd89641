#pragma once
// encode and decode for every kind of type, and the messages for those that cannot travel.
// Included at the end of <brood/codec.hpp>.

#include <brood/detail/aggregates.hpp>
#include <brood/detail/kinds.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

namespace brood::detail {

[[noreturn]] void bad_value(const char* type);  // throws DecodeError

template <class T>
constexpr bool always_false = false;

// ---- may it travel? ----

// True, or a compile error with a message. Around: the aggregates that enclose this type, so that one that
// contains itself (struct Node { std::unique_ptr<Node> next; }) is not judged again.
template <class T, class... Around>
constexpr bool judge();

template <class T, class... Around, std::size_t... I>
constexpr bool judge_fields(std::index_sequence<I...>) {
  return (judge<std::remove_cv_t<Field<T, I>>, T, Around...>() && ...);
}
template <class... Around, class... Args, template <class...> class Template>
constexpr bool judge_arguments(const Template<Args...>*) {
  return (judge<std::remove_cv_t<Args>, Around...>() && ...);
}

template <class T, class... Around>
constexpr bool judge() {
  constexpr Kind kind = kind_of<T>();
  static_assert(
      kind != Kind::pointer,
      "brood: a pointer cannot travel, it means nothing in another process. Send the value itself; for a "
      "const char* write std::string");
  static_assert(kind != Kind::null, "brood: nullptr cannot travel; send std::nullopt in a std::optional");
  static_assert(kind != Kind::member_pointer,
                "brood: a pointer to member cannot travel inside a value; pass it as the function to call");
  static_assert(kind != Kind::reference,
                "brood: a reference cannot travel, it means nothing in another process. Make it a value");
  static_assert(
      kind != Kind::view,
      "brood: a view (string_view, span, reference_wrapper) cannot travel, what it looks at stays behind. "
      "Use the owning type: std::string, std::vector");
  static_assert(
      kind != Kind::shared,
      "brood: a shared_ptr cannot travel, the other process would get a second object. Use unique_ptr or "
      "the value itself");
  static_assert(kind != Kind::owning_array,
                "brood: unique_ptr<T[]> does not know its length and cannot travel. Use std::vector<T>");
  static_assert(
      kind != Kind::erased,
      "brood: std::function hides what it holds and cannot travel. Pass the function itself, its values as "
      "arguments after it");
  static_assert(kind != Kind::c_array, "brood: a C array cannot travel by reflection. Use std::array");
  static_assert(kind != Kind::closure,
                "brood: a lambda with captures cannot travel. Pass what it captures as arguments: write "
                "pool.apply_async([](int a, int b) {...}, a, b) for pool.apply_async([a, b] {...}), and "
                "pool.map(f, items, extra...) for a capture in map");
  constexpr bool stays = kind == Kind::opaque && !std::is_move_constructible_v<T>;
  static_assert(
      !stays,
      "brood: this object belongs to one process (it can be neither copied nor moved, like a std::mutex). "
      "Make it in the function that uses it; processes talk through a brood::Queue");
  static_assert(
      stays || kind != Kind::opaque || std::is_trivially_copyable_v<T>,
      "brood: this class cannot be seen into (it has constructors, private fields or bases). Specialise "
      "brood::Codec<T>; or, if it belongs to one process (a stream, a thread, a connection), pass what it is "
      "made from (a path, an address) and make it in the function");
  static_assert(
      stays || kind != Kind::opaque || !std::is_trivially_copyable_v<T>,
      "brood: this class cannot be seen into (it has constructors, private fields or bases). Specialise "
      "brood::Codec<T>, or, if it is trivially copyable and holds no pointers, say "
      "template <> inline constexpr bool brood::bitwise<T> = true;");
  if constexpr (kind == Kind::opted_in) {
    static_assert(std::is_trivially_copyable_v<T>,
                  "brood: brood::bitwise<T> was set for a type that is not trivially copyable. Specialise "
                  "brood::Codec<T> instead");
  } else if constexpr (kind == Kind::aggregate) {
    if constexpr (!std::is_empty_v<T>) {
      constexpr bool references = has_reference<T>();
      static_assert(!references,
                    "brood: a reference cannot travel, it means nothing in another process. Make it a value");
      constexpr bool arrays = has_c_array<T>();
      static_assert(
          !arrays,
          "brood: an aggregate with a C array as member cannot travel by reflection. Use std::array, or, "
          "if it holds no pointers, say template <> inline constexpr bool brood::bitwise<T> = true;");
      constexpr bool again = (std::is_same_v<T, Around> || ...);
      if constexpr (!references && !arrays && !again)
        return judge_fields<T, Around...>(std::make_index_sequence<field_count<T>>{});
    }
  } else if constexpr (kind == Kind::tuple || kind == Kind::variant) {
    return judge_arguments<Around...>(static_cast<const T*>(nullptr));
  } else if constexpr (kind == Kind::sequence || kind == Kind::array || kind == Kind::optional) {
    return judge<std::remove_cv_t<typename T::value_type>, Around...>();
  } else if constexpr (kind == Kind::unique) {
    static_assert(
        std::is_same_v<typename T::deleter_type, std::default_delete<typename T::element_type>>,
        "brood: a unique_ptr with a deleter of its own cannot travel. Specialise brood::Codec<T> for what it "
        "points to and send that");
    static_assert(
        !std::is_polymorphic_v<typename T::element_type> || HasCodec<typename T::element_type>,
        "brood: a unique_ptr to a polymorphic class cannot travel, its real type would be lost. Use "
        "std::variant, or specialise brood::Codec for the unique_ptr");
    if constexpr (!std::is_polymorphic_v<typename T::element_type>)
      return judge<std::remove_cv_t<typename T::element_type>, Around...>();
  }
  return true;
}

// The check used by the rest of brood; as a variable template it is evaluated once per type.
template <class T>
inline constexpr bool travels = judge<T>();

// ---- may it be copied as bytes? ----

template <class T>
constexpr bool is_plain();  // every byte pattern is a valid value, and the bytes are all of it

template <class T, std::size_t... I>
constexpr bool plain_fields(std::index_sequence<I...>) {
  return (is_plain<std::remove_cv_t<Field<T, I>>>() && ...);
}
template <class... Args, template <class...> class Template>
constexpr bool plain_arguments(const Template<Args...>*) {
  return (is_plain<Args>() && ...);
}

template <class T>
constexpr bool is_plain() {
  constexpr Kind kind = kind_of<T>();
  if constexpr (kind == Kind::scalar || kind == Kind::opted_in || kind == Kind::complex ||
                kind == Kind::duration || kind == Kind::calendar) {
    return std::is_trivially_copyable_v<T>;
  } else if constexpr (kind == Kind::array) {
    return std::tuple_size_v<T> != 0 && is_plain<typename T::value_type>();
  } else if constexpr (kind == Kind::tuple && std::is_trivially_copyable_v<T> && !std::is_empty_v<T>) {
    return plain_arguments(static_cast<const T*>(nullptr));
  } else if constexpr (kind == Kind::aggregate && std::is_trivially_copyable_v<T> && !std::is_empty_v<T> &&
                       std::is_default_constructible_v<T>) {
    return plain_fields<T>(std::make_index_sequence<field_count<T>>{});
  } else {
    return false;
  }
}

// The smallest number of bytes a value can take, which bounds the memory that a false length can claim. Never
// 0.
template <class T>
constexpr std::size_t least_size() {
  constexpr Kind kind = kind_of<T>();
  if constexpr (is_plain<T>())
    return sizeof(T);
  else if constexpr (kind == Kind::string || kind == Kind::path || kind == Kind::sequence)
    return sizeof(std::uint64_t);
  else
    return 1;
}

// ---- to bytes ----

template <class T>
void encode(Writer& w, const T& v);

template <class T>
void encode_fields(Writer& w, const T& v) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (encode(w, get_field<I>(v)), ...);
  }(std::make_index_sequence<field_count<T>>{});
}

template <class T>
void encode_sequence(Writer& w, const T& v) {
  using Element = typename T::value_type;
  if constexpr (requires { v.size(); }) {
    w.size(v.size());
  } else {  // forward_list
    std::size_t n = 0;
    for (auto it = v.begin(); it != v.end(); ++it) ++n;
    w.size(n);
  }
  if constexpr (requires { v.data(); } && is_plain<Element>()) {
    w.bytes(v.data(), v.size() * sizeof(Element));
  } else {
    for (const auto& element : v) encode<Element>(w, element);
  }
}

template <class T>
void encode(Writer& w, const T& v) {
  static_assert(travels<T>);
  constexpr Kind kind = kind_of<T>();
  if constexpr (kind == Kind::codec) {
    Writer::Level level(w);
    Codec<T>::encode(w, v);
  } else if constexpr (is_plain<T>()) {
    w.bytes(&v, sizeof v);
  } else if constexpr (kind == Kind::boolean) {
    const unsigned char byte = v ? 1 : 0;
    w.bytes(&byte, 1);
  } else if constexpr (kind == Kind::string) {
    w.size(v.size());
    w.bytes(v.data(), v.size() * sizeof(typename T::value_type));
  } else if constexpr (kind == Kind::path) {
    encode(w, v.native());
  } else if constexpr (kind == Kind::sequence) {
    Writer::Level level(w);
    encode_sequence(w, v);
  } else if constexpr (kind == Kind::array) {
    for (const auto& element : v) encode(w, element);
    if constexpr (std::tuple_size_v<T> == 0) w.bytes("", 1);
  } else if constexpr (kind == Kind::tuple) {
    std::apply([&](const auto&... elements) { (encode(w, elements), ...); }, v);
    if constexpr (std::tuple_size_v<T> == 0) w.bytes("", 1);
  } else if constexpr (kind == Kind::optional || kind == Kind::unique) {
    Writer::Level level(w);
    encode(w, static_cast<bool>(v));
    if (v) encode(w, *v);
  } else if constexpr (kind == Kind::variant) {
    Writer::Level level(w);
    if (v.valueless_by_exception()) throw UsageError("a variant without a value cannot travel");
    encode(w, static_cast<std::uint32_t>(v.index()));
    std::visit([&](const auto& alternative) { encode(w, alternative); }, v);
  } else if constexpr (kind == Kind::duration) {
    encode(w, v.count());
  } else if constexpr (kind == Kind::time) {
    encode(w, v.time_since_epoch());
  } else if constexpr (kind == Kind::bits) {
    encode(w, v.to_string());
  } else if constexpr (kind == Kind::monostate || std::is_empty_v<T>) {
    w.bytes("", 1);
  } else if constexpr (!is_refused(kind)) {
    static_assert(kind == Kind::aggregate || kind == Kind::complex);
    Writer::Level level(w);
    encode_fields(w, v);
  }
}

// ---- back to values ----

template <class T>
T decode(Reader& r);

// Inserts into a map without copying the key: once part of a value_type, a key is const and cannot be moved.
template <class T, class Element>
void append(T& to, Element element) {
  if constexpr (requires { to.push_back(std::move(element)); })
    to.push_back(std::move(element));
  else if constexpr (requires { to.emplace_hint(to.end(), std::move(element)); })
    to.emplace_hint(to.end(), std::move(element));
  else
    to.insert(to.end(), std::move(element));
}

// A map's value_type has a const key, which cannot be decoded into; this is the type to decode.
template <class T>
struct ElementOf {
  using type = typename T::value_type;
};
template <class T>
  requires requires { typename T::mapped_type; }
struct ElementOf<T> {
  using type = std::pair<typename T::key_type, typename T::mapped_type>;
};

template <class T>
T decode_sequence(Reader& r) {
  using Element = typename ElementOf<T>::type;
  T to;
  const std::size_t n = r.size(least_size<Element>());
  if constexpr (requires { to.before_begin(); }) {
    auto last = to.before_begin();
    for (std::size_t i = 0; i < n; ++i) last = to.insert_after(last, decode<Element>(r));
  } else if constexpr (requires { to.data(); } && is_plain<Element>() &&
                       std::is_default_constructible_v<Element>) {
    const std::byte* const from = r.view(n * sizeof(Element));
    if constexpr (std::is_constructible_v<T, const Element*, const Element*>) {
      // If the bytes are suitably aligned, elements are constructed from them; otherwise zeroed elements are
      // made first and copied over.
      if (reinterpret_cast<std::uintptr_t>(from) % alignof(Element) == 0) {
        const auto* const first = reinterpret_cast<const Element*>(from);
        return T(first, first + n);
      }
    }
    to.resize(n);
    if (n != 0) std::memcpy(to.data(), from, n * sizeof(Element));
  } else {
    // Reserve no more memory than the message has bytes: its length may be false.
    if constexpr (requires { to.reserve(n); }) {
      const std::size_t most = r.left() / sizeof(Element) + 1;
      to.reserve(n < most ? n : most);
    }
    for (std::size_t i = 0; i < n; ++i) append(to, decode<Element>(r));
  }
  return to;
}

template <class T, std::size_t I = 0>
T decode_alternative(Reader& r, std::size_t index) {
  if constexpr (I == std::variant_size_v<T>) {
    bad_value("variant");
  } else {
    if (index != I) return decode_alternative<T, I + 1>(r, index);
    return T(std::in_place_index<I>, decode<std::variant_alternative_t<I, T>>(r));
  }
}

template <class T, std::size_t... I>
T decode_fields(Reader& r, std::index_sequence<I...>) {
  return T{decode<std::remove_cv_t<Field<T, I>>>(r)...};  // braces evaluate in order
}

template <class T, std::size_t... I>
T decode_tuple(Reader& r, std::index_sequence<I...>) {
  if constexpr (sizeof...(I) == 0) r.view(1);
  return T{decode<std::remove_cv_t<std::tuple_element_t<I, T>>>(r)...};
}

template <class T, std::size_t... I>
T decode_array(Reader& r, std::index_sequence<I...>) {
  if constexpr (sizeof...(I) == 0) r.view(1);
  return T{{(static_cast<void>(I), decode<typename T::value_type>(r))...}};
}

template <class T>
T decode_array(Reader& r) {
  if constexpr (std::tuple_size_v<T> <= 64 || !std::is_default_constructible_v<T>) {
    return decode_array<T>(r, std::make_index_sequence<std::tuple_size_v<T>>{});
  } else {
    T to{};
    for (auto& element : to) element = decode<typename T::value_type>(r);
    return to;
  }
}

template <class T>
T decode(Reader& r) {
  static_assert(travels<T>);
  constexpr Kind kind = kind_of<T>();
  if constexpr (kind == Kind::codec) {
    Reader::Level level(r);
    return Codec<T>::decode(r);
  } else if constexpr (is_plain<T>() && !std::is_default_constructible_v<T>) {
    alignas(T) std::byte room[sizeof(T)];
    r.bytes(room, sizeof room);
    return *std::launder(reinterpret_cast<const T*>(room));
  } else if constexpr (is_plain<T>()) {
    T to;
    r.bytes(&to, sizeof to);
    return to;
  } else if constexpr (kind == Kind::boolean) {
    unsigned char byte = 0;
    r.bytes(&byte, 1);
    if (byte > 1) bad_value("bool");
    return byte == 1;
  } else if constexpr (kind == Kind::string) {
    using Char = typename T::value_type;
    const std::size_t n = r.size(sizeof(Char));
    T to(n, Char());
    r.bytes(to.data(), n * sizeof(Char));
    return to;
  } else if constexpr (kind == Kind::path) {
    return T(decode<typename T::string_type>(r));
  } else if constexpr (kind == Kind::sequence) {
    Reader::Level level(r);
    return decode_sequence<T>(r);
  } else if constexpr (kind == Kind::array) {
    return decode_array<T>(r);
  } else if constexpr (kind == Kind::tuple) {
    return decode_tuple<T>(r, std::make_index_sequence<std::tuple_size_v<T>>{});
  } else if constexpr (kind == Kind::optional) {
    Reader::Level level(r);
    return decode<bool>(r) ? T(decode<typename T::value_type>(r)) : T();
  } else if constexpr (kind == Kind::unique) {
    using Element = std::remove_cv_t<typename T::element_type>;
    Reader::Level level(r);
    return decode<bool>(r) ? T(new Element(decode<Element>(r))) : T();
  } else if constexpr (kind == Kind::variant) {
    Reader::Level level(r);
    return decode_alternative<T>(r, decode<std::uint32_t>(r));
  } else if constexpr (kind == Kind::duration) {
    return T(decode<typename T::rep>(r));
  } else if constexpr (kind == Kind::time) {
    return T(decode<typename T::duration>(r));
  } else if constexpr (kind == Kind::bits) {
    const auto text = decode<std::string>(r);
    if (text.size() != T().size() || text.find_first_not_of("01") != std::string::npos) bad_value("bitset");
    return T(text);
  } else if constexpr (kind == Kind::monostate || std::is_empty_v<T>) {
    r.view(1);
    return T{};
  } else if constexpr (is_refused(kind)) {
    bad_value("");
  } else {
    Reader::Level level(r);
    return decode_fields<T>(r, std::make_index_sequence<field_count<T>>{});
  }
}

/// Decodes a message that consists of exactly one value.
template <class T>
T decode_whole(Reader& r) {
  T v = decode<T>(r);
  r.end();
  return v;
}
template <class T>
T decode_all(const std::byte* from, std::size_t n) {
  Reader r(from, n);
  return decode_whole<T>(r);
}

}  // namespace brood::detail

namespace brood {

template <class T>
void Writer::value(const T& v) {
  detail::encode<T>(*this, v);
}
template <class T>
T Reader::value() {
  return detail::decode<T>(*this);
}

}  // namespace brood
