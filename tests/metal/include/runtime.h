// What a translated kernel and the runtime that executes it share: one thread's place, and the calls that lead out of the
// kernel. The layout of `State` is that of src/run/state.rs. No C++ library is needed.
#pragma once

// Lanes of a SIMD group.
#ifndef NEARFIELD_LANES
#define NEARFIELD_LANES 32
#endif

namespace runtime {
typedef __UINT32_TYPE__ u32;
typedef __UINT64_TYPE__ u64;
typedef __UINTPTR_TYPE__ address;

constexpr u32 LANES = NEARFIELD_LANES;

// Memory that the dispatch may touch: a buffer's binding or a workgroup variable.
struct Range {
  address begin, end;
};

struct State {
  // The stack of the thread that runs.
  address stack_begin, stack_end;
  // Its place.
  u32 group[3], groups[3], local[3], local_size[3];
  u32 thread, lane, simdgroup, simdgroups;
  // The order in which a SIMD group's lanes hold the 64 elements of a matrix: `matrix[lane * (64 / LANES) + slot]`.
  u32 matrix[64];
  // Workgroup variables first, then buffers.
  const Range* ranges;
  u32 shared_ranges, all_ranges;
  void* const* buffers;
  void* const* shared;
  void (*barrier)(u32 flags, u32 line);
  const void* (*exchange)(const void* mine, u32 bytes, u32 what, u32 line);
  void (*outside)(address at, u32 bytes, u32 write, address code);
  // Null unless races are looked for.
  void (*touch)(address at, u32 bytes, u32 how, address code);
  // The lanes of a SIMD group name different matrices in memory.
  void (*disagree)(u32 what, u32 line);
};

// Set once, when the kernel is loaded: a kernel runs on one thread of the host at a time.
static const State* state;

// How memory is touched.
enum { READ = 0, WRITE = 1, ATOMIC = 2 };

// What the lanes of a SIMD group do together.
enum What : u32 { SIMD_BARRIER, SHUFFLE, REDUCE, VOTE, MATRIX_LOAD, MATRIX_STORE, MATRIX_MULTIPLY };

// Every access of a kernel comes here, so it is part of each call.
__attribute__((no_sanitize("thread"), always_inline)) static inline void touched(address at, u32 bytes, u32 how, address code) {
  if (at >= state->stack_begin && at + bytes <= state->stack_end) return;
  const u32 count = state->all_ranges;
  // What was touched last is touched next, mostly.
  static u32 last;
  u32 i = last < count ? last : 0;
  for (u32 tried = 0; tried < count; tried++) {
    if (at >= state->ranges[i].begin && at + bytes <= state->ranges[i].end) {
      last = i;
      if (state->touch && i < state->shared_ranges) state->touch(at, bytes, how, code);
      return;
    }
    i = i + 1 < count ? i + 1 : 0;
  }
  state->outside(at, bytes, how, code);
}

// clang leaves atomics to us: `-tsan-instrument-atomics=0`.
#define NEARFIELD_ATOMIC_TOUCH(pointer) \
  runtime::touched(reinterpret_cast<runtime::address>(pointer), sizeof(*(pointer)), runtime::ATOMIC, \
                   reinterpret_cast<runtime::address>(__builtin_return_address(0)))
}  // namespace runtime
