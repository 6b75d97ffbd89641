// Pool: exceptions of tasks.

#include <any>
#include <brood/pool.hpp>
#include <filesystem>
#include <functional>
#include <future>
#include <regex>
#include <system_error>
#include <type_traits>
#include <variant>

#include "nothing_left.hpp"

namespace pool_error {

struct Own : std::runtime_error {
  Own(int c, const std::string& text) : std::runtime_error(text), code(c) {}
  int code;
};
struct Stranger : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct NotAnException {
  int i = 1;
};
struct Frozen : std::runtime_error {  // blows up when it is built again
  using std::runtime_error::runtime_error;
};

[[gnu::noinline]] int the_function_that_throws(const std::string& text) {
  if (!text.empty()) throw std::invalid_argument(text);
  return 1;
}

template <class E>
int throws(int) {
  throw E();
}
template <class E>
int throws_text(int) {
  throw E("the text");
}

struct BadPage : std::runtime_error {
  using std::runtime_error::runtime_error;
};
const bool bad_page_travels = (brood::carry_exception<BadPage>(), true);

}  // namespace pool_error

template <>
struct brood::Codec<pool_error::Own> {
  static void encode(Writer& to, const pool_error::Own& e) {
    to.value(e.code);
    to.value(std::string(e.what()));
  }
  static pool_error::Own decode(Reader& from) {
    const int code = from.value<int>();
    return {code, from.value<std::string>()};
  }
};
template <>
struct brood::Codec<pool_error::Frozen> {
  static void encode(Writer& to, const pool_error::Frozen& e) { to.value(std::string(e.what())); }
  static pool_error::Frozen decode(Reader&) { throw std::domain_error("cannot be thawed"); }
};

namespace {

using namespace pool_error;
using namespace std::chrono_literals;

const bool carried = [] {
  brood::carry_exception<Own>();
  brood::carry_exception<Frozen>();
  return true;
}();

template <class E, class F>
void expect_own_type(brood::Pool& pool, F f, const char* type) {
  try {
    pool.apply(f, 0);
    ADD_FAILURE() << type;
  } catch (const std::exception& e) {
    if (dynamic_cast<const E*>(&e) == nullptr) {
      ADD_FAILURE() << type << " arrived as " << typeid(e).name() << ": " << e.what();
      return;
    }
    const auto* trace = dynamic_cast<const brood::RemoteTrace*>(&e);
    ASSERT_NE(trace, nullptr) << type;
    EXPECT_EQ(trace->remote_type().substr(0, std::string(type).size()), type);
  }
}

TEST(PoolError, keeps_type_and_text_and_where_it_was_thrown) {  // O19 O21 F10
  const nothing_left::Memory memory;
  brood::Pool pool(1);
  try {
    pool.apply(the_function_that_throws, "no good");
    ADD_FAILURE();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "no good");
    const auto& trace = dynamic_cast<const brood::RemoteTrace&>(e);
    EXPECT_EQ(trace.remote_type(), "std::invalid_argument");
    EXPECT_NE(trace.remote_trace().find("the_function_that_throws"), std::string::npos)
        << trace.remote_trace();
  }
}

TEST(PoolError, of_the_standard_library_arrives_as_its_own_type) {  // O19
  brood::Pool pool(1);
  expect_own_type<std::runtime_error>(pool, throws_text<std::runtime_error>, "std::runtime_error");
  expect_own_type<std::logic_error>(pool, throws_text<std::logic_error>, "std::logic_error");
  expect_own_type<std::domain_error>(pool, throws_text<std::domain_error>, "std::domain_error");
  expect_own_type<std::length_error>(pool, throws_text<std::length_error>, "std::length_error");
  expect_own_type<std::out_of_range>(pool, throws_text<std::out_of_range>, "std::out_of_range");
  expect_own_type<std::range_error>(pool, throws_text<std::range_error>, "std::range_error");
  expect_own_type<std::overflow_error>(pool, throws_text<std::overflow_error>, "std::overflow_error");
  expect_own_type<std::underflow_error>(pool, throws_text<std::underflow_error>, "std::underflow_error");
  expect_own_type<std::bad_alloc>(pool, throws<std::bad_alloc>, "std::bad_alloc");
  expect_own_type<std::bad_cast>(pool, throws<std::bad_cast>, "std::bad_cast");
  expect_own_type<std::bad_typeid>(pool, throws<std::bad_typeid>, "std::bad_typeid");
  expect_own_type<std::exception>(pool, throws<std::exception>, "std::exception");
}

