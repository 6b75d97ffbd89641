#pragma once
/// Codecs: how values become bytes and back. You need this page only for types that brood cannot take apart
/// by itself.
///
/// These types travel without a codec: numbers, enums, std::string and the other standard containers,
/// optional, variant, tuple, pair, array, unique_ptr, chrono, filesystem::path, complex, bitset, and
/// aggregates of all these (a struct without constructors, private fields, bases or C arrays). Pointers,
/// references and views never travel: they mean nothing in another process. For any other type, write a codec
/// once, next to the type:
///
///   template <> struct brood::Codec<Polygon> {
///     static void encode(brood::Writer& to, const Polygon& p) { to.value(p.corners()); }
///     static Polygon decode(brood::Reader& from) { return Polygon(from.value<std::vector<Point>>()); }
///   };
///
/// or, where the type is trivially copyable and holds no pointer:
///
///   template <> inline constexpr bool brood::bitwise<Matrix4> = true;
///
/// A type that cannot travel does not compile, and the message says what to write instead. Cost: one memcpy
/// for numbers and for vectors, arrays and structs of them; otherwise one step per element. A value may nest
/// 512 levels deep (max_depth) and be as large as the free space in the arena.

#include <brood/bytes.hpp>
#include <brood/detail/values.hpp>
