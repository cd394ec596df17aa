// libascendcl.so: process, devices, contexts, streams, memory and datasets.

#include <pthread.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "cc/ascend/sim/simulator.h"

namespace lenet::ascend::sim {
namespace {

constexpr size_t kAsyncAlignment = 64;

// Writes the last line of the trace. Ends the process with status 66 if the
// application broke a rule.
void AtExit() {
  State& state = *LenetSimState();
  if (getpid() != state.process) return;  // a forked child
  const std::lock_guard<std::mutex> lock(state.mutex);
  const std::string complaints = state.Complaints();
  if (state.trace != nullptr) {
    std::fprintf(state.trace, "end: %s, peak %zu bytes\n",
                 complaints.empty() ? "ok" : "rules were broken",
                 state.memory.peak());
    if (std::fclose(state.trace) != 0) Die("cannot write the trace");
  }
  if (!complaints.empty()) Die("rules were broken\n" + complaints);
}

void BeforeFork() {
  State& state = *LenetSimState();
  if (getpid() != state.process) return;
  const std::lock_guard<std::mutex> lock(state.mutex);
  if (!state.initialized) return;
  state.AddViolation(state.last_call, "fork after this call");
}

State* MakeState() {
  State* const state = new State(ReadSettings());
  std::atexit(AtExit);
  pthread_atfork(BeforeFork, nullptr, nullptr);
  return state;
}

aclError CheckDevice(Call& call, int32_t device) {
  const int devices = call.state().settings.devices;
  if (device >= 0 && device < devices) return ACL_SUCCESS;
  return call.Result(
      ACL_ERROR_RT_INVALID_DEVICEID,
      absl::StrCat("there is no device ", device, " among ", devices));
}

// Returns the number of objects and blocks of the device that the application
// must release before the reset.
size_t CountLive(Call& call, int32_t device, const void* default_context) {
  size_t live = 0;
  for (const auto& [handle, object] : call.objects().live()) {
    if (object.context == default_context) ++live;
    if (object.kind != Context::kKind || handle == default_context) continue;
    if (std::static_pointer_cast<Context>(object.value)->device == device) {
      ++live;
    }
  }
  for (const Block& block : call.memory().LiveBlocks()) {
    if (block.device == device) ++live;
  }
  return live;
}

// Returns the simulator's address. Returns 507013 and records a violation if
// the memory lies on another side or device, or not within one block. In device
// mode there is one memory.
aclError FindView(Call& call, bool on_device, const void* pointer, size_t bytes,
                  char** view) {
  const bool device_only = on_device && call.memory().run_mode() == ACL_HOST;
  const std::optional<Block> block = call.memory().Find(pointer);
  *view = call.memory().View(device_only ? Side::kDevice : Side::kHost, pointer,
                             bytes);
  const bool on_other_device = block.has_value() &&
                               block->heap != HeapKind::kHost &&
                               block->device != call.device();
  if (*view != nullptr && !on_other_device) return ACL_SUCCESS;
  return call.Violation(
      ACL_ERROR_RT_SYS_DMA,
      absl::StrCat(bytes, " bytes are not within one block of ",
                   on_device ? "device" : "host",
                   " memory that the current context can use"));
}

aclError CheckCount(Call& call, size_t capacity, size_t count) {
  if (count > 0 && count <= capacity) return ACL_SUCCESS;
  return call.Result(ACL_ERROR_RT_PARAM_INVALID,
                     absl::StrCat(count, " bytes for room for ", capacity));
}

// Checks a copy and finds the simulator's addresses.
aclError PrepareCopy(Call& call, void* to, size_t capacity, const void* from,
                     size_t count, aclrtMemcpyKind kind, char** to_view,
                     char** from_view) {
  SIM_RETURN_IF_ERROR(CheckCount(call, capacity, count));
  SIM_RETURN_IF_ERROR(call.CheckPointers({to, from}));
  if (kind > ACL_MEMCPY_DEVICE_TO_DEVICE) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "no such kind of copy");
  }
  const bool to_device =
      kind == ACL_MEMCPY_HOST_TO_DEVICE || kind == ACL_MEMCPY_DEVICE_TO_DEVICE;
  const bool from_device =
      kind == ACL_MEMCPY_DEVICE_TO_HOST || kind == ACL_MEMCPY_DEVICE_TO_DEVICE;
  if (call.memory().run_mode() == ACL_DEVICE && to_device != from_device) {
    return call.Violation(ACL_ERROR_RT_SYS_DMA,
                          "a copy between host and device in device mode, "
                          "which has one memory");
  }
  SIM_RETURN_IF_ERROR(FindView(call, to_device, to, capacity, to_view));
  return FindView(call, from_device, from, count, from_view);
}

