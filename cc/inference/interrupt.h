#ifndef CC_INFERENCE_INTERRUPT_H_
#define CC_INFERENCE_INTERRUPT_H_

namespace lenet {

// From now on the first SIGINT or SIGTERM only sets a mark, so that the program
// can remove what it has begun; a second one ends it at once.
void CatchInterrupts();

// The signal that came, 0 if none did.
int InterruptSignal();

}  // namespace lenet

#endif  // CC_INFERENCE_INTERRUPT_H_
