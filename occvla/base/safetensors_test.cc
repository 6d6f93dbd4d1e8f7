#include "occvla/base/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/test_folder.h"

namespace occvla {
namespace {

using testing::ElementsAre;
using Tensors = std::map<std::string, TensorView, std::less<>>;

std::span<const std::byte> BytesOf(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string Image(const std::string& header, size_t data_bytes) {
  std::string image(8, '\0');
  for (size_t i = 0; i < 8; ++i) image[i] = static_cast<char>(header.size() >> (8 * i));
  return image + header + std::string(data_bytes, 'd');
}

std::string ProblemOf(const std::string& image) {
  try {
    ParseSafetensors(BytesOf(image), "w");
  } catch (const CheckpointError& error) {
    return error.what();
  }
  return "accepted";
}

template <typename Function>
std::string CheckpointProblem(Function&& function) {
  try {
    function();
  } catch (const CheckpointError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(SafetensorsTest, ReadsTensorsScalarsEmptyOnesAndMetadata) {
  const std::string image =
      Image(R"({"__metadata__":{"format":"pt"},"b":{"dtype":"U8","shape":[],"data_offsets":[6,7]},)"
            R"("a":{"data_offsets":[0,6],"shape":[1,3],"dtype":"BF16"},)"
            R"("e":{"dtype":"F32","shape":[4,0],"data_offsets":[7,7]}}   )",
            7);
  const auto contents = ParseSafetensors(BytesOf(image), "w");
  EXPECT_EQ(contents.metadata, (std::map<std::string, std::string>{{"format", "pt"}}));
  ASSERT_EQ(contents.tensors.size(), 3u);
  const TensorView& a = contents.tensors.at("a");
  EXPECT_EQ(a.dtype, DType::kBF16);
  EXPECT_THAT(a.shape, ElementsAre(1, 3));
  EXPECT_EQ(a.elements(), 3);
  EXPECT_EQ(a.bytes.data(), BytesOf(image).data() + image.size() - 7);
  EXPECT_EQ(contents.tensors.at("b").elements(), 1);
  EXPECT_EQ(contents.tensors.at("b").bytes.size(), 1u);
  EXPECT_EQ(contents.tensors.at("e").elements(), 0);
  EXPECT_TRUE(ParseSafetensors(BytesOf(Image("{}", 0)), "w").tensors.empty());
}

TEST(SafetensorsTest, DamagedFilesAreRefusedWithTheirPlace) {
  const std::string good = R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  const auto one = [](const std::string& fields) { return Image("{\"a\":{" + fields + "}}", 8); };
  const std::pair<std::string, std::string> table[] = {
      {"", "expected 8 bytes of header length at byte 0, found the end of the file at byte 0"},
      {"1234567",
       "expected 8 bytes of header length at byte 0, found the end of the file at byte 7"},
      {std::string(8, '\xff'),
       "the header length at byte 0 is 18446744073709551615, at most 100000000 is allowed"},
      {Image("{" + good + "}", 8).substr(0, 20),
       "the header should take 54 bytes from byte 8, but the file ends at byte 20"},
      {Image("", 0),
       "header at byte 8: syntax error while parsing value - unexpected end of input; "
       "expected '[', '{', or a literal"},
      {Image("[]", 0), "header at byte 9: expected an object of tensors, found an array"},
      {Image("{} {}", 0),
       "header at byte 12: syntax error while parsing value - unexpected '{'; "
       "expected end of input"},
      {Image("{" + good + "," + good + "}", 8), "header at byte 65: the name \"a\" occurs twice"},
      {Image("{\"a\":1}", 0), "header at byte 15: expected an object for \"a\", found 1"},
      {Image("{\"__metadata__\":{\"k\":1}}", 0),
       "header at byte 31: expected a string for \"k\" in \"__metadata__\", found 1"},
      {Image("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0),
       "header at byte 40: the name \"k\" occurs twice in \"__metadata__\""},
      {Image("{\"__metadata__\":{},\"__metadata__\":{}}", 0),
       "header at byte 41: the name \"__metadata__\" occurs twice"},
      {one(R"("dtype":"F33","shape":[2],"data_offsets":[0,8])"),
       "header at byte 27: tensor \"a\" has the dtype \"F33\", which is not supported"},
      {one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1)"),
       "header at byte 64: tensor \"a\" has the unknown field \"x\""},
      {one(R"("dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8])"),
       "header at byte 35: tensor \"a\" has the field \"dtype\" twice"},
      {one(R"("dtype":"F32","shape":[2])"),
       "header at byte 40: tensor \"a\" lacks the field \"data_offsets\""},
      {one(R"("dtype":["F32"],"shape":[2],"data_offsets":[0,8])"),
       "header at byte 23: tensor \"a\" expected a string for \"dtype\", found an array"},
      {one(R"("dtype":"F32","shape":2,"data_offsets":[0,8])"),
       "header at byte 38: tensor \"a\" expected an array for \"shape\", found 2"},
      {one(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"),
       "header at byte 40: tensor \"a\" expected sizes of at least 0 in \"shape\", found -2"},
      {one(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])"),
       "header at byte 41: tensor \"a\" expected sizes of at least 0 in \"shape\", found 2.0"},
      {one(R"("dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8])"),
       "header at byte 57: tensor \"a\" has the size 9223372036854775808 in its shape, which does "
       "not "
       "fit into 63 bits"},
      {one(R"("dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,8])"),
       "header at byte 92: tensor \"a\" is F32 [4294967296, 4294967296, 4294967296], whose size "
       "does "
       "not fit into 63 bits"},
      {one(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"),
       "header at byte 61: tensor \"a\" is F32 [3], which takes 12 bytes, but its data_offsets [0, "
       "8] "
       "span 8"},
      {one(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"),
       "header at byte 61: tensor \"a\" has data_offsets [8, 0], which end before they begin"},
      {one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,9])"),
       "header at byte 62: tensor \"a\" expected two offsets of at least 0 in \"data_offsets\", "
       "found "
       "9"},
      {one(R"("dtype":"F32","shape":[2],"data_offsets":[8])"),
       "header at byte 59: tensor \"a\" expected two offsets in \"data_offsets\", found 1"},
      {Image("{" + good + "}", 7),
       "tensor \"a\" has data_offsets [0, 8], but the data ends at offset 7"},
      {Image("{" + good + "}", 9), "the tensors end at offset 8, but the data goes on to offset 9"},
      {Image("{" + good + R"(,"b":{"dtype":"U8","shape":[2],"data_offsets":[7,9]}})", 9),
       "tensor \"b\" has data_offsets [7, 9], which overlaps tensor \"a\" before it, which ends at "
       "offset 8"},
      {Image("{" + good + R"(,"b":{"dtype":"U8","shape":[1],"data_offsets":[9,10]}})", 10),
       "tensor \"b\" has data_offsets [9, 10], which leaves a gap after offset 8"},
  };
  for (const auto& [image, problem] : table) {
    EXPECT_EQ(ProblemOf(image), "w: " + problem +
                                    ". The file is damaged or not safetensors: fetch or "
                                    "convert it again.");
  }
}

TEST(SafetensorsTest, AnUnknownTensorLeadsToTheNearest) {
  const TestFolder folder;
  WriteSafetensors(folder / "w", {{"model.norm.weight", {DType::kU8, {0}, {}}}});
  const SafetensorsFile file(folder / "w");
  EXPECT_TRUE(file.Contains("model.norm.weight"));
  EXPECT_EQ(file.At("model.norm.weight").elements(), 0);
  EXPECT_EQ(CheckpointProblem([&] { (void)file.At("model.norm.wieght"); }),
            (folder / "w").string() +
                ": holds no tensor \"model.norm.wieght\"; the nearest are \"model.norm.weight\". "
                "Check that the checkpoint is of this model.");
}

TEST(SafetensorsTest, AnAbsentFileIsACheckpointError) {
  EXPECT_EQ(CheckpointProblem([] { SafetensorsFile{"/absent.safetensors"}; }),
            "/absent.safetensors: no such file. Check the path.");
}

TEST(FindNonFiniteTest, CountsByTypeAndNamesTheFirst) {
  const float f32[] = {1, std::numeric_limits<float>::infinity(), 2, NAN};
  const double f64[] = {1, -std::numeric_limits<double>::infinity()};
  const uint16_t bf16[] = {0x7F7F, 0x7F80}, f16[] = {0x7BFF, 0xFC01};
  const uint8_t e4m3[] = {0x7E, 0xFF}, e5m2[] = {0x7B, 0x7C}, u8[] = {0xFF};
  const auto view = [](DType dtype, const auto& values) {
    return TensorView{
        dtype, {static_cast<int64_t>(std::size(values))}, std::as_bytes(std::span(values))};
  };
  const Tensors tensors{{"a", view(DType::kF32, f32)},
                        {"b", view(DType::kF64, f64)},
                        {"c", view(DType::kBF16, bf16)},
                        {"d", view(DType::kF16, f16)},
                        {"e", view(DType::kF8E4M3, e4m3)},
                        {"f", view(DType::kF8E5M2, e5m2)},
                        {"g", view(DType::kU8, u8)},
                        {"ok", {DType::kF32, {1}, view(DType::kF32, f32).bytes.first(4)}}};
  const std::string end = " values are NaN or infinite, the first at index 1";
  EXPECT_THAT(
      FindNonFinite(tensors),
      ElementsAre("tensor \"a\" (F32 [4]): 2 of 4" + end, "tensor \"b\" (F64 [2]): 1 of 2" + end,
                  "tensor \"c\" (BF16 [2]): 1 of 2" + end, "tensor \"d\" (F16 [2]): 1 of 2" + end,
                  "tensor \"e\" (F8_E4M3 [2]): 1 of 2" + end,
                  "tensor \"f\" (F8_E5M2 [2]): 1 of 2" + end));
}

TEST(FindNonFiniteTest, LooksBeyondTheFirstBlock) {
  std::vector<float> values(10'000, 1.0f);
  values[9'998] = values[9'999] = NAN;
  EXPECT_THAT(FindNonFinite({{"a", {DType::kF32, {10'000}, std::as_bytes(std::span(values))}}}),
              ElementsAre("tensor \"a\" (F32 [10000]): 2 of 10000 values are NaN or infinite, the "
                          "first at index 9998"));
}

TEST(SafetensorsWriterTest, WhatIsWrittenReadsBackTheSame) {
  const TestFolder folder;
  const std::string data(200, 'x');
  const Tensors tensors{{"odd", {DType::kU8, {3}, BytesOf("abc")}},
                        {"ä\"\n", {DType::kF32, {5, 2}, BytesOf(data).first(40)}},
                        {"scalar", {DType::kI64, {}, BytesOf("12345678")}},
                        {"empty", {DType::kBF16, {0, 7}, {}}},
                        {"block", {DType::kBF16, {64}, BytesOf(data).first(128)}}};
  WriteSafetensors(folder / "w", tensors, {{"format", "pt"}, {"a\"", "ü"}});
  const SafetensorsFile file(folder / "w");
  file.WillNeed();
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"format", "pt"}, {"a\"", "ü"}}));
  ASSERT_EQ(file.tensors().size(), tensors.size());
  for (const auto& [name, view] : tensors) {
    const TensorView& read = file.At(name);
    EXPECT_EQ(read.dtype, view.dtype);
    EXPECT_EQ(read.shape, view.shape);
    EXPECT_TRUE(
        std::equal(read.bytes.begin(), read.bytes.end(), view.bytes.begin(), view.bytes.end()));
  }
}

TEST(SafetensorsWriterTest, EveryTensorIsAlignedToThePowerOfTwoInItsSize) {
  const TestFolder folder;
  std::vector<std::byte> data(4096);
  Tensors tensors;
  for (const int64_t size : {1, 2, 3, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 320, 1000})
    tensors["t" + std::to_string(size)] = {
        DType::kU8, {size}, std::span(data).first(static_cast<size_t>(size))};
  WriteSafetensors(folder / "w", tensors);
  const SafetensorsFile file(folder / "w");
  // The mapping itself begins at a page.
  for (const auto& [name, view] : file.tensors()) {
    const size_t alignment = std::min<size_t>(64, view.bytes.size() & -view.bytes.size());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(view.bytes.data()) % alignment, 0u) << name;
  }
}

TEST(SafetensorsWriterTest, BytesMustFitTheDeclarations) {
  const TestFolder folder;
  const std::string where = (folder / "w").string();
  SafetensorsWriter writer(
      folder / "w", {{"z", DType::kU8, {0}}, {"b", DType::kU8, {3}}, {"a", DType::kU16, {2}}});
  ASSERT_EQ(writer.order().size(), 3u);
  EXPECT_EQ(writer.order()[0].name, "z");
  EXPECT_EQ(writer.order()[1].name, "a");
  EXPECT_EQ(writer.order()[2].name, "b");
  writer.Write(BytesOf("12"));
  EXPECT_EQ(CheckpointProblem([&] { writer.Write(BytesOf("123")); }),
            where +
                ": 3 bytes were given for tensor \"a\", which lacks 2. The tensors must come whole "
                "and in the writer's order.");
  writer.Write(BytesOf("34"));
  EXPECT_EQ(CheckpointProblem([&] { writer.Commit(); }),
            where +
                ": tensor \"b\" lacks 3 bytes. The tensors must come whole and in the writer's "
                "order.");
  writer.Write(BytesOf("567"));
  EXPECT_EQ(CheckpointProblem([&] { writer.Write(BytesOf("8")); }),
            where +
                ": 1 bytes were given for no tensor: all are written. The tensors must come whole "
                "and in the writer's order.");
  EXPECT_FALSE(std::filesystem::exists(folder / "w"));
  writer.Commit();
  EXPECT_EQ(SafetensorsFile(folder / "w").At("b").bytes.size(), 3u);
}

TEST(SafetensorsWriterTest, ImpossibleDeclarationsAreRefused) {
  const TestFolder folder;
  const std::string where = (folder / "w").string();
  const auto problem = [&](std::vector<SafetensorsWriter::Declaration> tensors) {
    return CheckpointProblem([&] { SafetensorsWriter(folder / "w", std::move(tensors)); });
  };
  EXPECT_EQ(problem({{"a", DType::kU8, {-1}}}),
            where +
                ": tensor \"a\" cannot be written with shape [-1]: sizes must be at least 0 and "
                "their product fit into 63 bits.");
  EXPECT_EQ(problem({{"a", DType::kU8, {1}}, {"a", DType::kU8, {2}}}),
            where + ": the tensor name \"a\" cannot be written: it is declared twice.");
  EXPECT_EQ(problem({{"__metadata__", DType::kU8, {1}}}),
            where + ": the tensor name \"__metadata__\" cannot be written: it is reserved.");
  EXPECT_EQ(problem({{"\xff", DType::kU8, {1}}}),
            where + ": \"\\xff\" cannot be written: it is not UTF-8.");
  EXPECT_EQ(problem({{"a", DType::kU8, {INT64_MAX}}, {"b", DType::kU8, {INT64_MAX}}}),
            where + ": the tensors together do not fit into 63 bits of bytes.");
  EXPECT_EQ(CheckpointProblem([&] {
              WriteSafetensors(folder / "w", {{"a", {DType::kF32, {2}, BytesOf("1234")}}});
            }),
            where + ": tensor \"a\" has 4 bytes, which is not F32 [2].");
}

}  // namespace
}  // namespace occvla
