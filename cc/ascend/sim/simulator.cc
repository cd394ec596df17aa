#include "cc/ascend/sim/simulator.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <regex>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace lenet::ascend::sim {
namespace {

constexpr absl::string_view kFunctions[] = {
#define ACL_FUNCTION(result, name, parameters) #name,
#define ACL_OPTIONAL_FUNCTION ACL_FUNCTION
#define DVPP_FUNCTION ACL_FUNCTION
#include "cc/ascend/acl_functions.inc"
};

// Reads an environment variable that must match the regular expression.
std::string ReadSetting(const char* name, const char* default_value,
                        const char* pattern) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') return default_value;
  if (std::regex_match(value, std::regex(pattern))) return value;
  Die(absl::StrCat(name, ": expected ", pattern, ", found \"", value, "\""));
}

Fault ReadFault(const std::string& text) {
  static const std::regex pattern(
      "(\\w+?(Async)?)(:([1-9]\\d{0,8}|\\*))?(@sync)?="
      "([1-9]\\d{0,8}|hang)");
  std::smatch match;
  Fault fault;
  const bool valid = std::regex_match(text, match, pattern);
  if (valid) {
    fault.function = match[1];
    fault.nth = std::strtoull(match[4].str().c_str(), nullptr, 10);
    fault.at_sync = match[5].matched;
    fault.hangs = match[6] == "hang";
    fault.code =
        static_cast<aclError>(std::strtol(match[6].str().c_str(), nullptr, 10));
    fault.text = text.substr(fault.function.size());
  }
  if (!valid ||
      std::find(std::begin(kFunctions), std::end(kFunctions), fault.function) ==
          std::end(kFunctions) ||
      (fault.at_sync && !match[2].matched)) {
    Die(
        absl::StrCat("LENET_SIM_FAULTS: expected <function>[:<number>|:*]="
                     "<code>, <function>Async[:<number>]@sync=<code>, "
                     "<function>[:<number>]=hang or lost:<calls>, found "
                     "\"",
                     text, "\""));
  }
  return fault;
}

bool MeansDeviceFailure(aclError code) {
  // DVPP reports a picture that it cannot take by ACL_ERROR_RT_AICPU_EXCEPTION.
  return (code >= 507000 && code <= 507999 &&
          code != ACL_ERROR_RT_AICPU_EXCEPTION) ||
         code == ACL_ERROR_RT_WAIT_TIMEOUT ||
         code == ACL_ERROR_RT_DEVICE_TASK_ABORT ||
         code == ACL_ERROR_RT_STREAM_ABORT;
}

std::FILE* OpenTrace(const std::string& path) {
  if (path.empty()) return nullptr;
  std::FILE* const file = std::fopen(path.c_str(), "w");
  if (file == nullptr) Die("cannot write the trace " + path);
  return file;
}

}  // namespace

Settings ReadSettings() {
  Settings settings;
  settings.devices =
      std::stoi(ReadSetting("LENET_SIM_DEVICES", "1", "\\d|1[0-6]"));
  settings.memory =
      std::stoull(ReadSetting("LENET_SIM_MEMORY", "1073741824", "\\d{1,10}"));
  settings.run_mode =
      ReadSetting("LENET_SIM_RUN_MODE", "host", "host|device") == "host"
          ? ACL_HOST
          : ACL_DEVICE;
  settings.soc = ReadSetting("LENET_SIM_SOC", "Ascend310", "\\w+");
  settings.trace = ReadSetting("LENET_SIM_TRACE", "", ".*");
  const std::string schedule =
      ReadSetting("LENET_SIM_SCHEDULE", "sync", "sync|eager|random:\\d{1,9}");
  if (schedule == "eager") settings.schedule = Schedule::kEager;
  if (schedule[0] == 'r') {
    settings.schedule = Schedule::kRandom;
    settings.seed = static_cast<uint32_t>(std::stoul(schedule.substr(7)));
  }
  const std::string faults = ReadSetting("LENET_SIM_FAULTS", "", ".*");
  const std::vector<std::string> texts =
      absl::StrSplit(faults, ',', absl::SkipEmpty());
  for (const std::string& text : texts) {
    if (std::regex_match(text, std::regex("lost:\\d{1,9}"))) {
      settings.lost_after = std::stoull(text.substr(5));
    } else {
      settings.faults.push_back(ReadFault(text));
    }
  }
  return settings;
}