TEST(PoolError, of_the_standard_librarys_vocabulary_types_arrives_as_its_own_type) {
  brood::Pool pool(1);
  expect_own_type<std::bad_optional_access>(pool, throws<std::bad_optional_access>,
                                            "std::bad_optional_access");
  expect_own_type<std::bad_variant_access>(pool, throws<std::bad_variant_access>, "std::bad_variant_access");
  expect_own_type<std::bad_any_cast>(pool, throws<std::bad_any_cast>, "std::bad_any_cast");
  expect_own_type<std::bad_function_call>(pool, throws<std::bad_function_call>, "std::bad_function_call");
  expect_own_type<std::bad_weak_ptr>(pool, throws<std::bad_weak_ptr>, "std::bad_weak_ptr");
  expect_own_type<std::bad_array_new_length>(pool, throws<std::bad_array_new_length>,
                                             "std::bad_array_new_length");
}

TEST(PoolError, of_a_file_or_a_pattern_or_a_stream_arrives_as_its_own_type) {
  brood::Pool pool(1);
  expect_own_type<std::filesystem::filesystem_error>(
      pool, [](int) { return std::filesystem::file_size("/no/such/file"); }, "std::filesystem");
  expect_own_type<std::regex_error>(
      pool, [](int) { return std::regex("[").mark_count(); }, "std::");
  expect_own_type<std::ios_base::failure>(
      pool, [](int) -> int { throw std::ios_base::failure("the text"); }, "std::");
  expect_own_type<std::future_error>(
      pool, [](int) -> int { throw std::future_error(std::future_errc::no_state); }, "std::future_error");
}

TEST(PoolError, of_the_system_keeps_its_code) {
  brood::Pool pool(1);
  try {
    pool.apply([] { throw std::system_error(ENOENT, std::system_category(), "opening x"); });
    ADD_FAILURE();
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code().value(), ENOENT);
    EXPECT_EQ(e.code().category(), std::system_category());
    EXPECT_STREQ(e.what(), "opening x: No such file or directory");
  }
}

TEST(PoolError, of_brood_arrives_as_its_own_type) {
  brood::Pool pool(1);
  expect_own_type<brood::UsageError>(pool, throws_text<brood::UsageError>, "brood::UsageError");
  expect_own_type<brood::NoMemory>(pool, throws_text<brood::NoMemory>, "brood::NoMemory");
  expect_own_type<brood::StartFailed>(pool, throws_text<brood::StartFailed>, "brood::StartFailed");
  expect_own_type<brood::StatusUnknown>(pool, throws_text<brood::StatusUnknown>, "brood::StatusUnknown");
  expect_own_type<brood::TimeoutError>(pool, throws_text<brood::TimeoutError>, "brood::TimeoutError");
  expect_own_type<brood::DecodeError>(pool, throws_text<brood::DecodeError>, "brood::DecodeError");
  expect_own_type<brood::Empty>(pool, throws<brood::Empty>, "brood::Empty");
  expect_own_type<brood::Full>(pool, throws<brood::Full>, "brood::Full");
  expect_own_type<brood::Closed>(pool, throws<brood::Closed>, "brood::Closed");
  expect_own_type<brood::PoolTerminated>(pool, throws_text<brood::PoolTerminated>, "brood::PoolTerminated");
  expect_own_type<brood::PoolBroken>(pool, throws_text<brood::PoolBroken>, "brood::PoolBroken");
}

TEST(PoolError, of_brood_with_fields_arrives_as_its_own_type) {
  brood::Pool pool(1);
  expect_own_type<brood::OsError>(
      pool, [](int) -> int { throw brood::OsError("open x", ENOENT); }, "brood::OsError");
  expect_own_type<brood::WorkerDied>(
      pool, [](int) -> int { throw brood::WorkerDied("w", 9, -1, 4, "t", "1, 2", "l", "s"); },
      "brood::WorkerDied");
}

TEST(PoolError, with_a_codec_arrives_as_itself) {
  brood::Pool pool(1);
  try {
    pool.apply([](int c) { throw Own(c, "mine"); }, 77);
    ADD_FAILURE();
  } catch (const Own& e) {
    EXPECT_EQ(e.code, 77);
    EXPECT_STREQ(e.what(), "mine");
    EXPECT_EQ(dynamic_cast<const brood::RemoteTrace&>(e).remote_type(), "pool_error::Own");
  }
  const std::string text(1 << 20, 'e');  // O22
  try {
    pool.apply([](std::string t) { throw Own(1, t); }, text);
    ADD_FAILURE();
  } catch (const Own& e) {
    EXPECT_EQ(e.what(), text);
  }
}

