#include "occvla/model/files/pickle.h"

#include <cmath>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla::model {
namespace {

using Kind = PickleNode::Kind;

// A world model's file with optimizer state has some ten thousand nodes.
constexpr size_t kMaxNodes = 4'000'000;
constexpr size_t kMaxStack = 1'000'000;
constexpr size_t kMaxString = size_t{1} << 20;
constexpr size_t kMaxDimensions = 16;

struct StorageClass {
  std::string_view name;
  DType dtype;
};
constexpr StorageClass kStorages[] = {
    {"torch FloatStorage", DType::kF32},     {"torch HalfStorage", DType::kF16},
    {"torch BFloat16Storage", DType::kBF16}, {"torch DoubleStorage", DType::kF64},
    {"torch LongStorage", DType::kI64},      {"torch IntStorage", DType::kI32},
    {"torch ShortStorage", DType::kI16},     {"torch CharStorage", DType::kI8},
    {"torch ByteStorage", DType::kU8},       {"torch BoolStorage", DType::kBool},
};
constexpr std::string_view kOrderedDict = "collections OrderedDict";
constexpr std::string_view kRebuildTensor = "torch._utils _rebuild_tensor_v2";
constexpr std::string_view kRebuildParameter = "torch._utils _rebuild_parameter";
// Stand in optimizer and scheduler state and in best metrics; never looked into.
constexpr std::string_view kOpaques[] = {
    "torch Size",
    "torch device",
    "torch float32",
    "torch float16",
    "torch bfloat16",
    "torch float64",
    "torch int64",
    "__builtin__ set",
    "builtins set",
    "numpy.core.multiarray scalar",
    "numpy._core.multiarray scalar",
    "numpy dtype",
    "_codecs encode",
};

std::optional<DType> StorageDType(std::string_view name) {
  for (const auto& storage : kStorages) {
    if (storage.name == name) return storage.dtype;
  }
  return std::nullopt;
}

bool IsOpaque(std::string_view name) {
  for (const auto& opaque : kOpaques) {
    if (opaque == name) return true;
  }
  return false;
}

bool IsAllowed(std::string_view name) {
  return name == kOrderedDict || name == kRebuildTensor || name == kRebuildParameter ||
         StorageDType(name) || IsOpaque(name);
}

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, const std::string& where)
      : bytes_(bytes), where_(where) {}

  Pickle Run() {
    while (Step()) {
    }
    Pickle out;
    out.root = Pop();
    out.nodes = std::move(nodes_);
    return out;
  }

 private:
  [[noreturn]] void Fail(const std::string& problem) const {
    throw CheckpointError(where_ + ": at byte " + std::to_string(op_at_) + " of the pickle " +
                          problem);
  }

  // Input.
  std::span<const std::byte> Take(size_t count) {
    if (bytes_.size() - at_ < count) {
      Fail("the pickle ends where " + std::to_string(count) + " more bytes are announced.");
    }
    const auto out = bytes_.subspan(at_, count);
    at_ += count;
    return out;
  }
  uint64_t Little(size_t count) {
    uint64_t value = 0;
    const auto bytes = Take(count);
    for (size_t i = 0; i < count; ++i) value |= static_cast<uint64_t>(bytes[i]) << (8 * i);
    return value;
  }
  std::string Line() {
    std::string out;
    for (;;) {
      const char c = static_cast<char>(Take(1)[0]);
      if (c == '\n') return out;
      out.push_back(c);
      if (out.size() > 256) Fail("a module or class name is longer than 256 bytes.");
    }
  }

  // Stack.
  uint32_t New(PickleNode node) {
    if (nodes_.size() >= kMaxNodes) {
      Fail("there are more than " + std::to_string(kMaxNodes) + " objects.");
    }
    nodes_.push_back(std::move(node));
    return static_cast<uint32_t>(nodes_.size() - 1);
  }
  void Push(uint32_t node) {
    if (stack_.size() >= kMaxStack) {
      Fail("the stack grows past " + std::to_string(kMaxStack) + " objects.");
    }
    stack_.push_back(node);
  }
  void PushNew(PickleNode node) { Push(New(std::move(node))); }
  void PushKind(Kind kind) {
    PickleNode node;
    node.kind = kind;
    PushNew(std::move(node));
  }
  void PushInt(Kind kind, int64_t value) {
    PickleNode node;
    node.kind = kind;
    node.integer = value;
    PushNew(std::move(node));
  }
  uint32_t Pop() {
    // What lies under the last mark is out of reach until the mark is taken.
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) Fail("an operand is missing.");
    const uint32_t top = stack_.back();
    stack_.pop_back();
    return top;
  }
  uint32_t Top() {
    const uint32_t top = Pop();
    stack_.push_back(top);
    return top;
  }
  std::vector<uint32_t> PopToMark() {
    if (marks_.empty()) Fail("a mark is missing.");
    const size_t mark = marks_.back();
    marks_.pop_back();
    std::vector<uint32_t> out(stack_.begin() + static_cast<std::ptrdiff_t>(mark), stack_.end());
    stack_.resize(mark);
    return out;
  }
  PickleNode& At(uint32_t index) { return nodes_[index]; }

  // Operations.
  bool Step();
  void PushString(size_t length) {
    if (length > kMaxString) {
      Fail("a text of " + std::to_string(length) + " bytes is longer than " +
           std::to_string(kMaxString) + ".");
    }
    const auto bytes = Take(length);
    PickleNode node;
    node.kind = Kind::kString;
    node.text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!IsValidUtf8(node.text)) Fail("a text is not UTF-8.");
    PushNew(std::move(node));
  }
  void PushTuple(std::vector<uint32_t> items) {
    PickleNode node;
    node.kind = Kind::kTuple;
    node.items = std::move(items);
    PushNew(std::move(node));
  }
  void PushTuple(size_t count) {
    std::vector<uint32_t> items(count);
    for (size_t i = count; i-- > 0;) items[i] = Pop();
    PushTuple(std::move(items));
  }
  void PushLong(size_t count) {
    if (count > 8) Fail("an integer has " + std::to_string(count) + " bytes; at most 8 are read.");
    uint64_t value = Little(count);
    if (count > 0 && count < 8 && ((value >> (8 * count - 1)) & 1) != 0) {
      value |= ~uint64_t{0} << (8 * count);
    }
    PushInt(Kind::kInt, static_cast<int64_t>(value));
  }
  void PushFloat() {
    uint64_t bits = 0;
    for (std::byte b : Take(8)) bits = bits << 8 | static_cast<uint64_t>(b);  // Big-endian.
    PickleNode node;
    node.kind = Kind::kFloat;
    std::memcpy(&node.number, &bits, sizeof(bits));
    PushNew(std::move(node));
  }
  void PushGlobal() {
    std::string name = Line();
    name += ' ';
    name += Line();
    if (!IsAllowed(name)) {
      for (char& c : name) {
        if (c < ' ' || c > '~') c = '?';
      }
      name[name.find(' ')] = '.';
      Fail("the file asks for " + name +
           ", which is not on the list of what a weight file may hold. Nothing was run. Load the "
           "file "
           "where you trust it and save its state_dict alone.");
    }
    PickleNode node;
    node.kind = Kind::kGlobal;
    node.text = std::move(name);
    PushNew(std::move(node));
  }
  void Append(std::vector<uint32_t> items) {
    PickleNode& list = At(Top());
    if (list.kind != Kind::kList) Fail("something is appended to what is no list.");
    list.items.insert(list.items.end(), items.begin(), items.end());
  }
  void SetItems(const std::vector<uint32_t>& items) {
    if (items.size() % 2 != 0) Fail("a key has no value.");
    PickleNode& dict = At(Top());
    if (dict.kind != Kind::kDict) Fail("an entry is added to what is no dict.");
    for (size_t i = 0; i < items.size(); i += 2) dict.entries.emplace_back(items[i], items[i + 1]);
  }
  void Remember(uint64_t slot) {
    if (slot >= kMaxNodes) Fail("memo slot " + std::to_string(slot) + " is out of range.");
    memo_[static_cast<uint32_t>(slot)] = Top();
  }
  void Recall(uint64_t slot) {
    const auto it = memo_.find(static_cast<uint32_t>(slot));
    if (it == memo_.end()) Fail("memo slot " + std::to_string(slot) + " was never filled.");
    Push(it->second);
  }
  void PersistentId();
  void Reduce();
  uint32_t RebuildTensor(const std::vector<uint32_t>& arguments);
  std::vector<int64_t> Sizes(uint32_t tuple, const char* what);

  std::span<const std::byte> bytes_;
  const std::string& where_;  // The caller's; it outlives the run.
  size_t at_ = 0, op_at_ = 0;
  std::vector<PickleNode> nodes_;
  std::vector<uint32_t> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint32_t, uint32_t> memo_;
};

