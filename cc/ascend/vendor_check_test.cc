// Compares the declarations of AscendCL with the vendor's headers at compile
// time.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <type_traits>

#include "acl/acl.h"
#include "acl/ops/acl_dvpp.h"
#include "gtest/gtest.h"

// The global names are the vendor's.
namespace ours {
#include "cc/ascend/acl_types.h"
}  // namespace ours

namespace {

// Functions.
#define CHECK_FUNCTION(result, name, parameters)                         \
  static_assert(std::is_same_v<decltype(&::name), result(*) parameters>, \
                #name " differs from the vendor's prototype");
#define ACL_FUNCTION CHECK_FUNCTION
#define ACL_OPTIONAL_FUNCTION CHECK_FUNCTION
#define DVPP_FUNCTION CHECK_FUNCTION
#include "cc/ascend/acl_functions.inc"

// Error codes.
#define ACL_ERROR_CODE(code, name, hint)              \
  static_assert(::name == code && ours::name == code, \
                #name " differs from the vendor's");
#define ACL_NEWER_ERROR_CODE(code, name, hint)
#include "cc/ascend/acl_errors.inc"

// Enumerators.
#define CHECK_CONSTANT(name)                                         \
  static_assert(static_cast<int64_t>(::name) == int64_t{ours::name}, \
                #name " differs from the vendor's")
CHECK_CONSTANT(name);
CHECK_CONSTANT(ACL_SUCCESS);
CHECK_CONSTANT(ACL_DEVICE);
CHECK_CONSTANT(ACL_HOST);
CHECK_CONSTANT(ACL_MEMCPY_HOST_TO_HOST);
CHECK_CONSTANT(ACL_MEMCPY_HOST_TO_DEVICE);
CHECK_CONSTANT(ACL_MEMCPY_DEVICE_TO_HOST);
CHECK_CONSTANT(ACL_MEMCPY_DEVICE_TO_DEVICE);
CHECK_CONSTANT(ACL_MEM_MALLOC_HUGE_FIRST);
CHECK_CONSTANT(ACL_MEM_MALLOC_NORMAL_ONLY);
CHECK_CONSTANT(ACL_DDR_MEM);
CHECK_CONSTANT(ACL_HBM_MEM);
CHECK_CONSTANT(ACL_DT_UNDEFINED);
CHECK_CONSTANT(ACL_FLOAT);
CHECK_CONSTANT(ACL_FLOAT16);
CHECK_CONSTANT(ACL_UINT8);
CHECK_CONSTANT(ACL_UINT64);
CHECK_CONSTANT(ACL_FORMAT_NCHW);
CHECK_CONSTANT(ACL_DATA_WITHOUT_AIPP);
CHECK_CONSTANT(ACL_DATA_WITH_STATIC_AIPP);
CHECK_CONSTANT(ACL_DATA_WITH_DYNAMIC_AIPP);
CHECK_CONSTANT(ACL_YUV420SP_U8);
CHECK_CONSTANT(ACL_YUV400_U8);
CHECK_CONSTANT(PIXEL_FORMAT_YUV_400);
CHECK_CONSTANT(PIXEL_FORMAT_YUV_SEMIPLANAR_420);
CHECK_CONSTANT(PIXEL_FORMAT_YVU_SEMIPLANAR_420);
CHECK_CONSTANT(PIXEL_FORMAT_YUV_SEMIPLANAR_422);
CHECK_CONSTANT(PIXEL_FORMAT_YVU_SEMIPLANAR_422);
CHECK_CONSTANT(PIXEL_FORMAT_YUV_SEMIPLANAR_444);
CHECK_CONSTANT(PIXEL_FORMAT_YVU_SEMIPLANAR_444);
CHECK_CONSTANT(PIXEL_FORMAT_YUV_SEMIPLANAR_440);
CHECK_CONSTANT(PIXEL_FORMAT_YVU_SEMIPLANAR_440);
CHECK_CONSTANT(ACL_JPEG_CSS_444);
CHECK_CONSTANT(ACL_JPEG_CSS_422);
CHECK_CONSTANT(ACL_JPEG_CSS_420);
CHECK_CONSTANT(ACL_JPEG_CSS_GRAY);
CHECK_CONSTANT(ACL_JPEG_CSS_440);
CHECK_CONSTANT(ACL_JPEG_CSS_411);
CHECK_CONSTANT(ACL_JPEG_CSS_UNKNOWN);

static_assert(std::string_view(ACL_DYNAMIC_TENSOR_NAME) ==
              ours::kAclDynamicTensorName);

// Types passed by value.
template <typename Vendors, typename Ours>
constexpr bool kSameEnum =
    std::is_enum_v<Vendors>&& std::is_enum_v<Ours>&& std::is_same_v<
        std::underlying_type_t<Vendors>, std::underlying_type_t<Ours>>;

#define CHECK_ENUM(name)                             \
  static_assert(kSameEnum<::name, ours::name>, #name \
                " differs in size or "               \
                "sign")
CHECK_ENUM(aclrtRunMode);
CHECK_ENUM(aclrtMemcpyKind);
CHECK_ENUM(aclrtMemMallocPolicy);
CHECK_ENUM(aclrtMemAttr);
CHECK_ENUM(aclDataType);
CHECK_ENUM(aclFormat);
CHECK_ENUM(aclmdlInputAippType);
CHECK_ENUM(aclAippInputFormat);
CHECK_ENUM(acldvppPixelFormat);
CHECK_ENUM(acldvppJpegFormat);

static_assert(std::is_same_v<::aclError, ours::aclError>);
static_assert(std::is_same_v<::aclrtStream, ours::aclrtStream>);
static_assert(std::is_same_v<::aclrtContext, ours::aclrtContext>);

// Structs filled by the library.
#define CHECK_STRUCT(name)                                  \
  static_assert(sizeof(::name) == sizeof(ours::name) &&     \
                    alignof(::name) == alignof(ours::name), \
                #name " differs in size")
// Enums are compared by their underlying type.
template <typename T, bool = std::is_enum_v<T>>
struct Plain {
  using Type = T;
};
template <typename T>
struct Plain<T, true> {
  using Type = std::underlying_type_t<T>;
};
#define CHECK_MEMBER(name, member)                                          \
  static_assert(offsetof(::name, member) == offsetof(ours::name, member) && \
                    sizeof(::name::member) == sizeof(ours::name::member),   \
                #name "." #member " has another offset or size")
#define CHECK_NUMBER(name, member)                                         \
  CHECK_MEMBER(name, member);                                              \
  static_assert(std::is_same_v<Plain<decltype(::name::member)>::Type,      \
                               Plain<decltype(ours::name::member)>::Type>, \
                #name "." #member " has another type")

CHECK_STRUCT(aclmdlIODims);
CHECK_NUMBER(aclmdlIODims, name);
CHECK_NUMBER(aclmdlIODims, dimCount);
CHECK_NUMBER(aclmdlIODims, dims);

CHECK_STRUCT(aclmdlBatch);
CHECK_NUMBER(aclmdlBatch, batchCount);
CHECK_NUMBER(aclmdlBatch, batch);

CHECK_STRUCT(aclAippDims);
CHECK_MEMBER(aclAippDims, srcDims);
CHECK_NUMBER(aclAippDims, srcSize);
CHECK_MEMBER(aclAippDims, aippOutdims);
CHECK_NUMBER(aclAippDims, aippOutSize);

CHECK_STRUCT(aclAippInfo);
#define CHECK_AIPP(member) CHECK_NUMBER(aclAippInfo, member)
CHECK_AIPP(inputFormat);
CHECK_AIPP(srcImageSizeW);
CHECK_AIPP(srcImageSizeH);
CHECK_AIPP(cropSwitch);
CHECK_AIPP(loadStartPosW);
CHECK_AIPP(loadStartPosH);
CHECK_AIPP(cropSizeW);
CHECK_AIPP(cropSizeH);
CHECK_AIPP(resizeSwitch);
CHECK_AIPP(resizeOutputW);
CHECK_AIPP(resizeOutputH);
CHECK_AIPP(paddingSwitch);
CHECK_AIPP(leftPaddingSize);
CHECK_AIPP(rightPaddingSize);
CHECK_AIPP(topPaddingSize);
CHECK_AIPP(bottomPaddingSize);
CHECK_AIPP(cscSwitch);
CHECK_AIPP(rbuvSwapSwitch);
CHECK_AIPP(axSwapSwitch);
CHECK_AIPP(singleLineMode);
CHECK_AIPP(matrixR0C0);
CHECK_AIPP(matrixR0C1);
CHECK_AIPP(matrixR0C2);
CHECK_AIPP(matrixR1C0);
CHECK_AIPP(matrixR1C1);
CHECK_AIPP(matrixR1C2);
CHECK_AIPP(matrixR2C0);
CHECK_AIPP(matrixR2C1);
CHECK_AIPP(matrixR2C2);
CHECK_AIPP(outputBias0);
CHECK_AIPP(outputBias1);
CHECK_AIPP(outputBias2);
CHECK_AIPP(inputBias0);
CHECK_AIPP(inputBias1);
CHECK_AIPP(inputBias2);
CHECK_AIPP(meanChn0);
CHECK_AIPP(meanChn1);
CHECK_AIPP(meanChn2);
CHECK_AIPP(meanChn3);
CHECK_AIPP(minChn0);
CHECK_AIPP(minChn1);
CHECK_AIPP(minChn2);
CHECK_AIPP(minChn3);
CHECK_AIPP(varReciChn0);
CHECK_AIPP(varReciChn1);
CHECK_AIPP(varReciChn2);
CHECK_AIPP(varReciChn3);
CHECK_AIPP(srcFormat);
CHECK_AIPP(srcDatatype);
CHECK_AIPP(srcDimNum);
CHECK_AIPP(shapeCount);
CHECK_MEMBER(aclAippInfo, outDims);
// NOLINTNEXTLINE(bugprone-sizeof-expression): a pointer
CHECK_MEMBER(aclAippInfo, aippExtend);

TEST(VendorCheckTest, PrintsTheVersion) {
  std::printf("compared with the vendor's headers of version %d.%d.%d\n",
              ACL_MAJOR_VERSION, ACL_MINOR_VERSION, ACL_PATCH_VERSION);
}

}  // namespace
