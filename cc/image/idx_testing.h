#ifndef CC_IMAGE_IDX_TESTING_H_
#define CC_IMAGE_IDX_TESTING_H_

#include <cstdint>
#include <string>
#include <vector>

namespace lenet {

// An IDX file of 28x28 images, each filled with one of the values.
std::string IdxOfImages(const std::vector<uint8_t>& values);

// An IDX file of labels.
std::string IdxOfLabels(const std::vector<uint8_t>& labels);

}  // namespace lenet

#endif  // CC_IMAGE_IDX_TESTING_H_