TEST(PoolError, made_of_a_text_arrives_as_itself_without_a_codec) {
  brood::Pool pool(1);
  ASSERT_TRUE(bad_page_travels);
  try {
    pool.apply([] { throw BadPage("page 7"); });
    ADD_FAILURE();
  } catch (const BadPage& e) {
    EXPECT_STREQ(e.what(), "page 7");
    EXPECT_EQ(dynamic_cast<const brood::RemoteTrace&>(e).remote_type(), "pool_error::BadPage");
  }
}

template <class E, class Standard, class... Args>
void expect_both(Args... args) {
  const E thrown(args...);
  const brood::Error& as_broods = thrown;
  const Standard& as_standard = thrown;
  EXPECT_STREQ(as_broods.what(), as_standard.what());
  EXPECT_NE(std::string(thrown.what()), "");
  EXPECT_TRUE(std::is_nothrow_copy_constructible_v<E>);
  EXPECT_THROW(throw thrown, std::exception);
}

TEST(Errors, are_of_brood_and_of_the_standard_library) {
  expect_both<brood::UsageError, std::logic_error>("text");
  expect_both<brood::OsError, std::system_error>("open x", ENOENT);
  expect_both<brood::NoMemory, std::bad_alloc>("text");
  expect_both<brood::StartFailed, std::runtime_error>("text");
  expect_both<brood::TimeoutError, std::runtime_error>("text");
  expect_both<brood::Empty, std::runtime_error>();
  expect_both<brood::DeadlineExceeded, std::runtime_error>("text");
  EXPECT_EQ(brood::OsError("open x", ENOENT).code(), std::errc::no_such_file_or_directory);
  EXPECT_STREQ(brood::OsError("open x", ENOENT).what(), "open x: No such file or directory");
}

TEST(PoolError, that_cannot_be_built_again_resolves_the_future) {  // X18
  brood::Pool pool(1);
  EXPECT_THROW(pool.apply([] { throw Frozen("x"); }), std::domain_error);
  EXPECT_EQ(pool.apply([] { return 1; }), 1);
}

TEST(PoolError, of_an_unknown_type_arrives_as_remote_error) {
  brood::Pool pool(1);
  try {
    pool.apply([] { throw Stranger("who"); });
    ADD_FAILURE();
  } catch (const brood::RemoteError& e) {
    EXPECT_STREQ(e.what(), "pool_error::Stranger: who");
    EXPECT_EQ(e.remote_type(), "pool_error::Stranger");
    EXPECT_FALSE(e.remote_trace().empty());
  }
  try {
    pool.apply([] { throw 42; });
    ADD_FAILURE();
  } catch (const brood::RemoteError& e) {
    EXPECT_EQ(e.remote_type(), "int");
  }
  try {
    pool.apply([] { throw NotAnException(); });
    ADD_FAILURE();
  } catch (const brood::RemoteError& e) {
    EXPECT_EQ(e.remote_type(), "pool_error::NotAnException");
  }
  EXPECT_THROW(pool.apply([] { throw "text"; }), brood::RemoteError);
}

TEST(PoolError, passes_through_two_pools) {
  brood::Pool pool(1);
  try {
    pool.apply([] { brood::Pool(1).apply(the_function_that_throws, "deep"); });
    ADD_FAILURE();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "deep");
    EXPECT_EQ(dynamic_cast<const brood::RemoteTrace&>(e).remote_type(), "std::invalid_argument");
  }
}

TEST(PoolError, is_told_again_and_by_outcome) {  // O26
  brood::Pool pool(1);
  auto future = pool.apply_async(the_function_that_throws, "again");
  for (int i = 0; i < 3; ++i) EXPECT_THROW(future.get(), std::invalid_argument);
  EXPECT_FALSE(future.successful());
  const auto outcome = future.outcome();
  EXPECT_FALSE(outcome);
  EXPECT_STREQ(outcome.error().what(), "again");
  EXPECT_EQ(outcome.error().type(), "std::invalid_argument");
  EXPECT_THROW(outcome.error().rethrow(), std::invalid_argument);
}

}  // namespace
