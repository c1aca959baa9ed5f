// What clang's instrumentation of memory (`-fsanitize=thread`, none of whose runtime is linked) calls before each access of a
// kernel. An access is checked against what the dispatch may touch, and reported where races are looked for.
#pragma once
#include "runtime.h"

#define NEARFIELD_HOOK extern "C" __attribute__((used, visibility("hidden"), no_sanitize("thread")))
#define NEARFIELD_RETURN reinterpret_cast<runtime::address>(__builtin_return_address(0))
#define NEARFIELD_ACCESS(size) \
  NEARFIELD_HOOK void __tsan_read##size(void* at) { runtime::touched(runtime::address(at), size, runtime::READ, NEARFIELD_RETURN); } \
  NEARFIELD_HOOK void __tsan_write##size(void* at) { runtime::touched(runtime::address(at), size, runtime::WRITE, NEARFIELD_RETURN); } \
  NEARFIELD_HOOK void __tsan_read_write##size(void* at) { runtime::touched(runtime::address(at), size, runtime::WRITE, NEARFIELD_RETURN); } \
  NEARFIELD_HOOK void __tsan_unaligned_read##size(void* at) { runtime::touched(runtime::address(at), size, runtime::READ, NEARFIELD_RETURN); } \
  NEARFIELD_HOOK void __tsan_unaligned_write##size(void* at) { runtime::touched(runtime::address(at), size, runtime::WRITE, NEARFIELD_RETURN); } \
  NEARFIELD_HOOK void __tsan_unaligned_read_write##size(void* at) { \
    runtime::touched(runtime::address(at), size, runtime::WRITE, NEARFIELD_RETURN); \
  }
NEARFIELD_ACCESS(1) NEARFIELD_ACCESS(2) NEARFIELD_ACCESS(4) NEARFIELD_ACCESS(8) NEARFIELD_ACCESS(16)

// Structs and arrays that are copied or filled whole.
NEARFIELD_HOOK void* __tsan_memcpy(void* to, const void* from, __SIZE_TYPE__ bytes) {
  runtime::touched(runtime::address(from), bytes, runtime::READ, NEARFIELD_RETURN);
  runtime::touched(runtime::address(to), bytes, runtime::WRITE, NEARFIELD_RETURN);
  return __builtin_memcpy(to, from, bytes);
}
NEARFIELD_HOOK void* __tsan_memmove(void* to, const void* from, __SIZE_TYPE__ bytes) {
  runtime::touched(runtime::address(from), bytes, runtime::READ, NEARFIELD_RETURN);
  runtime::touched(runtime::address(to), bytes, runtime::WRITE, NEARFIELD_RETURN);
  return __builtin_memmove(to, from, bytes);
}
NEARFIELD_HOOK void* __tsan_memset(void* to, int value, __SIZE_TYPE__ bytes) {
  runtime::touched(runtime::address(to), bytes, runtime::WRITE, NEARFIELD_RETURN);
  return __builtin_memset(to, value, bytes);
}

NEARFIELD_HOOK void __tsan_init() {}
NEARFIELD_HOOK void __tsan_func_entry(void*) {}
NEARFIELD_HOOK void __tsan_func_exit() {}
NEARFIELD_HOOK void __tsan_vptr_update(void*, void*) {}
NEARFIELD_HOOK void __tsan_vptr_read(void*) {}
NEARFIELD_HOOK void __tsan_ignore_thread_begin() {}
NEARFIELD_HOOK void __tsan_ignore_thread_end() {}
