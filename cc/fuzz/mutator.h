#ifndef CC_FUZZ_MUTATOR_H_
#define CC_FUZZ_MUTATOR_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace lenet {

// Damages seeds as a fuzzer does: changed bytes, extreme numbers, parts lost,
// doubled, moved in from another seed. The same sequence for the same arguments
// on every machine.
class Mutator {
 public:
  // `seeds`, at least one, must outlive it.
  Mutator(const std::vector<std::string>& seeds, size_t max_size,
          uint64_t random_seed);

  // The next input, of at most max_size bytes.
  std::string Next();

 private:
  void Change(std::string* input);
  void ChangeByte(std::string* input);
  void PutNumber(std::string* input);
  void Remove(std::string* input);
  void Repeat(std::string* input);
  void TakeFromAnother(std::string* input);

  size_t Below(size_t limit);  // limit >= 1
  const std::string& AnySeed() { return seeds_[Below(seeds_.size())]; }

  const std::vector<std::string>& seeds_;
  const size_t max_size_;
  std::mt19937_64 random_;
};

}  // namespace lenet

#endif  // CC_FUZZ_MUTATOR_H_