// Waits `milliseconds`; -1: as long as it takes.
aclError Synchronize(Call& call, aclrtStream handle, int32_t milliseconds) {
  SIM_GET_STREAM(stream, handle);
  const aclError error = call.device_error();
  if (error != ACL_SUCCESS) {
    stream->Clear();
    return call.Result(error, "injected fault");
  }
  stream->Run(SIZE_MAX);
  if (stream->hangs()) {
    if (milliseconds < 0) {
      Die(Describe(call.site()) + " would wait forever for a hung stream");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    return call.Result(ACL_ERROR_RT_STREAM_SYNC_TIMEOUT,
                       "the work did not end in time");
  }
  return call.Result(stream->Clear(), "work on the stream failed");
}

}  // namespace

extern "C" {

State* LenetSimState() {
  static State* const state = MakeState();  // never destroyed
  return state;
}

ThreadState* LenetSimThread() {
  thread_local ThreadState state;
  return &state;
}

// Process.

aclError aclInit(const char* /*json_path*/) {
  SIM_CALL(kAnyTime);
  // Libraries before 2024 are initialised once per process.
  if (call.state().ever_initialized) {
    return call.Result(ACL_ERROR_REPEAT_INITIALIZE,
                       "aclInit was called before");
  }
  call.state().initialized = true;
  call.state().ever_initialized = true;
  return call.Result(ACL_SUCCESS);
}

aclError aclFinalize() {
  SIM_CALL(kAnyTime | kReleases);
  State& state = call.state();
  if (!state.initialized) {
    return call.Violation(state.ever_initialized ? ACL_ERROR_REPEAT_FINALIZE
                                                 : ACL_ERROR_UNINITIALIZE,
                          "called before aclInit, or a second time");
  }
  const size_t live =
      state.objects.live().size() + state.memory.LiveBlocks().size();
  if (live != 0) {
    call.Violation(0, absl::StrCat(live, " objects and blocks are not freed"));
  }
  state.initialized = false;
  return call.Result(ACL_SUCCESS);
}

aclError aclrtGetVersion(int32_t* major, int32_t* minor, int32_t* patch) {
  SIM_CALL(kAnyTime);
  SIM_RETURN_IF_ERROR(call.CheckPointers({major, minor, patch}));
  *major = 1;
  *minor = 4;
  *patch = 0;
  return call.Result(ACL_SUCCESS);
}

// Returns each message once; it is valid until the next call.
const char* aclGetRecentErrMsg() {
  SIM_CALL_OR(kAnyTime, nullptr);
  ThreadState& thread = call.thread();
  if (thread.error.empty()) return nullptr;
  thread.reported = std::exchange(thread.error, "");
  return thread.reported.c_str();
}

const char* aclrtGetSocName() {
  SIM_CALL_OR(kAnyTime, nullptr);
  if (!call.state().initialized) return nullptr;
  return call.state().soc_name.c_str();
}

// Devices.

aclError aclrtGetDeviceCount(uint32_t* count) {
  SIM_CALL(0);
  SIM_RETURN_IF_ERROR(call.CheckPointers({count}));
  *count = static_cast<uint32_t>(call.state().settings.devices);
  return call.Result(ACL_SUCCESS);
}

aclError aclrtSetDevice(int32_t device) {
  SIM_CALL(kUsesDevice);
  SIM_RETURN_IF_ERROR(CheckDevice(call, device));
  const void*& context = call.state().devices[device];
  if (context == nullptr) {
    context = call.state().AddContext(device, true, call.site());
  }
  call.thread().context = context;
  return call.Result(ACL_SUCCESS);
}

aclError aclrtResetDevice(int32_t device) {
  SIM_CALL(kReleases);
  SIM_RETURN_IF_ERROR(CheckDevice(call, device));
  const auto found = call.state().devices.find(device);
  if (found == call.state().devices.end()) {
    return call.Violation(
        ACL_ERROR_RT_INVALID_DEVICEID,
        absl::StrCat("device ", device, " was not set, or was reset before"));
  }
  const void* const handle = found->second;
  // The reset waits for the default stream, and for no other.
  Stream& stream = *call.objects().Find<Context>(handle)->default_stream;
  if (!call.device_failed()) stream.Run(SIZE_MAX);
  stream.Clear();
  const size_t live = CountLive(call, device, handle);
  if (live != 0) {
    call.Violation(0, absl::StrCat(live,
                                   " contexts, streams, models, channels and "
                                   "blocks of memory of device ",
                                   device, " live"));
  }
  call.objects().Remove(handle);
  call.state().devices.erase(found);
  return call.Result(ACL_SUCCESS);
}

aclError aclrtGetRunMode(aclrtRunMode* mode) {
  SIM_CALL(0);
  SIM_RETURN_IF_ERROR(call.CheckPointers({mode}));
  *mode = call.state().settings.run_mode;
  return call.Result(ACL_SUCCESS);
}

aclError aclrtGetMemInfo(aclrtMemAttr /*kind*/, size_t* free, size_t* total) {
  SIM_CALL(kDeviceWork);
  SIM_RETURN_IF_ERROR(call.CheckPointers({free, total}));
  *total = call.memory().capacity();
  *free = *total - call.memory().used(call.device());
  return call.Result(ACL_SUCCESS);
}

// Contexts and streams.

aclError aclrtCreateContext(aclrtContext* context, int32_t device) {
  SIM_CALL(kUsesDevice);
  SIM_RETURN_IF_ERROR(call.CheckPointers({static_cast<const void*>(context)}));
  SIM_RETURN_IF_ERROR(CheckDevice(call, device));
  if (call.state().devices.count(device) == 0) {
    return call.Violation(ACL_ERROR_RT_PARAM_INVALID,
                          absl::StrCat("device ", device, " was not set"));
  }
  *context = call.state().AddContext(device, false, call.site());
  call.thread().context = *context;
  return call.Result(ACL_SUCCESS);
}

aclError aclrtDestroyContext(aclrtContext handle) {
  SIM_CALL(kReleases);
  SIM_GET(context, Context, handle);
  if (context->is_default) {
    return call.Violation(ACL_ERROR_RT_PARAM_INVALID,
                          "a default context must not be destroyed");
  }
  for (const auto& [other, object] : call.objects().live()) {
    if (object.context != handle) continue;
    call.Violation(0, absl::StrCat("the context still owns the ", object.kind,
                                   " of ", Describe(object.site)));
  }
  if (context->default_stream->busy() && !call.device_failed()) {
    call.Violation(0, "the default stream has work that was not synchronised");
  }
  call.objects().Remove(handle);
  return call.Result(ACL_SUCCESS);
}

aclError aclrtCreateStream(aclrtStream* stream) {
  SIM_CALL(kDeviceWork);
  SIM_RETURN_IF_ERROR(call.CheckPointers({static_cast<const void*>(stream)}));
  const void* const context = call.context_handle();
  *stream = call.objects().Add(std::make_shared<Stream>(context), call.site(),
                               context);
  return call.Result(ACL_SUCCESS);
}

aclError aclrtDestroyStream(aclrtStream handle) {
  SIM_CALL(kNeedsContext | kReleases);
  std::shared_ptr<Stream> stream;
  SIM_RETURN_IF_ERROR(call.CheckPointers({handle}));
  SIM_RETURN_IF_ERROR(call.GetStream(handle, &stream));
  if (stream->busy() && !call.device_failed()) {
    call.Violation(0, "the stream has work that was not synchronised");
  }
  call.objects().Remove(handle);
  return call.Result(ACL_SUCCESS);
}

aclError aclrtSynchronizeStream(aclrtStream stream) {
  SIM_CALL(kNeedsContext | kSynchronizes);
  return Synchronize(call, stream, -1);
}

aclError aclrtSynchronizeStreamWithTimeout(aclrtStream stream,
                                           int32_t milliseconds) {
  SIM_CALL(kNeedsContext | kSynchronizes);
  if (milliseconds < -1 || milliseconds == 0) {
    return call.Result(ACL_ERROR_RT_PARAM_INVALID,
                       "the timeout must be positive, or -1");
  }
  return Synchronize(call, stream, milliseconds);
}

// Memory.

aclError aclrtMalloc(void** pointer, size_t size, aclrtMemMallocPolicy policy) {
  SIM_CALL(kDeviceWork);
  if (policy > ACL_MEM_MALLOC_NORMAL_ONLY) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "no such policy");
  }
  return call.Allocate(HeapKind::kDevice, pointer, size);
}

