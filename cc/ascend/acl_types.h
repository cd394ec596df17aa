#ifndef CC_ASCEND_ACL_TYPES_H_
#define CC_ASCEND_ACL_TYPES_H_

// The types and constants of AscendCL that this project uses, with the vendor's
// names, in the global namespace. Declared here, so that the build does not
// need CANN; vendor_check_test.cc compares them with the vendor's headers.

#include <cstddef>
#include <cstdint>

using aclError = int;  // 0, or a code of acl_errors.inc
using aclrtStream = void*;
using aclrtContext = void*;

struct aclDataBuffer;
struct aclmdlDataset;
struct aclmdlDesc;
struct aclAippExtendInfo;
struct acldvppChannelDesc;
struct acldvppPicDesc;
struct acldvppResizeConfig;

// Enums have an underlying type, because the library may return other values.
enum aclrtRunMode : uint32_t {
  ACL_DEVICE = 0,  // the program runs on the NPU's own cores, with one memory
  ACL_HOST = 1,    // the program runs on a host, and the NPU is a card
};

enum aclrtMemcpyKind : uint32_t {
  ACL_MEMCPY_HOST_TO_HOST = 0,
  ACL_MEMCPY_HOST_TO_DEVICE = 1,
  ACL_MEMCPY_DEVICE_TO_HOST = 2,
  ACL_MEMCPY_DEVICE_TO_DEVICE = 3,
};

enum aclrtMemMallocPolicy : uint32_t {
  ACL_MEM_MALLOC_HUGE_FIRST = 0,
  ACL_MEM_MALLOC_NORMAL_ONLY = 2,
};

enum aclrtMemAttr : uint32_t {
  ACL_DDR_MEM = 0,
  ACL_HBM_MEM = 1,
};

enum aclDataType : int32_t {
  ACL_DT_UNDEFINED = -1,
  ACL_FLOAT = 0,
  ACL_FLOAT16 = 1,
  ACL_UINT8 = 4,
  ACL_UINT64 = 10,
};

enum aclFormat : int32_t {
  ACL_FORMAT_NCHW = 0,
};

enum aclmdlInputAippType : uint32_t {
  ACL_DATA_WITHOUT_AIPP = 0,
  ACL_DATA_WITH_STATIC_AIPP = 1,
  ACL_DATA_WITH_DYNAMIC_AIPP = 2,
};

enum aclAippInputFormat : uint32_t {
  ACL_YUV420SP_U8 = 1,
  ACL_YUV400_U8 = 4,
};

enum acldvppPixelFormat : uint32_t {
  PIXEL_FORMAT_YUV_400 = 0,
  PIXEL_FORMAT_YUV_SEMIPLANAR_420 = 1,  // NV12
  PIXEL_FORMAT_YVU_SEMIPLANAR_420 = 2,  // NV21
  PIXEL_FORMAT_YUV_SEMIPLANAR_422 = 3,
  PIXEL_FORMAT_YVU_SEMIPLANAR_422 = 4,
  PIXEL_FORMAT_YUV_SEMIPLANAR_444 = 5,
  PIXEL_FORMAT_YVU_SEMIPLANAR_444 = 6,
  PIXEL_FORMAT_YUV_SEMIPLANAR_440 = 1000,
  PIXEL_FORMAT_YVU_SEMIPLANAR_440 = 1001,
};

enum acldvppJpegFormat : uint32_t {
  ACL_JPEG_CSS_444 = 0,
  ACL_JPEG_CSS_422 = 1,
  ACL_JPEG_CSS_420 = 2,
  ACL_JPEG_CSS_GRAY = 3,
  ACL_JPEG_CSS_440 = 4,
  ACL_JPEG_CSS_411 = 5,
  ACL_JPEG_CSS_UNKNOWN = 1000,
};

struct aclmdlIODims {
  char name[128];
  size_t dimCount;
  int64_t dims[128];
};

// Batch sizes of a model with dynamic batch; none for a static batch.
struct aclmdlBatch {
  size_t batchCount;
  uint64_t batch[128];
};

struct aclAippDims {
  aclmdlIODims srcDims;
  size_t srcSize;
  aclmdlIODims aippOutdims;
  size_t aippOutSize;
};

// A static AIPP. About 270 KB: too large for small stacks.
struct aclAippInfo {
  aclAippInputFormat inputFormat;
  int32_t srcImageSizeW, srcImageSizeH;
  int8_t cropSwitch;
  int32_t loadStartPosW, loadStartPosH;
  int32_t cropSizeW, cropSizeH;
  int8_t resizeSwitch;
  int32_t resizeOutputW, resizeOutputH;
  int8_t paddingSwitch;
  int32_t leftPaddingSize, rightPaddingSize, topPaddingSize, bottomPaddingSize;
  int8_t cscSwitch, rbuvSwapSwitch, axSwapSwitch, singleLineMode;
  int32_t matrixR0C0, matrixR0C1, matrixR0C2;
  int32_t matrixR1C0, matrixR1C1, matrixR1C2;
  int32_t matrixR2C0, matrixR2C1, matrixR2C2;
  int32_t outputBias0, outputBias1, outputBias2;
  int32_t inputBias0, inputBias1, inputBias2;
  int32_t meanChn0, meanChn1, meanChn2, meanChn3;
  float minChn0, minChn1, minChn2, minChn3;
  float varReciChn0, varReciChn1, varReciChn2, varReciChn3;
  aclFormat srcFormat;
  aclDataType srcDatatype;
  size_t srcDimNum;
  size_t shapeCount;
  aclAippDims outDims[128];
  aclAippExtendInfo* aippExtend;
};

// ACL_DYNAMIC_TENSOR_NAME of the vendor: name of the input that selects the
// batch size of a model with dynamic batch.
inline constexpr char kAclDynamicTensorName[] = "ascend_mbatch_shape_data";

inline constexpr aclError ACL_SUCCESS = 0;
#define ACL_ERROR_CODE(code, name, hint) inline constexpr aclError name = code;
#include "cc/ascend/acl_errors.inc"

#endif  // CC_ASCEND_ACL_TYPES_H_
