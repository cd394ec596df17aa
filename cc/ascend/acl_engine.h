#ifndef CC_ASCEND_ACL_ENGINE_H_
#define CC_ASCEND_ACL_ENGINE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cc/ascend/installation.h"
#include "cc/engine/engine.h"

namespace lenet {

// AscendCL on an Ascend 310. Runs OM files, which //tools:to_om makes of ONNX
// or AIR; AscendCL is opened when it is asked for, nothing is linked.
//
// Takes tensors, or luma if the model has an AIPP, or with options.dvpp, which
// needs such a model, files. What DVPP cannot decode (PNG, progressive JPEG,
// images smaller than 32x32) is decoded on the host and counted. Two batches
// may be started where that lets the device work without a pause. A model with
// several batch sizes runs each batch with the smallest that holds it.
//
// With options.self_test the model must give the right class for a known digit,
// and its AIPP must normalise as it was trained.
//
// Errors:
//   InvalidArgument     no OM, no LeNet, damaged; DVPP without AIPP; an OM on
//                       the CPU; self-test
//   FailedPrecondition  the manifest says that it is for another chip
//   Unavailable         no device, no AscendCL, or it cannot be started
//   Aborted, Internal, ResourceExhausted  as AscendCL reports
// After an error the engine is of no use but to be destroyed.
//
// There can be one in a process, and after it no other: see ascend::Process.
absl::StatusOr<std::unique_ptr<Engine>> CreateAclEngine(
    const EngineOptions& options,
    const ascend::Locations& locations = ascend::Locations());

}  // namespace lenet

#endif  // CC_ASCEND_ACL_ENGINE_H_