aclError aclrtFree(void* pointer) {
  SIM_CALL(kNeedsContext | kReleases);
  return call.Free(HeapKind::kDevice, pointer);
}

aclError aclrtMallocHost(void** pointer, size_t size) {
  SIM_CALL(kDeviceWork);
  return call.Allocate(HeapKind::kHost, pointer, size);
}

aclError aclrtFreeHost(void* pointer) {
  SIM_CALL(kNeedsContext | kReleases);
  return call.Free(HeapKind::kHost, pointer);
}

aclError aclrtMemset(void* pointer, size_t capacity, int32_t value,
                     size_t count) {
  SIM_CALL(kDeviceWork);
  SIM_RETURN_IF_ERROR(call.CheckPointers({pointer}));
  SIM_RETURN_IF_ERROR(CheckCount(call, capacity, count));
  const std::optional<Block> block = call.memory().Find(pointer);
  const bool on_device = block.has_value() && block->heap != HeapKind::kHost;
  char* view = nullptr;
  SIM_RETURN_IF_ERROR(FindView(call, on_device, pointer, capacity, &view));
  std::memset(view, value, count);
  return call.Result(ACL_SUCCESS);
}

aclError aclrtMemcpy(void* to, size_t capacity, const void* from, size_t count,
                     aclrtMemcpyKind kind) {
  SIM_CALL(kDeviceWork);
  char* to_view = nullptr;
  char* from_view = nullptr;
  SIM_RETURN_IF_ERROR(
      PrepareCopy(call, to, capacity, from, count, kind, &to_view, &from_view));
  std::memmove(to_view, from_view, count);
  return call.Result(ACL_SUCCESS);
}