void Stream::Run(size_t count) {
  for (; count > 0 && done_ < tasks_.size() && !hangs(); --count) {
    const Task& task = tasks_[done_++];
    if (error_ == ACL_SUCCESS) error_ = task.work();
  }
}

bool Stream::hangs() const {
  return done_ < tasks_.size() && tasks_[done_].work == nullptr;
}

aclError Stream::Clear() {
  tasks_.clear();
  done_ = 0;
  return std::exchange(error_, ACL_SUCCESS);
}

std::optional<Site> Stream::User(const Block& block) const {
  for (const Task& task : tasks_) {
    for (const void* used : task.uses) {
      const char* const address = static_cast<const char*>(used);
      if (address >= block.address && address < block.address + block.size) {
        return task.site;
      }
    }
  }
  return std::nullopt;
}

State::State(Settings read)
    : settings(std::move(read)),
      memory(settings.run_mode, settings.memory),
      trace(OpenTrace(settings.trace)),
      random(settings.seed) {}

std::vector<std::shared_ptr<Stream>> State::Streams() const {
  std::vector<std::shared_ptr<Stream>> streams;
  for (const auto& [handle, object] : objects.live()) {
    if (object.kind == Stream::kKind) {
      streams.push_back(std::static_pointer_cast<Stream>(object.value));
    } else if (object.kind == Context::kKind) {
      streams.push_back(
          std::static_pointer_cast<Context>(object.value)->default_stream);
    }
  }
  return streams;
}

void* State::AddContext(int device, bool is_default, Site site) {
  const auto context = std::make_shared<Context>();
  context->device = device;
  context->is_default = is_default;
  void* const handle = objects.Add(context, site);
  context->default_stream = std::make_shared<Stream>(handle);
  return handle;
}

void State::AddViolation(Site site, absl::string_view text) {
  violations.push_back(absl::StrCat(Describe(site), ": ", text));
}

std::string State::Complaints() const {
  std::vector<std::string> lines = violations;
  for (const auto& [handle, object] : objects.live()) {
    lines.push_back(
        absl::StrCat(Describe(object.site), ": leak: ", object.kind));
  }
  for (const Block& block : memory.LiveBlocks()) {
    lines.push_back(absl::StrCat(Describe(block.site), ": leak: ", block.size,
                                 " bytes of ", Name(block.heap), " memory"));
  }
  if (initialized) lines.push_back("leak: aclFinalize was not called");
  return absl::StrJoin(lines, "\n");
}

Call::Call(const char* function, unsigned rules)
    : state_(*LenetSimState()),
      thread_(*LenetSimThread()),
      lock_(state_.mutex),
      rules_(rules),
      site_{++state_.call_count, function} {
  state_.last_call = site_;
  const uint64_t nth = ++state_.calls[function];
  for (const Fault& fault : state_.settings.faults) {
    if (fault.function != function) continue;
    if (fault.nth != 0 && fault.nth != nth) continue;
    (fault.at_sync || fault.hangs ? sync_fault_ : fault_) = fault;
  }
  const std::optional<uint64_t>& lost_after = state_.settings.lost_after;
  while (sync_fault_.hangs && !absl::EndsWith(function, "Async")) pause();
  lost_ = lost_after.has_value() && site_.number > *lost_after;
  context_ = objects().Find<Context>(thread_.context);
  if (context_ == nullptr) thread_.context = nullptr;
  refusal_ = CheckRules();
}

Call::~Call() {
  if (MeansDeviceFailure(result_) && (rules_ & kLoadsModel) == 0) {
    state_.failed = true;
  }
  if (result_ == ACL_ERROR_RT_STREAM_SYNC_TIMEOUT) state_.hangs = true;
  if (state_.settings.schedule == Schedule::kRandom && !device_failed()) {
    for (const auto& stream : state_.Streams()) {
      if (state_.random() % 4 == 0) stream->Run(1);
    }
  }
  if (state_.trace == nullptr) return;
  const std::string& injected =
      fault_.text.empty() ? sync_fault_.text : fault_.text;
  std::fprintf(state_.trace, "#%llu %s -> %d%s%s\n",
               static_cast<unsigned long long>(site_.number), site_.function,
               result_, injected.empty() ? "" : " injected ", injected.c_str());
  std::fflush(state_.trace);
}

