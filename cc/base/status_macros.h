#ifndef CC_BASE_STATUS_MACROS_H_
#define CC_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Abseil's status macros are newer than the Abseil of Debian 12.

// Returns from the enclosing function if `expr`, an absl::Status, is an error.
#define LENET_RETURN_IF_ERROR(expr)                \
  do {                                             \
    absl::Status lenet_status_ = (expr);           \
    if (!lenet_status_.ok()) return lenet_status_; \
  } while (false)

// Assigns the value of `expr`, an absl::StatusOr, to `lhs`, or returns its
// error:
//   LENET_ASSIGN_OR_RETURN(const std::string content, ReadFile(path, 100));
// `lhs` is a declaration or a variable without a comma outside parentheses.
// Expands to several statements, so it cannot be the body of an `if`.
#define LENET_ASSIGN_OR_RETURN(lhs, expr) \
  LENET_ASSIGN_OR_RETURN_(LENET_CONCAT_(lenet_status_or_, __LINE__), lhs, expr)

#define LENET_ASSIGN_OR_RETURN_(result, lhs, expr)     \
  auto result = (expr);                                \
  if (!result.ok()) return std::move(result).status(); \
  lhs = *std::move(result)

#define LENET_CONCAT_(a, b) LENET_CONCAT_INNER_(a, b)
#define LENET_CONCAT_INNER_(a, b) a##b

#endif  // CC_BASE_STATUS_MACROS_H_
