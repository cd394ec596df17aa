#ifndef CC_ASCEND_ACL_ENGINE_H_
#define CC_ASCEND_ACL_ENGINE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cc/ascend/installation.h"
#include "cc/engine/engine.h"

namespace lenet {

// Creates the engine "acl", which runs OM files of //tools:to_om on an Ascend
// 310. AscendCL is opened at run time.
//
// The input form is tensors; luma if the model has an AIPP; files with
// options.dvpp, which requires such a model. Files that DVPP cannot decode
// (PNG, progressive JPEG, images smaller than 32x32) are decoded on the host
// and counted. Two batches may be started if the run mode allows an overlap.
// With several batch sizes in the model, each batch runs with the smallest that
// holds it.
//
// With options.self_test the model must classify a known digit correctly, and
// its AIPP must normalise as in training.
//
// Errors:
//   InvalidArgument     not an OM, not a LeNet, damaged; DVPP without AIPP; an
//                       OM on the CPU; the self-test failed
//   FailedPrecondition  the manifest names another chip
//   Unavailable         the device or AscendCL is missing or does not start
//   Aborted, Internal, ResourceExhausted  errors of AscendCL
//
// Create at most one engine per process; see ascend::Process.
absl::StatusOr<std::unique_ptr<Engine>> CreateAclEngine(
    const EngineOptions& options,
    const ascend::Locations& locations = ascend::Locations());

}  // namespace lenet

#endif  // CC_ASCEND_ACL_ENGINE_H_