aclError aclrtMemcpyAsync(void* to, size_t capacity, const void* from,
                          size_t count, aclrtMemcpyKind kind,
                          aclrtStream handle) {
  SIM_CALL(kDeviceWork);
  SIM_GET_STREAM(stream, handle);
  char* to_view = nullptr;
  char* from_view = nullptr;
  SIM_RETURN_IF_ERROR(
      PrepareCopy(call, to, capacity, from, count, kind, &to_view, &from_view));
  if (kind == ACL_MEMCPY_DEVICE_TO_DEVICE &&
      (reinterpret_cast<uintptr_t>(to) % kAsyncAlignment != 0 ||
       reinterpret_cast<uintptr_t>(from) % kAsyncAlignment != 0)) {
    return call.Result(ACL_ERROR_RT_ADDR_UNALIGNED,
                       "addresses must be multiples of 64");
  }
  const auto work = [to_view, from_view, count] {
    std::memmove(to_view, from_view, count);
    return ACL_SUCCESS;
  };
  call.Enqueue(stream.get(), work, {to, from});
  return call.Result(ACL_SUCCESS);
}

// Data buffers and datasets, which do not own what they point to.

aclDataBuffer* aclCreateDataBuffer(void* data, size_t size) {
  SIM_CALL_OR(0, nullptr);
  const auto buffer = std::make_shared<DataBuffer>();
  buffer->data = data;
  buffer->size = size;
  return static_cast<aclDataBuffer*>(call.objects().Add(buffer, call.site()));
}

aclError aclDestroyDataBuffer(const aclDataBuffer* handle) {
  return Destroy<DataBuffer>(__func__, handle);
}

aclmdlDataset* aclmdlCreateDataset() {
  return static_cast<aclmdlDataset*>(Create<Dataset>(__func__));
}

aclError aclmdlDestroyDataset(const aclmdlDataset* handle) {
  return Destroy<Dataset>(__func__, handle);
}

aclError aclmdlAddDatasetBuffer(aclmdlDataset* handle, aclDataBuffer* added) {
  SIM_CALL(0);
  SIM_GET(dataset, Dataset, handle);
  SIM_GET(buffer, DataBuffer, added);
  dataset->buffers.push_back(added);
  return call.Result(ACL_SUCCESS);
}

}  // extern "C"
}  // namespace lenet::ascend::sim