aclError Call::CheckRules() {
  if ((rules_ & kAnyTime) == 0 && !state_.initialized) {
    return Violation((rules_ & kLoadsModel) != 0 ? ACL_ERROR_GE_EXEC_NOT_INIT
                                                 : ACL_ERROR_UNINITIALIZE,
                     "called before aclInit or after aclFinalize");
  }
  if ((rules_ & kNeedsContext) != 0 && context_ == nullptr) {
    return Violation(ACL_ERROR_RT_CONTEXT_NULL,
                     "this thread has no current context, or it was destroyed");
  }
  if ((rules_ & kUsesDevice) != 0) {
    if (state_.failed) {
      Violation(0,
                "the device is used after an earlier call reported a "
                "failure of the device");
    }
    if (lost_) return Result(ACL_ERROR_RT_LOST_HEARTBEAT, "the device is lost");
  }
  if (fault_.code != 0 && (rules_ & (kReleases | kSynchronizes)) == 0) {
    return Result(fault_.code, "injected fault");
  }
  return ACL_SUCCESS;
}

aclError Call::device_error() const {
  return lost_ ? ACL_ERROR_RT_LOST_HEARTBEAT : fault_.code;
}

aclError Call::Result(aclError code, const std::string& text) {
  const bool release_fails = code == ACL_SUCCESS && (rules_ & kReleases) != 0;
  result_ = release_fails ? fault_.code : code;
  if (result_ != ACL_SUCCESS) {
    thread_.error = absl::StrCat("simulator: ", Describe(site_), ": ",
                                 release_fails ? "injected fault" : text);
  }
  return result_;
}

aclError Call::Violation(aclError code, const std::string& text) {
  state_.AddViolation(site_, text);
  return Result(code, text);
}

aclError Call::CheckPointers(std::initializer_list<const void*> pointers) {
  for (const void* pointer : pointers) {
    if (pointer == nullptr) {
      return Result(ACL_ERROR_INVALID_PARAM, "an argument is null");
    }
  }
  return ACL_SUCCESS;
}

aclError Call::GetStream(aclrtStream handle, std::shared_ptr<Stream>* stream) {
  if (handle == nullptr) {
    *stream = context_->default_stream;
    return ACL_SUCCESS;
  }
  SIM_RETURN_IF_ERROR(Get(handle, stream));
  if ((*stream)->context() == thread_.context) return ACL_SUCCESS;
  return Violation(ACL_ERROR_RT_STREAM_CONTEXT,
                   "the stream belongs to another context");
}

void Call::Enqueue(Stream* stream, std::function<aclError()> work,
                   std::vector<const void*> uses) {
  if (sync_fault_.hangs) {
    work = nullptr;
  } else if (sync_fault_.code != 0) {
    work = [code = sync_fault_.code] { return code; };
  }
  stream->Add(Task{site_, std::move(work), std::move(uses)});
  if (state_.settings.schedule == Schedule::kEager) stream->Run(1);
}

aclError Call::Allocate(HeapKind heap, void** pointer, size_t size) {
  SIM_RETURN_IF_ERROR(CheckPointers({static_cast<const void*>(pointer)}));
  *pointer = nullptr;
  if (size == 0) return Result(ACL_ERROR_INVALID_PARAM, "the size is 0");
  *pointer = memory().Allocate(heap, device(), size, site_);
  if (*pointer != nullptr) return Result(ACL_SUCCESS);
  return Result(ACL_ERROR_RT_MEMORY_ALLOCATION,
                absl::StrCat("no room for ", size, " bytes"));
}

aclError Call::Free(HeapKind heap, void* pointer) {
  SIM_RETURN_IF_ERROR(CheckPointers({static_cast<const void*>(pointer)}));
  const std::optional<Block> block = memory().Find(pointer);
  if (block.has_value() && !state_.hangs) {
    for (const auto& stream : state_.Streams()) {
      const std::optional<Site> user = stream->User(*block);
      if (!user.has_value()) continue;
      Violation(0, absl::StrCat("memory is freed before the work of ",
                                Describe(*user), " is synchronised"));
      break;
    }
  }
  const std::string error = memory().Free(heap, pointer);
  if (!error.empty()) {
    const bool freed = !memory().Find(pointer).has_value() && block.has_value();
    return Violation(freed ? ACL_SUCCESS : ACL_ERROR_RT_PARAM_INVALID, error);
  }
  return Result(ACL_SUCCESS);
}

}  // namespace lenet::ascend::sim
