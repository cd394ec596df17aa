#include "cc/inference/interrupt.h"

#include <signal.h>

namespace lenet {
namespace {

volatile sig_atomic_t interrupt_signal = 0;

extern "C" void OnInterrupt(int signal) { interrupt_signal = signal; }

}  // namespace

void CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = &OnInterrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int InterruptSignal() { return interrupt_signal; }

}  // namespace lenet
