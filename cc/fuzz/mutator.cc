#include "cc/fuzz/mutator.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace lenet {
namespace {

constexpr size_t kMaxChanges = 5;  // in one input
constexpr size_t kMaxPart = 64;    // bytes lost, doubled or moved at once

// Where counts and sizes overflow or change their sign.
constexpr std::array<uint64_t, 10> kNumbers = {
    0,      1,          0x7f,       0xff,       0x7fff,
    0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff};

}  // namespace

Mutator::Mutator(const std::vector<std::string>& seeds, size_t max_size,
                 uint64_t random_seed)
    : seeds_(seeds), max_size_(max_size), random_(random_seed) {}

std::string Mutator::Next() {
  std::string input = AnySeed().substr(0, max_size_);
  for (size_t left = 1 + Below(kMaxChanges); left > 0; --left) Change(&input);
  input.resize(std::min(input.size(), max_size_));
  return input;
}

void Mutator::Change(std::string* input) {
  if (input->empty()) {
    TakeFromAnother(input);
    return;
  }
  switch (Below(8)) {
    case 0:
      PutNumber(input);
      break;
    case 1:
      Remove(input);
      break;
    case 2:
      Repeat(input);
      break;
    case 3:
      TakeFromAnother(input);
      break;
    case 4:
      input->resize(Below(input->size() + 1));
      break;
    default:
      ChangeByte(input);
  }
}

void Mutator::ChangeByte(std::string* input) {
  char& byte = (*input)[Below(input->size())];
  const size_t value = Below(2) == 0
                           ? Below(256)
                           : static_cast<unsigned char>(byte) ^ 1u << Below(8);
  byte = static_cast<char>(value);
}

// 1, 2, 4 or 8 bytes, in either order.
void Mutator::PutNumber(std::string* input) {
  const uint64_t number = kNumbers[Below(kNumbers.size())];
  const size_t size = size_t{1} << Below(4);
  const bool little_endian = Below(2) == 0;
  const size_t start = Below(input->size());
  for (size_t i = 0; i < size && start + i < input->size(); ++i) {
    const size_t shift = 8 * (little_endian ? i : size - 1 - i);
    (*input)[start + i] = static_cast<char>(number >> shift & 0xff);
  }
}

void Mutator::Remove(std::string* input) {
  const size_t start = Below(input->size());
  input->erase(start, 1 + Below(kMaxPart));
}

void Mutator::Repeat(std::string* input) {
  const std::string part =
      input->substr(Below(input->size()), 1 + Below(kMaxPart));
  for (size_t times = 1 + Below(4); times > 0; --times) {
    input->insert(Below(input->size()), part);
  }
}

void Mutator::TakeFromAnother(std::string* input) {
  const std::string& other = AnySeed();
  if (other.empty()) return;
  input->insert(Below(input->size() + 1),
                other.substr(Below(other.size()), 1 + Below(kMaxPart)));
}

// Not std::uniform_int_distribution, which differs between libraries.
size_t Mutator::Below(size_t limit) {
  return static_cast<size_t>(random_() % limit);
}

}  // namespace lenet
