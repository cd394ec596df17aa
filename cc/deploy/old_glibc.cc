// Lets a program that is linked against a new glibc start with glibc 2.27.
//
// A program records the newest version of each function that its build machine
// has, and does not start where that version is missing. This file binds those
// newer than 2.27 to their first version, which glibc keeps for old programs,
// or defines them. The definitions are hidden: other libraries use their own.

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#if defined(__x86_64__)
#define FIRST_VERSION "GLIBC_2.2.5"
#define DLINFO_VERSION "GLIBC_2.3.3"
#define JUMP "jmp"
#define PLT "@PLT"
#elif defined(__aarch64__)
#define FIRST_VERSION "GLIBC_2.17"
#define DLINFO_VERSION FIRST_VERSION
#define JUMP "b"
#define PLT ""
#endif

#define HIDDEN extern "C" __attribute__((visibility("hidden")))

// Defines `name` as a jump to this version of glibc's function `target`.
#define BIND_TO(name, target, version)                                     \
  asm(".symver first_" #name ", " #target "@" version                      \
      "\n"                                                                 \
      ".section .text.first_" #name                                        \
      ", \"ax\", %progbits\n"                                              \
      ".globl " #name "\n.hidden " #name "\n.type " #name                  \
      ", %function\n" #name ": " JUMP " first_" #name PLT "\n.size " #name \
      ", . - " #name "\n.text")
#define BIND(name) BIND_TO(name, name, FIRST_VERSION)

// 2.29: other errno. 2.32, 2.34: moved from libpthread, libdl.
BIND(exp);
BIND(log2);
BIND(pow);
BIND(pthread_sigmask);
BIND(dlclose);
BIND(dlerror);
BIND_TO(dlinfo, dlinfo, DLINFO_VERSION);
BIND(dlopen);
BIND(dlsym);
BIND(pthread_create);
BIND(pthread_detach);
BIND(pthread_getspecific);
BIND(pthread_join);
BIND(pthread_key_create);
BIND(__pthread_key_create);
BIND(pthread_key_delete);
BIND(pthread_once);
BIND(pthread_setspecific);

// 2.38: the same with binary numbers, as C23 has them.
BIND_TO(__isoc23_strtol, strtol, FIRST_VERSION);
BIND_TO(__isoc23_strtoll, strtoll, FIRST_VERSION);
BIND_TO(__isoc23_strtoul, strtoul, FIRST_VERSION);
BIND_TO(__isoc23_strtoull, strtoull, FIRST_VERSION);

// 2.33; earlier versions are macros of the headers.
HIDDEN int stat(const char* path, struct stat* result) noexcept {
  return static_cast<int>(syscall(SYS_newfstatat, AT_FDCWD, path, result, 0));
}
HIDDEN int lstat(const char* path, struct stat* result) noexcept {
  return static_cast<int>(
      syscall(SYS_newfstatat, AT_FDCWD, path, result, AT_SYMLINK_NOFOLLOW));
}
HIDDEN int fstat(int file, struct stat* result) noexcept {
  return static_cast<int>(syscall(SYS_fstat, file, result));
}
HIDDEN int fstat64(int file, struct stat64* result) noexcept {
  return static_cast<int>(syscall(SYS_fstat, file, result));
}

// 2.32: 0 means that there may be several threads.
HIDDEN char __libc_single_threaded;
char __libc_single_threaded = 0;

// 2.36
HIDDEN uint32_t arc4random() noexcept {
  uint32_t result = 0;
  if (getrandom(&result, sizeof(result), 0) != sizeof(result)) std::abort();
  return result;
}

// 2.35: finds the frames of a function, for exceptions. The compiler's library
// reads no other member than dlfo_eh_frame.
HIDDEN int _dl_find_object(void* address, dl_find_object* result) noexcept {
  struct Search {
    uintptr_t address;
    void* frames;
  } search = {reinterpret_cast<uintptr_t>(address), nullptr};
  const auto visit = [](dl_phdr_info* object, size_t, void* data) {
    auto* const wanted = static_cast<Search*>(data);
    const ElfW(Phdr)* frames = nullptr;
    bool contains = false;
    for (int i = 0; i < object->dlpi_phnum; ++i) {
      const ElfW(Phdr)& header = object->dlpi_phdr[i];
      const uintptr_t start = object->dlpi_addr + header.p_vaddr;
      if (header.p_type == PT_GNU_EH_FRAME) frames = &header;
      contains |= header.p_type == PT_LOAD && wanted->address >= start &&
                  wanted->address - start < header.p_memsz;
    }
    if (!contains || frames == nullptr) return 0;
    wanted->frames =
        reinterpret_cast<void*>(object->dlpi_addr + frames->p_vaddr);
    return 1;
  };
  if (dl_iterate_phdr(visit, &search) == 0) return -1;
  result->dlfo_eh_frame = search.frames;
  return 0;
}

// 2.34: before, the program itself ran its constructors.
using Function = void (*)(int, char**, char**);
using Main = int (*)(int, char**, char**);
// Weak, because a shared library, which has no main function, lacks them.
HIDDEN __attribute__((weak)) Function __init_array_start[];
HIDDEN __attribute__((weak)) Function __init_array_end[];
extern "C" void _init();

extern "C" int FirstStartMain(Main main, int argc, char** argv, Function init,
                              void (*fini)(), void (*loader_fini)(),
                              void* stack_end);
asm(".symver FirstStartMain, __libc_start_main@" FIRST_VERSION);

HIDDEN int __libc_start_main(Main main, int argc, char** argv, Function,
                             void (*)(), void (*loader_fini)(),
                             void* stack_end) {
  const auto init = [](int count, char** arguments, char** environment) {
    _init();
    for (Function* f = __init_array_start; f != __init_array_end; ++f) {
      (*f)(count, arguments, environment);
    }
  };
  return FirstStartMain(main, argc, argv, init, nullptr, loader_fini,
                        stack_end);
}
