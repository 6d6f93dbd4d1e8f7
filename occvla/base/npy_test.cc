#include "occvla/base/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"

namespace occvla {
namespace {

using testing::ElementsAre;

std::span<const std::byte> BytesOf(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string TextOf(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string Image(const std::string& dict, const std::string& data, char major = 1) {
  std::string image = std::string("\x93NUMPY") + major + '\0';
  for (size_t i = 0; i < (major == 1 ? 2u : 4u); ++i)
    image += static_cast<char>(dict.size() >> (8 * i));
  return image + dict + data;
}

std::string Dict(const std::string& type, const std::string& shape,
                 const std::string& fortran_order = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + fortran_order + ", 'shape': " + shape +
         ", }";
}

std::string ProblemOf(const std::string& image, const NpyLimits& limits = {}) {
  try {
    ParseNpy(BytesOf(image), "a.npy", limits);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

// One member of a zip as the tests damage it: everything that a hostile directory may claim.
struct Member {
  std::string name, content;
  uint16_t method = 0, flags = 0;
  int64_t claimed_size = -1;  // -1: the truth.
  uint32_t crc_change = 0;
  uint32_t packed_size = 0;  // 0: content.size().
};

std::string Little(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += i < 8 ? static_cast<char>(value >> (8 * i)) : 0;
  return text;
}

uint32_t Crc32(std::string_view text) {
  uint32_t crc = 0xFFFFFFFFu;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

// Written by hand from PKWARE's APPNOTE: libzip would refuse to make most of these.
std::string Zip(const std::vector<Member>& members) {
  std::string zip, directory;
  for (const Member& member : members) {
    const uint64_t size = member.claimed_size < 0 ? member.content.size()
                                                  : static_cast<uint64_t>(member.claimed_size);
    const std::string common =
        Little(member.flags, 2) + Little(member.method, 2) + Little(0x00210000, 4) +
        Little(Crc32(member.content) ^ member.crc_change, 4) +
        Little(member.packed_size ? member.packed_size : member.content.size(), 4) +
        Little(size, 4) + Little(member.name.size(), 2) + Little(0, 2);
    directory += std::string("PK\x01\x02") + Little(20, 2) + Little(20, 2) + common +
                 Little(0, 10) + Little(zip.size(), 4) + member.name;
    zip += std::string("PK\x03\x04") + Little(20, 2) + common + member.name + member.content;
  }
  const size_t count = members.size();
  return zip + directory + std::string("PK\x05\x06") + Little(0, 4) + Little(count, 2) +
         Little(count, 2) + Little(directory.size(), 4) + Little(zip.size(), 4) + Little(0, 2);
}

std::string NpzProblem(const std::string& image, const NpyLimits& limits = {}) {
  try {
    ParseNpz(BytesOf(image), "a.npz", limits);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(NpyTest, ReadsEveryVersionAndType) {
  for (const char version : {1, 2, 3}) {
    const auto array = ParseNpy(BytesOf(Image(Dict("<u2", "(2,)"), "abcd", version)), "a.npy");
    EXPECT_EQ(array.dtype, DType::kU16);
    EXPECT_THAT(array.shape, ElementsAre(2));
    EXPECT_EQ(TextOf(array.bytes), "abcd");
  }
  EXPECT_EQ(ParseNpy(BytesOf(Image(Dict("<f8", "()"), "12345678")), "a.npy").elements(), 1);
  EXPECT_EQ(ParseNpy(BytesOf(Image(Dict("|i1", "(3, 0)"), "")), "a.npy").elements(), 0);
  EXPECT_EQ(ParseNpy(BytesOf(Image(Dict("<u1", "(1,)"), "x")), "a.npy").dtype, DType::kU8);
  EXPECT_EQ(
      ParseNpy(BytesOf(Image("{\"shape\":(1,),\"fortran_order\":True,\"descr\":\"|b1\"}", "\x01")),
               "a.npy")
          .dtype,
      DType::kBool);
}

// a[i][j][k] holds the letter of its place in C order; Fortran order runs i fastest.
TEST(NpyTest, FortranOrderBecomesRowMajor) {
  const auto array =
      ParseNpy(BytesOf(Image(Dict("|u1", "(2, 3, 2)", "True"), "agciekbhdjfl")), "a.npy");
  EXPECT_EQ(TextOf(array.bytes), "abcdefghijkl");
  const auto wide = ParseNpy(BytesOf(Image(Dict("<u2", "(2, 2)", "True"), "aabbccdd")), "a.npy");
  EXPECT_EQ(TextOf(wide.bytes), "aaccbbdd");
}

TEST(NpyTest, DamagedFilesAreRefusedWithTheirPlace) {
  const std::string good = Dict("|u1", "(2,)");
  const std::pair<std::string, std::string> table[] = {
      {"", "does not begin with the npy signature"},
      {"\x93NUMPZ\x01", "does not begin with the npy signature"},
      {"\x93NUMPY\x01", "ends within the npy version at byte 6"},
      {Image(good, "ab", 4), "is of npy version 4.0; 1.0, 2.0 and 3.0 are supported"},
      {std::string("\x93NUMPY\x01\0\x10", 9), "ends within the npy header length at byte 8"},
      {std::string("\x93NUMPY\x02\0\xff\xff\xff\xff", 12),
       "has an npy header of 4294967295 bytes, at most 65536 are accepted"},
      {std::string("\x93NUMPY\x01\0\xff\0{", 11),
       "has an npy header of 255 bytes from byte 10, but the file ends at byte 11"},
      {Image("", ""), "npy header at byte 10: expected '{', found the end of the header"},
      {Image("{'descr': '|u1', 'shape': (2,)}", "ab"),
       "the npy header lacks the field 'fortran_order'"},
      {Image("{'descr': '|u1', 'descr': '|u1'}", "ab"),
       "the npy header has the field \"descr\" twice"},
      {Image("{'x': 1}", "ab"), "the npy header has the unknown field \"x\""},
      {Image("{descr: '|u1'}", "ab"),
       "npy header at byte 11: expected a field name in quotes, found \"d\""},
      {Image("{'descr': __import__('os')}", ""),
       "npy header at byte 20: expected a type in quotes for 'descr', found \"_\""},
      {Image("{'descr", ""), "npy header at byte 11: expected a string that ends, found \"'\""},
      {Image("{'descr': '\\x3c'}", ""),
       "npy header at byte 20: expected a string without escapes, found \"'\""},
      {Image(good + "x", "ab"),
       "npy header at byte 67: expected nothing after the dict, found \"x\""},
      {Image(Dict("|u1", "(2)"), "ab"),
       "npy header at byte 62: expected ',' after the only size, found \")\""},
      {Image(Dict("|u1", "(-2,)"), "ab"),
       "npy header at byte 61: expected a size of at least 0 in 'shape', found \"-\""},
      {Image(Dict("|u1", "(2, 2"), "ab"),
       "npy header at byte 67: expected a size of at least 0 in "
       "'shape', found \"}\""},
      {Image(Dict("|u1", "(99999999999999999999,)"), ""),
       "the npy header has a size that does not fit into 63 bits"},
      {Image(Dict("<f8", "(4294967296, 4294967296)"), ""),
       "is F64 [4294967296, 4294967296], whose size does not fit into 63 bits"},
      {Image(Dict("|u1", "(2000000000,)"), "ab"),
       "is U8 [2000000000] of 2000000000 bytes, at most 1073741824 are accepted here"},
      {Image(Dict("|u1", "(2,)", "1"), "ab"),
       "npy header at byte 44: expected True or False for 'fortran_order', found \"1\""},
      {Image(good, "a"), "is U8 [2] of 2 bytes, but 1 follow the header"},
      {Image(good, "abc"), "is U8 [2] of 2 bytes, but 3 follow the header"},
      {Image(Dict(">f4", "(1,)"), "abcd"),
       "holds big-endian data (\">f4\"), which is not supported: convert it to little-endian "
       "first"},
      {Image(Dict("|O", "(1,)"), "x"),
       "holds pickled Python objects (\"|O\"), which are never read"},
      {Image(Dict("<U2", "(1,)"), "x"), "holds the type \"<U2\", which is not supported"},
      {Image("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (1,), }", "abcd"),
       "holds records of several fields, which are not supported"},
      {Image(Dict("|b1", "(3,)"), std::string("\x01\x00\x02", 3)),
       "has the byte 2 in a bool array at index 2"},
  };
  for (const auto& [image, problem] : table)
    EXPECT_EQ(ProblemOf(image), "a.npy: " + problem + ". Save the array again with numpy.save.");
}

TEST(NpyTest, TooManyDimensionsAreRefused) {
  std::string shape = "(";
  for (int i = 0; i < 65; ++i) shape += "1, ";
  EXPECT_EQ(
      ProblemOf(Image(Dict("|u1", shape + ")"), "a")),
      "a.npy: the npy header has more than 64 dimensions. Save the array again with numpy.save.");
}

// The bytes that numpy 2.4 writes for np.save(f, np.array([[1, 2, 3]], dtype=np.uint8)).
TEST(NpyTest, HeadersAreThoseOfNumPy) {
  const std::string header = NpyHeader(DType::kU8, std::vector<int64_t>{1, 3});
  EXPECT_EQ(header, std::string("\x93NUMPY\x01\0v\0", 10) +
                        "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 3), }" +
                        std::string(58, ' ') + "\n");
  EXPECT_THAT(NpyHeader(DType::kF32, {}), testing::HasSubstr("'shape': (), }"));
  EXPECT_THAT(NpyHeader(DType::kI64, std::vector<int64_t>{7}),
              testing::HasSubstr("'shape': (7,), }"));
  EXPECT_THROW(NpyHeader(DType::kBF16, {}), DataError);
}

TEST(NpyTest, WrittenFilesReadBackTheSame) {
  const TestFolder folder;
  const NpyArray array{DType::kF32, {2, 1}, {8, std::byte{7}}};
  WriteNpy(folder / "a.npy", array);
  const NpyArray back = ReadNpy(folder / "a.npy");
  EXPECT_EQ(back.dtype, array.dtype);
  EXPECT_EQ(back.shape, array.shape);
  EXPECT_EQ(back.bytes, array.bytes);
  EXPECT_THROW(WriteNpy(folder / "b.npy", {DType::kF32, {2}, {}}), DataError);
}

TEST(NpzTest, ReadsStoredMembers) {
  const auto arrays = ParseNpz(BytesOf(Zip({{"pred.npy", Image(Dict("|u1", "(2,)"), "ab")},
                                            {"dir/x.npy", Image(Dict("|u1", "()"), "c")}})),
                               "a.npz");
  ASSERT_EQ(arrays.size(), 2u);
  EXPECT_EQ(TextOf(arrays.at("pred").bytes), "ab");
  EXPECT_EQ(TextOf(arrays.at("dir/x").bytes), "c");
}

TEST(NpzTest, DamagedArchivesAreRefusedWithTheirPlace) {
  const std::string npy = Image(Dict("|u1", "(2,)"), "ab");
  const std::string zip = Zip({{"a.npy", npy}});
  const std::pair<std::string, std::string> table[] = {
      {"", "is empty"},
      {"PK", "is not a whole zip archive: Not a zip archive"},
      {zip.substr(0, zip.size() - 30), "is not a whole zip archive: Not a zip archive"},
      {Zip({{"a.npy", npy}, {"a.npy", npy}}), "member \"a.npy\" occurs twice"},
      {Zip({{"../a.npy", npy}}), "member \"../a.npy\": its name climbs or has empty parts"},
      {Zip({{"b/../../a.npy", npy}}),
       "member \"b/../../a.npy\": its name climbs or has empty parts"},
      {Zip({{"/a.npy", npy}}), "member \"/a.npy\": its name is not relative"},
      {Zip({{"C:a.npy", npy}}), "member \"C:a.npy\": its name is not relative"},
      {Zip({{"..\\a.npy", npy}}), "member \"..\\\\a.npy\": its name is not relative"},
      {Zip({{"a.txt", npy}}), "member \"a.txt\": its name does not end in .npy"},
      {Zip({{".npy", npy}}), "member \".npy\": its name does not end in .npy"},
      {Zip({{"\xff.npy", npy}}), "member \"\\xff.npy\": its name is not UTF-8"},
      {Zip({{"a.npy", npy, 0, 1}}), "member \"a.npy\" is encrypted"},
      {Zip({{"a.npy", npy, 12}}),
       "member \"a.npy\" is compressed by method 12; stored and deflated are supported"},
      {Zip({{"a.npy", npy, 8, 0, 0x7FFFFFFF}}),
       "member \"a.npy\" declares 2147483647 bytes, at most 1073741824 are accepted here"},
      {Zip({{"a.npy", npy, 8, 0, 100'000'000}}),
       "member \"a.npy\" declares 100000000 bytes, which its 69 compressed bytes cannot hold"},
      {Zip({{"a.npy", npy, 0, 0, 100}}),
       "member \"a.npy\" declares 100 bytes, which its 69 stored bytes cannot hold"},
      {Zip({{"a.npy", npy, 0, 0, -1, 1}}), "member \"a.npy\": CRC error"},
      {Zip({{"a.npy", "\xff\xff\xff\xff", 8}}), "member \"a.npy\": its compressed data is damaged"},
  };
  for (const auto& [image, problem] : table) {
    EXPECT_EQ(NpzProblem(image),
              "a.npz: " + problem + ". Save the arrays again with numpy.savez_compressed.");
  }
  EXPECT_EQ(
      NpzProblem(Zip({{"a.npy", "no npy"}})),
      "a.npz, member \"a.npy\": does not begin with the npy signature. Save the array again with "
      "numpy.save.");
}

// A deflated member that inflates to less or more than it declares; the stream is the empty one
// (03 00) or that of 1000 zeros.
TEST(NpzTest, InflatedBytesMustBeThoseDeclared) {
  const std::string end = ". Save the arrays again with numpy.savez_compressed.";
  const std::string none("\x03\x00", 2);
  EXPECT_EQ(NpzProblem(Zip({{"a.npy", none, 8, 0, 10, Crc32(none)}})),  // Claims the checksum 0.
            "a.npz: member \"a.npy\" declares 10 bytes, but inflates to 0" + end);
  const std::string thousand = std::string("\x63\x60\x18\x05\xa3\x60\xa8\x03\x00", 9);
  const std::string problem = NpzProblem(Zip({{"a.npy", thousand, 8, 0, 10}}));
  EXPECT_EQ(problem,
            "a.npz: member \"a.npy\" inflates to more than the 10 bytes it declares" + end);
}

TEST(NpzTest, LimitsHoldForCountAndTotal) {
  const std::string npy = Image(Dict("|u1", "(2,)"), "ab");
  const std::string two = Zip({{"a.npy", npy}, {"b.npy", npy}});
  EXPECT_EQ(NpzProblem(two, {.max_arrays = 1}),
            "a.npz: holds 2 members, at most 1 are accepted here. Save the arrays again with "
            "numpy.savez_compressed.");
  EXPECT_EQ(NpzProblem(two, {.max_total_bytes = 100}),
            "a.npz: its members declare more than 100 bytes together. Save the arrays again with "
            "numpy.savez_compressed.");
  EXPECT_EQ(
      NpzProblem(two, {.max_array_bytes = 1}),
      "a.npz, member \"a.npy\": is U8 [2] of 2 bytes, at most 1 are accepted here. Save the array "
      "again with numpy.save.");
}

TEST(NpzTest, WrittenArchivesReadBackAndAreTheSameBytesEveryTime) {
  const TestFolder folder;
  const std::map<std::string, NpyArray> arrays{
      {"pred", {DType::kU8, {20, 20, 16}, {6400, std::byte{17}}}},
      {"scalar", {DType::kF64, {}, {8, std::byte{1}}}},
      {"empty", {DType::kI32, {0, 3}, {}}}};
  WriteNpz(folder / "a.npz", arrays);
  WriteNpz(folder / "b.npz", arrays);
  EXPECT_EQ(NpzBytes(arrays), ReadTextFile(folder / "a.npz"));
  const auto back = ReadNpz(folder / "a.npz");
  ASSERT_EQ(back.size(), 3u);
  for (const auto& [name, array] : arrays) {
    EXPECT_EQ(back.at(name).dtype, array.dtype);
    EXPECT_EQ(back.at(name).shape, array.shape);
    EXPECT_EQ(back.at(name).bytes, array.bytes);
  }
  const std::string bytes = ReadTextFile(folder / "a.npz");
  EXPECT_LT(bytes.size(), 1000u);
  EXPECT_EQ(bytes, ReadTextFile(folder / "b.npz"));
}

TEST(NpzTest, WhatCouldNotBeReadIsNotWritten) {
  const TestFolder folder;
  const NpyArray array{DType::kU8, {1}, {std::byte{1}}};
  const auto problem = [&](const std::map<std::string, NpyArray>& arrays) -> std::string {
    try {
      WriteNpz(folder / "a.npz", arrays);
    } catch (const DataError& error) {
      return error.what();
    }
    return "accepted";
  };
  const std::string start = (folder / "a.npz").string() + ": cannot be written: ";
  EXPECT_EQ(problem({}), start + "there are no arrays.");
  EXPECT_EQ(problem({{"../a", array}}),
            start + "the array name \"../a\" climbs or has empty parts.");
  EXPECT_EQ(problem({{"a", {DType::kU8, {2}, {std::byte{1}}}}}),
            start + "the array \"a\" of 1 bytes is not U8 [2].");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.npz"));
}

}  // namespace
}  // namespace occvla
