// For library_test: an AscendCL of the first years, which has what is needed
// and none of what came later. Its functions do nothing.

#include "cc/ascend/acl_types.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"

#define DEFINE(result, name, parameters) \
  extern "C" result name parameters { return {}; }
#define ACL_FUNCTION DEFINE
#define DVPP_FUNCTION DEFINE
#include "cc/ascend/acl_functions.inc"
