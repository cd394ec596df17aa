#include "cc/mindir/proto.h"

#include <climits>
#include <cstring>
#include <utility>

#include "absl/strings/strip.h"
#include "cc/base/error.h"
#include "cc/base/shape.h"

namespace lenet {
namespace {

using mind_ir::AttributeProto;
using mind_ir::TensorProto;

constexpr int64_t kNewestVersion = 3;

// MindIR's AttributeProto.AttributeType.
constexpr int kFloat = 1;
constexpr int kUint8 = 2;
constexpr int kInt64 = 7;
constexpr int kString = 8;
constexpr int kBool = 9;
constexpr int kDouble = 11;
constexpr int kUint32 = 12;
constexpr int kUint64 = 13;
constexpr int kTensors = 19;
constexpr int kTuple = 20;
constexpr int kList = 21;
constexpr int kUMonad = 23;
constexpr int kIoMonad = 24;
constexpr int kNone = 25;

// MindIR's TensorProto.DataType.
constexpr int kFloat32Tensor = 1;
constexpr int kInt32Tensor = 6;
constexpr int kInt64Tensor = 7;

constexpr int64_t kMaxElements = int64_t{1} << 31;
constexpr int kMaxDimensions = 8;

absl::Status CheckFloat32(const TensorProto& proto, absl::string_view where) {
  if (proto.data_type() == kFloat32Tensor) return absl::OkStatus();
  return InvalidArgument(where,
                         ": expected float32 (data_type 1), found data_type ",
                         proto.data_type());
}

// Returns positive dimensions with a product below 2^31.
absl::StatusOr<std::vector<int64_t>> ReadShape(const TensorProto& proto,
                                               absl::string_view where) {
  if (proto.dims_size() > kMaxDimensions) {
    return InvalidArgument(where, ": expected at most ", kMaxDimensions,
                           " dimensions, found ", proto.dims_size());
  }
  int64_t elements = 1;
  for (const int64_t dimension : proto.dims()) {
    if (dimension <= 0 || dimension >= kMaxElements / elements) {
      return InvalidArgument(
          where,
          ": expected positive dimensions of fewer than 2^31 "
          "elements, found ",
          ShapeText(proto.dims()));
    }
    elements *= dimension;
  }
  return std::vector<int64_t>(proto.dims().begin(), proto.dims().end());
}

// Returns the value of an element of a tuple, which is stored in a list of one,
// or else the single value.
template <typename T, typename List>
T Single(const List& list, const T& single) {
  return list.empty() ? single : list[0];
}

absl::StatusOr<MindIrValue> ReadTensors(const AttributeProto& proto,
                                        absl::string_view where) {
  MindIrValue::Sequence arrays;
  for (const TensorProto& tensor : proto.tensors()) {
    LENET_ASSIGN_OR_RETURN(MindIrArray array, ReadFloatTensor(tensor, where));
    arrays.push_back({std::move(array)});
  }
  if (arrays.size() == 1) return std::move(arrays[0]);
  return MindIrValue{std::move(arrays)};
}

absl::StatusOr<MindIrValue> ReadSequence(const AttributeProto& proto,
                                         absl::string_view where) {
  MindIrValue::Sequence elements;
  for (const AttributeProto& element : proto.values()) {
    LENET_ASSIGN_OR_RETURN(MindIrValue value, ReadValue(element, where));
    elements.push_back(std::move(value));
  }
  return MindIrValue{std::move(elements)};
}

}  // namespace

absl::StatusOr<mind_ir::ModelProto> ParseMindIr(absl::string_view mindir) {
  mind_ir::ModelProto model;
  if (mindir.size() > INT_MAX ||
      !model.ParseFromArray(mindir.data(), static_cast<int>(mindir.size())) ||
      model.ir_version().empty() || model.graph().node().empty()) {
    return InvalidArgument("expected a MindIR (protobuf with a graph), found ",
                           mindir.size(),
                           " bytes of another format, or an incomplete file; "
                           "//python:export writes one from a checkpoint");
  }
  if (model.mind_ir_version() < 0 || model.mind_ir_version() > kNewestVersion) {
    return InvalidArgument("expected a MindIR of version 1 to ", kNewestVersion,
                           ", found version ", model.mind_ir_version(),
                           "; export the model with MindSpore 2.10 or older");
  }
  return model;
}

Primitives PrimitivesByName(const mind_ir::ModelProto& model) {
  Primitives primitives;
  for (const mind_ir::PrimitiveProto& primitive : model.primitives()) {
    primitives.emplace(primitive.name(), &primitive);
  }
  return primitives;
}

absl::StatusOr<const mind_ir::PrimitiveProto*> FindPrimitive(
    const Primitives& primitives, const mind_ir::NodeProto& node,
    absl::string_view where) {
  absl::string_view name = node.op_type();
  if (!absl::ConsumePrefix(&name, "REF::")) return nullptr;
  const auto found = primitives.find(name);
  if (found != primitives.end()) return found->second;
  return InvalidArgument(where, ": truncated MindIR: expected a primitive ",
                         QuotedName(name));
}

int LiteInputs(absl::string_view op) {
  return op == "MatMul" || op == "BiasAdd" ? 2 : 0;
}

absl::Status CheckInputs(absl::string_view op, int inputs, int64_t version,
                         absl::string_view where) {
  const int expected = LiteInputs(op);
  if (version > kLiteVersion || expected == 0 || inputs <= expected) {
    return absl::OkStatus();
  }
  return InvalidArgument(where, ": truncated MindIR: expected ", op, " with ",
                         expected, " inputs in version ", version, ", found ",
                         inputs);
}

absl::StatusOr<MindIrValue> ReadValue(const AttributeProto& proto,
                                      absl::string_view where) {
  if (proto.floats_size() > 1 || proto.doubles_size() > 1 ||
      proto.ints_size() > 1 || proto.strings_size() > 1) {
    return InvalidArgument(where, ": expected one value, found a list");
  }
  const int type = proto.type();
  if (type == kBool) {
    return MindIrValue{Single<int64_t>(proto.ints(), proto.i()) != 0};
  }
  if ((type >= kUint8 && type <= kInt64) || type == kUint32 ||
      type == kUint64) {
    return MindIrValue{Single<int64_t>(proto.ints(), proto.i())};
  }
  switch (type) {
    case kFloat:
      return MindIrValue{double{Single<float>(proto.floats(), proto.f())}};
    case kDouble:
      return MindIrValue{Single<double>(proto.doubles(), proto.d())};
    case kString:
      return MindIrValue{Single<std::string>(proto.strings(), proto.s())};
    case kTensors:
      return ReadTensors(proto, where);
    case kTuple:
    case kList:
      return ReadSequence(proto, where);
    case kUMonad:
    case kIoMonad:
    case kNone:
      return MindIrValue{};
    default:
      return InvalidArgument(where,
                             ": expected a number, a text, a tensor or a tuple "
                             "of these, found AttributeType ",
                             type);
  }
}

bool SetBatch(int64_t batch, mind_ir::GraphProto* graph) {
  bool found = false;
  for (auto* values : {graph->mutable_input(), graph->mutable_output()}) {
    for (mind_ir::ValueInfoProto& value : *values) {
      for (TensorProto& tensor : *value.mutable_tensor()) {
        if (tensor.dims_size() == 0 || tensor.dims(0) != -1) continue;
        tensor.set_dims(0, batch);
        found = true;
      }
    }
  }
  return found;
}

absl::StatusOr<std::vector<TensorInfo>> ReadTensorInfos(
    const google::protobuf::RepeatedPtrField<mind_ir::ValueInfoProto>& values,
    absl::string_view kind, bool integers) {
  std::vector<TensorInfo> tensors;
  for (const mind_ir::ValueInfoProto& value : values) {
    const std::string where =
        absl::StrCat("the graph's ", kind, " ", QuotedName(value.name()));
    if (value.tensor_size() != 1) {
      return InvalidArgument(where, ": expected one tensor, found ",
                             value.tensor_size() == 0
                                 ? "a tuple"
                                 : absl::StrCat(value.tensor_size()));
    }
    const int type = value.tensor(0).data_type();
    const bool is_integer = type == kInt32Tensor || type == kInt64Tensor;
    if (is_integer && !integers && kind == "output") {
      return InvalidArgument(where,
                             ": expected float32, found integers (an "
                             "argmax); give --engine=native");
    }
    if (!is_integer || !integers) {
      LENET_RETURN_IF_ERROR(CheckFloat32(value.tensor(0), where));
    }
    LENET_ASSIGN_OR_RETURN(std::vector<int64_t> shape,
                           ReadShape(value.tensor(0), where));
    tensors.push_back({value.name(), std::move(shape)});
  }
  return tensors;
}

absl::StatusOr<MindIrArray> ReadFloatTensor(const TensorProto& proto,
                                            absl::string_view where) {
  LENET_RETURN_IF_ERROR(CheckFloat32(proto, where));
  if (proto.has_external_data()) {
    return InvalidArgument(
        where,
        ": expected weights in this file, found a reference to another file "
        "(a model of more than 1 GB)");
  }
  if (proto.compression_type() != 0) {
    return InvalidArgument(where,
                           ": expected uncompressed weights, found "
                           "compression_type ",
                           proto.compression_type());
  }
  MindIrArray array;
  LENET_ASSIGN_OR_RETURN(array.shape, ReadShape(proto, where));
  const size_t count = ElementCount(array.shape);
  if (proto.raw_data().size() != count * sizeof(float)) {
    return InvalidArgument(where, ": expected ", count * sizeof(float),
                           " bytes for the shape ", ShapeText(array.shape),
                           ", found ", proto.raw_data().size());
  }
  array.values.resize(count);
  std::memcpy(array.values.data(), proto.raw_data().data(),
              count * sizeof(float));
  return array;
}

}  // namespace lenet