bool Machine::Step() {
  op_at_ = at_;
  const auto op = static_cast<unsigned char>(Take(1)[0]);
  switch (op) {
    case 0x80:  // PROTO
      if (const uint64_t version = Little(1); version < 2 || version > 5) {
        Fail("the protocol must be from 2 to 5, but is " + std::to_string(version) + ".");
      }
      return true;
    case '.':
      return false;  // STOP
    case '(':        // MARK
      if (marks_.size() >= kMaxStack) Fail("there are too many marks.");
      marks_.push_back(stack_.size());
      return true;
    case '0':
      Pop();
      return true;  // POP
    case 'N':
      PushKind(Kind::kNone);
      return true;  // NONE
    case 0x88:
      PushInt(Kind::kBool, 1);
      return true;  // NEWTRUE
    case 0x89:
      PushInt(Kind::kBool, 0);
      return true;  // NEWFALSE
    case 'J':
      PushInt(Kind::kInt, static_cast<int32_t>(Little(4)));
      return true;  // BININT
    case 'K':
      PushInt(Kind::kInt, static_cast<int64_t>(Little(1)));
      return true;  // BININT1
    case 'M':
      PushInt(Kind::kInt, static_cast<int64_t>(Little(2)));
      return true;  // BININT2
    case 0x8a:
      PushLong(Little(1));
      return true;  // LONG1
    case 'G':
      PushFloat();
      return true;  // BINFLOAT
    case 'X':
      PushString(Little(4));
      return true;  // BINUNICODE
    case '}':
      PushKind(Kind::kDict);
      return true;  // EMPTY_DICT
    case ']':
      PushKind(Kind::kList);
      return true;  // EMPTY_LIST
    case ')':
      PushTuple(size_t{0});
      return true;  // EMPTY_TUPLE
    case 't':
      PushTuple(PopToMark());
      return true;  // TUPLE
    case 0x85:
      PushTuple(size_t{1});
      return true;  // TUPLE1
    case 0x86:
      PushTuple(size_t{2});
      return true;  // TUPLE2
    case 0x87:
      PushTuple(size_t{3});
      return true;  // TUPLE3
    case 'a': {
      const uint32_t item = Pop();
      Append({item});
      return true;
    }  // APPEND
    case 'e':
      Append(PopToMark());
      return true;  // APPENDS
    case 's': {     // SETITEM
      const uint32_t value = Pop(), key = Pop();
      SetItems({key, value});
      return true;
    }
    case 'u':
      SetItems(PopToMark());
      return true;  // SETITEMS
    case 'c':
      PushGlobal();
      return true;  // GLOBAL
    case 'R':
      Reduce();
      return true;  // REDUCE
    case 'b':       // BUILD: `_metadata` of a state_dict, or the
      Pop();        // inside of an opaque object.
      if (const Kind kind = At(Top()).kind; kind != Kind::kDict && kind != Kind::kOpaque) {
        Fail("state is set on what is neither an OrderedDict nor a listed object.");
      }
      return true;
    case 'Q':
      PersistentId();
      return true;  // BINPERSID
    case 'q':
      Remember(Little(1));
      return true;  // BINPUT
    case 'r':
      Remember(Little(4));
      return true;  // LONG_BINPUT
    case 'h':
      Recall(Little(1));
      return true;  // BINGET
    case 'j':
      Recall(Little(4));
      return true;  // LONG_BINGET
    default: {
      char text[8];
      std::snprintf(text, sizeof(text), "0x%02x", op);
      Fail(std::string("stands opcode ") + text +
           ", which is not on the list of what a weight file needs. Nothing was run.");
    }
  }
}

