#include "cc/inference/result_writer.h"

#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace lenet {
namespace {

// Large enough that waking a thread does not count, small enough that the
// writer starts early and the last chunk is soon done.
constexpr size_t kChunk = 64;

}  // namespace

ResultWriter::ResultWriter(ResultFolder* folder)
    : folder_(folder), thread_([this] { Work(); }) {}

ResultWriter::~ResultWriter() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    given_up_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

absl::Status ResultWriter::Write(std::string stem,
                                 absl::Span<const float> logits) {
  filling_.stems.push_back(std::move(stem));
  filling_.logits.insert(filling_.logits.end(), logits.begin(), logits.end());
  if (filling_.stems.size() < kChunk) return absl::OkStatus();
  HandOver();
  const std::lock_guard<std::mutex> lock(mutex_);
  return status_;
}

absl::Status ResultWriter::Finish() {
  HandOver();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
  return status_;
}

// Empties filling_.
void ResultWriter::HandOver() {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock,
                  [this] { return waiting_.stems.empty() || !status_.ok(); });
    std::swap(filling_, waiting_);
  }
  changed_.notify_all();
  filling_.stems.clear();
  filling_.logits.clear();
}

void ResultWriter::Work() {
  Chunk chunk;
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ended_ || !waiting_.stems.empty(); });
    if (given_up_ || waiting_.stems.empty()) return;
    std::swap(chunk, waiting_);

    lock.unlock();
    changed_.notify_all();
    const absl::Status status = WriteChunk(chunk);
    chunk.stems.clear();
    chunk.logits.clear();
    lock.lock();

    status_ = status;
    if (!status.ok()) {
      changed_.notify_all();
      return;
    }
  }
}

absl::Status ResultWriter::WriteChunk(const Chunk& chunk) {
  const size_t size = chunk.logits.size() / chunk.stems.size();
  for (size_t i = 0; i < chunk.stems.size(); ++i) {
    const absl::Status status = folder_->Write(
        chunk.stems[i],
        absl::MakeConstSpan(chunk.logits).subspan(i * size, size));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace lenet
