#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "wire_support.hpp"

namespace {

using wire_support::bytes_of;
using wire_support::there_and_back;

enum Plain { first, second, third };
enum class Scoped : std::int8_t { low = -128, high = 127 };
enum class Wide : std::uint64_t { top = ~std::uint64_t{0} };

template <class T>
class WireNumber : public testing::Test {};
using Numbers = testing::Types<char, signed char, unsigned char, char8_t, char16_t, char32_t, wchar_t, short,
                               unsigned short, int, unsigned, long, unsigned long, long long,
                               unsigned long long, float, double, long double>;
TYPED_TEST_SUITE(WireNumber, Numbers);

// P03
TYPED_TEST(WireNumber, arrives_unchanged_at_its_limits) {
  using Limits = std::numeric_limits<TypeParam>;
  for (const TypeParam value : {Limits::min(), Limits::lowest(), Limits::max(), TypeParam{}, TypeParam{1}}) {
    EXPECT_EQ(there_and_back(value), value);
  }
}

TEST(Wire, carries_infinities_and_not_a_number) {
  EXPECT_EQ(there_and_back(std::numeric_limits<double>::infinity()), HUGE_VAL);
  EXPECT_TRUE(std::isnan(there_and_back(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_TRUE(std::signbit(there_and_back(-0.0)));
}

TEST(Wire, carries_bool_and_enums) {
  EXPECT_TRUE(there_and_back(true));
  EXPECT_FALSE(there_and_back(false));
  EXPECT_EQ(there_and_back(third), third);
  EXPECT_EQ(there_and_back(Scoped::low), Scoped::low);
  EXPECT_EQ(there_and_back(Wide::top), Wide::top);
  EXPECT_EQ(there_and_back(std::byte{0xfe}), std::byte{0xfe});
}

TEST(Wire, carries_strings_of_every_character_type) {
  using namespace std::string_literals;
  EXPECT_EQ(there_and_back(""s), "");
  EXPECT_EQ(there_and_back("zero \0 inside"s).size(), 13U);
  EXPECT_EQ(there_and_back(L"wide"s), L"wide");
  EXPECT_TRUE(there_and_back(u8"Gr\u00fc\u00dfe"s) == u8"Gr\u00fc\u00dfe");
  EXPECT_TRUE(there_and_back(u"sixteen"s) == u"sixteen");
  EXPECT_TRUE(there_and_back(U"thirty two"s) == U"thirty two");
  const std::string large(std::size_t{3} << 20, 'x');
  EXPECT_EQ(there_and_back(large), large);
}

// ---- the writer ----

struct Sample {
  int number = 7;
  std::string text = "some text that does not fit into a small string";
  std::vector<std::string> lines = std::vector<std::string>(3, "line");
  std::optional<double> maybe = 2.5;
};

TEST(Writer, counts_exactly_what_does_not_fit_and_never_writes_beyond_its_room) {
  const Sample sample;
  const auto whole = bytes_of(sample);
  for (std::size_t room = 0; room <= whole.size(); ++room) {
    std::vector<std::byte> memory(whole.size() + 16, std::byte{0xee});
    brood::Writer writer(memory.data(), room);
    writer.value(sample);
    EXPECT_EQ(writer.fits(), room == whole.size()) << room;
    EXPECT_EQ(writer.written(), whole.size()) << room;
    for (std::size_t i = room; i < memory.size(); ++i) ASSERT_EQ(memory[i], std::byte{0xee}) << room;
  }
}

TEST(Writer, that_has_overflowed_writes_nothing_behind_the_gap) {
  std::array<std::byte, 4> memory{};
  brood::Writer writer(memory);
  writer.value(std::uint64_t{~0ULL});
  writer.value(std::uint8_t{0xff});
  EXPECT_EQ(writer.written(), 9U);
  EXPECT_EQ(memory, (std::array<std::byte, 4>{}));
}

TEST(Writer, takes_no_bytes_at_all) {
  brood::Writer writer(nullptr, 0);
  writer.bytes(nullptr, 0);
  EXPECT_TRUE(writer.fits());
  EXPECT_EQ(writer.written(), 0U);
}

TEST(Writer, remembers_the_handles_that_a_codec_noted) {
  brood::Writer writer(nullptr, 0);
  writer.handle(64);
  writer.handle(128);
  EXPECT_EQ(writer.handles(), (std::vector<std::uint64_t>{64, 128}));
}

// ---- the reader ----

TEST(Reader, refuses_what_is_left_over) {
  auto bytes = bytes_of(7);
  bytes.push_back(std::byte{});
  EXPECT_THROW(wire_support::value_of<int>(bytes), brood::DecodeError);
}

TEST(Reader, refuses_a_length_that_the_message_cannot_hold) {
  brood::Writer measure(nullptr, 0);
  for (const std::uint64_t lie : {std::uint64_t{4}, std::uint64_t{1} << 40, ~std::uint64_t{0},
                                  ~std::uint64_t{0} / 8 + 1, std::uint64_t{1} << 63}) {
    std::vector<std::byte> bytes(sizeof lie + 3 * sizeof(double));
    std::memcpy(bytes.data(), &lie, sizeof lie);
    EXPECT_THROW(wire_support::value_of<std::vector<double>>(bytes), brood::DecodeError) << lie;
    EXPECT_THROW(wire_support::value_of<std::u32string>(bytes), brood::DecodeError) << lie;
  }
}

TEST(Reader, refuses_a_bool_that_is_neither) {
  EXPECT_THROW(wire_support::value_of<bool>({std::byte{2}}), brood::DecodeError);
  EXPECT_THROW(wire_support::value_of<std::optional<int>>({std::byte{7}}), brood::DecodeError);
}

TEST(Reader, refuses_an_alternative_that_the_variant_does_not_have) {
  using V = std::variant<int, double>;
  auto bytes = bytes_of(V{1});
  bytes[0] = std::byte{2};
  EXPECT_THROW(wire_support::value_of<V>(bytes), brood::DecodeError);
}

TEST(Reader, gives_views_of_the_message_itself) {
  const auto bytes = bytes_of(std::uint32_t{0x01020304});
  brood::Reader reader(bytes);
  EXPECT_EQ(reader.view(4), bytes.data());
  EXPECT_EQ(reader.left(), 0U);
  reader.end();
  EXPECT_THROW(reader.view(1), brood::DecodeError);
}

TEST(Reader, names_what_is_wrong_in_a_sentence) {
  try {
    wire_support::value_of<std::uint64_t>({});
    FAIL() << "an empty message is no number";
  } catch (const brood::DecodeError& e) {
    EXPECT_STREQ(e.what(),
                 "a message ends early: 8 bytes expected, 0 left; both ends must use the same type");
  }
}

}  // namespace