/// ("storage", class, key, location, elements). The location is dropped: "cuda:0" means where the
/// tensor was, not where it must go.
void Machine::PersistentId() {
  const auto& id = At(Pop());
  if (id.kind != Kind::kTuple || id.items.size() != 5 || At(id.items[0]).text != "storage" ||
      At(id.items[1]).kind != Kind::kGlobal || At(id.items[2]).kind != Kind::kString ||
      At(id.items[3]).kind != Kind::kString || At(id.items[4]).kind != Kind::kInt) {
    Fail("a storage is not described as torch.save does.");
  }
  const auto dtype = StorageDType(At(id.items[1]).text);
  if (!dtype) Fail("a storage has the class " + At(id.items[1]).text + ", which is none.");
  PickleNode storage;
  storage.kind = Kind::kStorage;
  storage.dtype = *dtype;
  storage.text = At(id.items[2]).text;
  storage.integer = At(id.items[4]).integer;
  if (storage.integer < 0) Fail("a storage has a negative size.");
  PushNew(std::move(storage));
}

std::vector<int64_t> Machine::Sizes(uint32_t tuple, const char* what) {
  const PickleNode& node = At(tuple);
  if (node.kind != Kind::kTuple || node.items.size() > kMaxDimensions) {
    Fail(std::string("the ") + what + " of a tensor must be a tuple of at most " +
         std::to_string(kMaxDimensions) + " integers.");
  }
  std::vector<int64_t> out;
  for (uint32_t item : node.items) {
    if (At(item).kind != Kind::kInt || At(item).integer < 0) {
      Fail(std::string("the ") + what + " of a tensor must be integers from 0.");
    }
    out.push_back(At(item).integer);
  }
  return out;
}

