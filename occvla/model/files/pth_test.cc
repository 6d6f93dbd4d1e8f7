#include "occvla/model/files/pth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "occvla/base/error.h"
#include "occvla/model/files/pth_builder.h"
#include "occvla/model/files/test_folder.h"

namespace occvla::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Floats(const std::vector<float>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

std::vector<float> Values(const TensorView& view) {
  std::vector<float> out(view.bytes.size() / sizeof(float));
  std::memcpy(out.data(), view.bytes.data(), view.bytes.size());
  return out;
}

/// An archive whose one storage "0" holds 0, 1, 2, 3, 4, 5.
std::string Archive(const std::string& pickle) {
  return ZipBuilder()
      .Add("archive/data.pkl", pickle)
      .Add("archive/byteorder", "little")
      .Add("archive/data/0", Floats({0, 1, 2, 3, 4, 5}))
      .Finish();
}

PthFile Parse(const std::string& archive) {
  return ParsePth(std::as_bytes(std::span(archive)), "x.pth");
}

std::string Complaint(const std::string& archive) {
  return MessageOf<CheckpointError>([&] { Parse(archive); });
}

/// {name: tensor, ...} of the whole storage.
std::string Dict(const std::vector<std::string>& names) {
  PickleBuilder pickle;
  pickle.Raw("}");
  for (const auto& name : names) pickle.Text(name).Float("0", 6, 0, {2, 3}, {3, 1}).Raw("s");
  return pickle.Stop();
}

TEST(Pth, ReadsABareDictOfTensors) {
  const std::string archive = Archive(Dict({"a", "b"}));
  const PthFile file = Parse(archive);
  ASSERT_EQ(file.tensors.size(), 2u);
  EXPECT_THAT(file.tensors.at("a").shape, ElementsAre(2, 3));
  EXPECT_THAT(Values(file.tensors.at("b")), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_TRUE(file.copies.empty());
}

TEST(Pth, TakesStateDictAndLeavesTheOptimizerAlone) {
  PickleBuilder pickle;
  pickle.Raw("}(").Text("state_dict").Global("collections", "OrderedDict").Raw(")R(");
  pickle.Text("w").Float("0", 6, 0, {6}, {1}).Raw("u");
  pickle.Raw("}").Text("_metadata").Raw("}sb");  // BUILD
  pickle.Text("optimizer").Raw("}").Text("state").Raw("]s");
  pickle.Text("best").Global("numpy.core.multiarray", "scalar").Raw(")R");
  pickle.Text("epoch").Int(125).Raw("u");
  const std::string archive = Archive(pickle.Stop());
  const PthFile file = Parse(archive);
  ASSERT_EQ(file.tensors.size(), 1u);
  EXPECT_THAT(Values(file.tensors.at("w")), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(Pth, MakesTransposedAndSlicedTensorsContiguous) {
  PickleBuilder pickle;
  pickle.Raw("}").Text("t").Float("0", 6, 0, {3, 2}, {1, 3}).Raw("s");
  pickle.Text("slice").Float("0", 6, 1, {2, 2}, {3, 1}).Raw("s");
  pickle.Text("row").Float("0", 6, 3, {3}, {1}).Raw("s");
  pickle.Text("scalar").Float("0", 6, 5, {}, {}).Raw("s");
  pickle.Text("empty").Float("0", 6, 0, {0, 4}, {4, 1}).Raw("s");
  const std::string archive = Archive(pickle.Stop());
  const PthFile file = Parse(archive);
  EXPECT_THAT(Values(file.tensors.at("t")), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_THAT(Values(file.tensors.at("slice")), ElementsAre(1, 2, 4, 5));
  EXPECT_THAT(Values(file.tensors.at("row")), ElementsAre(3, 4, 5));
  EXPECT_THAT(Values(file.tensors.at("scalar")), ElementsAre(5));
  EXPECT_TRUE(file.tensors.at("empty").bytes.empty());
  EXPECT_EQ(file.copies.size(), 2u);
}

TEST(Pth, TakesPrefixesOff) {
  const std::string archive = Archive(Dict({"module.vae.a", "module.vae.b", "module.plan.c"}));
  const PthFile file = Parse(archive);
  EXPECT_EQ(file.tensors.size(), 2u);
  EXPECT_EQ(file.tensors.count("b"), 1u);
  EXPECT_THAT(file.left_out, ElementsAre("module.plan.c"));
}

TEST(Pth, PrefixesThatCollideAreRefused) {
  EXPECT_EQ(Complaint(Archive(Dict({"a", "module.a"}))),
            "x.pth: a stands there with and without a prefix.");
}

TEST(Pth, NothingButListedGlobalsIsRead) {
  PickleBuilder pickle;
  pickle.Global("posix", "system").Raw("(").Text("touch harm").Raw("tR");
  EXPECT_EQ(
      Complaint(Archive(pickle.Stop())),
      "x.pth: at byte 2 of the pickle the file asks for posix.system, which is not on the list "
      "of what a weight file may hold. Nothing was run. Load the file where you trust it and "
      "save its state_dict alone.");
}

struct BadPickle {
  const char* name;
  std::string bytes;
  std::string message;
};
void PrintTo(const BadPickle& bad, std::ostream* out) { *out << bad.name; }

class PthRefusesPickle : public ::testing::TestWithParam<BadPickle> {};

TEST_P(PthRefusesPickle, WithTheWholeReason) {
  EXPECT_EQ(Complaint(Archive(GetParam().bytes)), "x.pth: " + GetParam().message);
}

std::string Tensor(int stored, int offset, const std::vector<int>& shape,
                   const std::vector<int>& strides) {
  return PickleBuilder()
      .Raw("}")
      .Text("w")
      .Float("0", stored, offset, shape, strides)
      .Raw("s")
      .Stop();
}
std::string Code(std::string_view bytes) { return PickleBuilder().Raw(bytes).Stop(); }

using namespace std::string_view_literals;

INSTANTIATE_TEST_SUITE_P(
    Hostile, PthRefusesPickle,
    ::testing::Values(
        BadPickle{"Empty", "",
                  "at byte 0 of the pickle the pickle ends where 1 more bytes are announced."},
        BadPickle{"Protocol", "\x80\x09.",
                  "at byte 0 of the pickle the protocol must be from 2 to 5, but is 9."},
        BadPickle{"Opcode", Code("\x93"),
                  "at byte 2 of the pickle stands opcode 0x93, which is not on the list of what a "
                  "weight file needs. Nothing was run."},
        BadPickle{"Underflow", Code("s"), "at byte 2 of the pickle an operand is missing."},
        BadPickle{"PopBelowMark", Code("}(0"), "at byte 4 of the pickle an operand is missing."},
        BadPickle{"NoMark", Code("t"), "at byte 2 of the pickle a mark is missing."},
        BadPickle{"OddItems", Code("}(Nu"), "at byte 5 of the pickle a key has no value."},
        BadPickle{"AppendToDict", Code("}Na"),
                  "at byte 4 of the pickle something is appended to what is no list."},
        BadPickle{"ItemOfList", Code("]NNs"),
                  "at byte 5 of the pickle an entry is added to what is no dict."},
        BadPickle{"LongText", Code("X\xff\xff\xff\xff"sv),
                  "at byte 2 of the pickle a text of 4294967295 bytes is longer than 1048576."},
        BadPickle{"CutText", Code("X\x09\0\0\0ab"sv),
                  "at byte 2 of the pickle the pickle ends where 9 more bytes are announced."},
        BadPickle{"BadUtf8", Code("X\x01\0\0\0\xff"sv),
                  "at byte 2 of the pickle a text is not UTF-8."},
        BadPickle{"EmptyMemo", Code("h\x07"),
                  "at byte 2 of the pickle memo slot 7 was never filled."},
        BadPickle{"FarMemo", Code("Nr\xff\xff\xff\xff"sv),
                  "at byte 3 of the pickle memo slot 4294967295 is out of range."},
        BadPickle{"BigInteger",
                  Code("\x8a\x09"
                       "123456789"),
                  "at byte 2 of the pickle an integer has 9 bytes; at most 8 are read."},
        BadPickle{"CallsText", Code("N)R"),
                  "at byte 4 of the pickle something that is no listed class is called."},
        BadPickle{"CallsStorage", PickleBuilder().Global("torch", "FloatStorage").Raw(")R").Stop(),
                  "at byte 23 of the pickle a storage class is called."},
        BadPickle{"BuildOnList", Code("]Nb"),
                  "at byte 4 of the pickle state is set on what is neither an OrderedDict nor a "
                  "listed object."},
        BadPickle{"PersistentText", Code("NQ"),
                  "at byte 3 of the pickle a storage is not described as torch.save does."},
        BadPickle{"NoDict", Code("N"),
                  "must hold a dict with a state_dict, but holds something else."},
        BadPickle{"OtherDict", PickleBuilder().Raw("}").Text("net").Raw("]s").Stop(),
                  "must hold \"state_dict\" or tensors alone, but holds: net."},
        BadPickle{"StateDictList", PickleBuilder().Raw("}").Text("state_dict").Raw("]s").Stop(),
                  "\"state_dict\" is no dict."},
        BadPickle{"TensorTwice", Dict({"a", "a"}), "the tensor a occurs twice."},
        BadPickle{"StorageSize", Tensor(7, 0, {7}, {1}),
                  "the storage of w must be 7 elements of 4 bytes, but has 24 bytes."},
        BadPickle{"TooLarge", Tensor(6, 0, {7}, {1}),
                  "the tensor w does not fit into its storage of 6 elements."},
        BadPickle{"Offset", Tensor(6, 1, {6}, {1}),
                  "the tensor w does not fit into its storage of 6 elements."},
        BadPickle{"Stride", Tensor(6, 0, {2}, {6}),
                  "the tensor w does not fit into its storage of 6 elements."},
        BadPickle{"Expanded", Tensor(6, 0, {2147483647, 2147483647}, {0, 0}),
                  "the tensor w does not fit into its storage of 6 elements."},
        BadPickle{"HugeStride", Tensor(6, 0, {2, 2147483647}, {2147483647, 2147483647}),
                  "the tensor w does not fit into its storage of 6 elements."}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

TEST(Pth, NegativeSizesAreRefused) {
  EXPECT_THAT(Complaint(Archive(Tensor(6, 0, {-1}, {1}))),
              HasSubstr("the shape of a tensor must be integers from 0."));
  EXPECT_THAT(Complaint(Archive(Tensor(6, -1, {1}, {1}))), HasSubstr("a negative offset"));
  EXPECT_THAT(Complaint(Archive(Tensor(-6, 0, {1}, {1}))), HasSubstr("a negative size"));
}

TEST(Pth, DamagedArchivesAreRefused) {
  const std::string good = Archive(Dict({"a"}));
  EXPECT_EQ(Complaint("GIF89a"), "x.pth: is no file of torch.save: it must start with \"PK\".");
  EXPECT_THAT(Complaint("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9"),
              HasSubstr("x.pth: is in torch's format from before 1.6, which is not read."));
  EXPECT_EQ(Complaint(good.substr(0, good.size() - 30)),
            "x.pth: is no zip archive, or its end is missing. Fetch the file again.");
  std::string damaged = good;
  damaged[damaged.find(Floats({3}))] ^= 1;
  EXPECT_EQ(Complaint(damaged),
            "x.pth: the member \"archive/data/0\" is damaged: its CRC-32 is not the recorded one. "
            "Fetch the file again.");
  std::string far = good;
  far.replace(far.size() - 6, 4, "\xff\xff\xff\x7f");
  EXPECT_THAT(Complaint(far), HasSubstr("x.pth: the zip directory must lie in the"));
  std::string many = good;
  many.replace(many.size() - 12, 2, "\xff\xff");
  EXPECT_THAT(Complaint(many), HasSubstr("cannot hold 65535 members."));
  EXPECT_EQ(Complaint(ZipBuilder().Add("a/data.pkl", Dict({"a"})).Finish()),
            "x.pth: the member \"a/data/0\" is missing. Fetch the file again.");
  EXPECT_EQ(Complaint(ZipBuilder().Add("a/data.pkl", "").Add("b/data.pkl", "").Finish()),
            "x.pth: must hold one */data.pkl as torch.save writes it, but holds 2.");
  EXPECT_EQ(
      Complaint(ZipBuilder().Add("a/data.pkl", "x", 8).Finish()),
      "x.pth: the member \"a/data.pkl\" is compressed, which torch.save never does. Fetch the "
      "file again.");
  EXPECT_EQ(Complaint(ZipBuilder().Add("a/data.pkl", "x", 0, 1).Finish()),
            "x.pth: the member \"a/data.pkl\" is encrypted. Fetch the file again.");
  EXPECT_EQ(Complaint(ZipBuilder().Add("a", "").Add("a", "").Finish()),
            "x.pth: the member \"a\" occurs twice. Fetch the file again.");
  EXPECT_EQ(
      Complaint(ZipBuilder().Add("a/data.pkl", Dict({})).Add("a/byteorder", "big").Finish()),
      "x.pth: was written on a machine of another byte order. Save it on a little-endian one.");
}

TEST(Pth, EveryCutOfAGoodFileIsRefusedInWords) {
  const std::string good = Archive(Dict({"a"}));
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_NE(Complaint(good.substr(0, length)), "nothing was thrown") << length;
  }
}

}  // namespace
}  // namespace occvla::model
