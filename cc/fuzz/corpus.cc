#include "cc/fuzz/corpus.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

namespace lenet {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> FilesAt(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) {
      files.push_back(path);
      continue;
    }
    for (const fs::directory_entry& entry :
         fs::recursive_directory_iterator(path)) {
      if (!entry.is_directory()) files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::vector<Seed> ReadCorpus(const std::vector<std::string>& paths) {
  std::vector<Seed> seeds;
  for (const std::string& path : FilesAt(paths)) {
    std::ifstream file(path, std::ios::binary);
    seeds.push_back({path, {std::istreambuf_iterator<char>(file), {}}});
    if (!file.good()) {
      std::fprintf(stderr, "cannot read the seed %s\n", path.c_str());
      std::exit(1);
    }
  }
  if (seeds.empty()) {
    std::fprintf(stderr, "no seeds; give files or folders of them\n");
    std::exit(1);
  }
  return seeds;
}

}  // namespace lenet