/// (storage, offset, shape, strides, requires_grad, hooks [, metadata])
uint32_t Machine::RebuildTensor(const std::vector<uint32_t>& arguments) {
  if (arguments.size() < 6 || arguments.size() > 7 || At(arguments[0]).kind != Kind::kStorage ||
      At(arguments[1]).kind != Kind::kInt) {
    Fail("a tensor is not described as torch.save does.");
  }
  PickleNode tensor;
  tensor.kind = Kind::kTensor;
  tensor.storage = arguments[0];
  tensor.integer = At(arguments[1]).integer;
  tensor.shape = Sizes(arguments[2], "shape");
  tensor.strides = Sizes(arguments[3], "strides");
  if (tensor.shape.size() != tensor.strides.size() || tensor.integer < 0) {
    Fail("a tensor has a shape and strides that do not agree, or a negative offset.");
  }
  return New(std::move(tensor));
}

void Machine::Reduce() {
  const uint32_t arguments = Pop(), callable = Pop();
  if (At(arguments).kind != Kind::kTuple) Fail("arguments must be a tuple.");
  if (At(callable).kind != Kind::kGlobal) Fail("something that is no listed class is called.");
  const std::string name = At(callable).text;
  if (IsOpaque(name)) return PushKind(Kind::kOpaque);
  if (At(arguments).items.size() > 7) Fail("there are too many arguments.");
  const std::vector<uint32_t> items = At(arguments).items;
  if (name == kOrderedDict) {
    if (!items.empty()) Fail("an OrderedDict must be made empty.");
    PushKind(Kind::kDict);
  } else if (name == kRebuildTensor) {
    Push(RebuildTensor(items));
  } else if (name == kRebuildParameter) {
    if (items.empty() || At(items[0]).kind != Kind::kTensor) Fail("a parameter holds no tensor.");
    Push(items[0]);
  } else {
    Fail("a storage class is called.");
  }
}

}  // namespace

Pickle ReadTorchPickle(std::span<const std::byte> bytes, const std::string& where) {
  return Machine(bytes, where).Run();
}

}  // namespace occvla::model
