#include "cc/ascend/sim/state.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lenet::ascend::sim {
namespace {

bool SaysDeviceFailed(aclError code) {
  return (code >= 507000 && code <= 507999) ||
         code == ACL_ERROR_RT_WAIT_TIMEOUT ||
         code == ACL_ERROR_RT_DEVICE_TASK_ABORT ||
         code == ACL_ERROR_RT_STREAM_ABORT;
}

std::FILE* OpenTrace(const std::string& pattern) {
  if (pattern.empty()) return nullptr;
  const std::string path = ExpandPath(pattern);
  std::FILE* file = std::fopen(path.c_str(), "a");
  if (file == nullptr) {
    std::fprintf(stderr, "AscendCL simulator: cannot write the trace %s\n",
                 path.c_str());
    std::_Exit(66);
  }
  return file;
}

}  // namespace

std::string ExpandPath(const std::string& pattern) {
  const size_t at = pattern.find("%p");
  if (at == std::string::npos) return pattern;
  return absl::StrCat(pattern.substr(0, at), getpid(), pattern.substr(at + 2));
}

State::State(Settings settings)
    : settings_(std::move(settings)),
      soc_name_(settings_.soc + "-simulator"),
      heaps_(settings_.run_mode, settings_.memory),
      trace_(OpenTrace(settings_.trace)) {}

State::~State() {
  if (trace_ != nullptr) std::fclose(trace_);
}

State::Entry State::Enter(Function function) {
  std::lock_guard<std::mutex> lock(mutex_);
  Entry entry;
  entry.site = Site{++total_calls_, function};
  last_ = function;
  const uint64_t nth = ++calls_[static_cast<size_t>(function)];
  for (const Fault& fault : settings_.faults) {
    if (fault.function != function || (fault.nth != 0 && fault.nth != nth)) {
      continue;
    }
    (fault.at_sync ? entry.sync_fault : entry.fault) = fault.code;
    injected_.push_back(
        absl::StrCat("#", entry.site.number, " ", Name(function), ":", nth,
                     fault.at_sync ? "@sync=" : "=", fault.code));
  }
  for (const Latency& latency : settings_.latencies) {
    if (latency.function != function) continue;
    if (latency.nth == 0 || latency.nth == nth)
      entry.latency = latency.duration;
  }
  entry.lost =
      settings_.lost_after.has_value() && total_calls_ > *settings_.lost_after;
  entry.failed = failed_;
  entry.hangs = hangs_;
  entry.initialized = initialized_;
  return entry;
}

void State::Leave(Site site, aclError code) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (SaysDeviceFailed(code) && RulesOf(site.function).failure_is_of_device) {
    failed_ = true;
  }
  if (code == ACL_ERROR_RT_STREAM_SYNC_TIMEOUT) hangs_ = true;
  if (trace_ == nullptr) return;
  std::fprintf(trace_, "#%llu %s -> %d\n",
               static_cast<unsigned long long>(site.number),
               Name(site.function), code);
  std::fflush(trace_);
}

void State::AddViolation(Violation violation) {
  std::lock_guard<std::mutex> lock(mutex_);
  violations_.push_back(std::move(violation));
}

void State::NoteFork() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!initialized_) return;
  violations_.push_back({ViolationKind::kOrder, Site{total_calls_, last_},
                         "fork in a process that uses AscendCL, after this "
                         "call"});
}

aclError State::Initialize(absl::string_view config) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (settings_.profile == Profile::kLegacy) {
    if (ever_initialized_) return ACL_ERROR_REPEAT_INITIALIZE;
  } else if (initialized_) {
    return config == config_ ? ACL_ERROR_REPEAT_INITIALIZE
                             : ACL_ERROR_INVALID_PARAM;
  }
  initialized_ = true;
  ever_initialized_ = true;
  config_ = std::string(config);
  return ACL_SUCCESS;
}

aclError State::Finalize() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!initialized_) {
    return ever_initialized_ ? ACL_ERROR_REPEAT_FINALIZE
                             : ACL_ERROR_UNINITIALIZE;
  }
  initialized_ = false;
  return ACL_SUCCESS;
}

bool State::initialized() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return initialized_;
}

bool State::HasDevice(int device) const {
  return device >= 0 && device < settings_.devices;
}

const void* State::SetDevice(int device, Site site) {
  std::lock_guard<std::mutex> lock(mutex_);
  Device& state = devices_[device];
  if (state.references == 0 || settings_.profile == Profile::kModern) {
    ++state.references;
  }
  if (state.default_context == nullptr) {
    auto context = std::make_shared<Context>();
    context->device = device;
    context->is_default = true;
    state.default_context = objects_.Add(context, site);
    context->default_stream = std::make_shared<Stream>(state.default_context);
  }
  return state.default_context;
}

bool State::DropReference(int device) {
  std::lock_guard<std::mutex> lock(mutex_);
  return --devices_[device].references == 0;
}

void State::RemoveDefaultContext(int device) {
  std::lock_guard<std::mutex> lock(mutex_);
  Device& state = devices_[device];
  objects_.Remove<Context>(state.default_context);
  state.default_context = nullptr;
}

Device State::device(int device) const {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto it = devices_.find(device);
  return it == devices_.end() ? Device() : it->second;
}

std::optional<Site> State::User(const Block& block) {
  const char* const end = block.address + block.size;
  for (const Object& object : objects_.Live()) {
    std::shared_ptr<Stream> stream;
    if (object.kind == ObjectKind::kStream) {
      stream = std::static_pointer_cast<Stream>(object.value);
    } else if (object.kind == ObjectKind::kContext) {
      stream = std::static_pointer_cast<Context>(object.value)->default_stream;
    } else {
      continue;
    }
    const std::optional<Site> user = stream->User(block.address, end);
    if (user.has_value()) return user;
  }
  return std::nullopt;
}

State::Summary State::Summarize() const {
  Summary summary;
  summary.objects = objects_.Live();
  summary.blocks = heaps_.LiveBlocks();
  std::lock_guard<std::mutex> lock(mutex_);
  for (size_t i = 0; i < kFunctionCount; ++i) {
    if (calls_[i] == 0) continue;
    summary.calls[Name(static_cast<Function>(i))] = calls_[i];
  }
  summary.total_calls = total_calls_;
  summary.violations = violations_;
  summary.injected = injected_;
  summary.initialized = initialized_;
  return summary;
}

}  // namespace lenet::ascend::sim
