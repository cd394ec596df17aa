#ifndef CC_FUZZ_CORPUS_H_
#define CC_FUZZ_CORPUS_H_

#include <string>
#include <vector>

namespace lenet {

struct Seed {
  std::string path;
  std::string content;
};

// The files at `paths`, and those in the folders there and below, sorted by
// path. Ends the program, with a message, if one cannot be read or there are
// none: a fuzz test without seeds would test nothing.
std::vector<Seed> ReadCorpus(const std::vector<std::string>& paths);

}  // namespace lenet

#endif  // CC_FUZZ_CORPUS_H_
