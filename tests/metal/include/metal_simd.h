// Barriers, and what the lanes of a SIMD group do together. Each call says its line, so that the runtime can tell which threads
// stand where. The line is an argument and the way out a pointer: whatever the optimiser duplicates or merges, every thread makes
// the same calls with the same lines in the same order.
#pragma once

// A function of the runtime's side: it reads memory that is not the kernel's, which the instrumentation must not see. It stays a
// function of its own, so that its return address is the kernel's line.
#define NEARFIELD_RUNTIME static __attribute__((noinline, no_sanitize("thread")))

namespace metal {
// Every lane's value, in the order of lanes, until the lanes' next exchange.
template <class T> __attribute__((no_sanitize("thread"))) NEARFIELD_INLINE const T* gather(const T& mine, runtime::What what, unsigned line) {
  return static_cast<const T*>(runtime::state->exchange(&mine, sizeof(T), what, line));
}

enum class mem_flags { mem_none = 0, mem_device = 1, mem_threadgroup = 2 };
NEARFIELD_INLINE mem_flags operator|(mem_flags a, mem_flags b) { return mem_flags(int(a) | int(b)); }
NEARFIELD_RUNTIME void threadgroup_barrier(mem_flags flags, unsigned line = __builtin_LINE()) {
  runtime::state->barrier(unsigned(flags), line);
}
NEARFIELD_RUNTIME void simdgroup_barrier(mem_flags flags, unsigned line = __builtin_LINE()) {
  gather(flags, runtime::SIMD_BARRIER, line);
}

// Lanes of this SIMD group that have a thread: a workgroup may end within its last group.
__attribute__((no_sanitize("thread"))) NEARFIELD_INLINE uint lanes_present() {
  const runtime::State& s = *runtime::state;
  const uint behind = s.local_size[0] * s.local_size[1] * s.local_size[2] - s.simdgroup * runtime::LANES;
  return behind < runtime::LANES ? behind : runtime::LANES;
}

// The lanes' values from the first to the last, one after the other.
#define NEARFIELD_REDUCE(name, expression) \
  template <class T> NEARFIELD_RUNTIME T name(T mine, unsigned line = __builtin_LINE()) { \
    const T* lanes = gather(mine, runtime::REDUCE, line); \
    T a = lanes[0]; \
    for (uint lane = 1, end = lanes_present(); lane < end; lane++) { \
      const T b = lanes[lane]; \
      a = expression; \
    } \
    return a; \
  }
NEARFIELD_REDUCE(simd_sum, a + b) NEARFIELD_REDUCE(simd_product, a * b)
NEARFIELD_REDUCE(simd_min, min(a, b)) NEARFIELD_REDUCE(simd_max, max(a, b))
NEARFIELD_REDUCE(simd_and, a & b) NEARFIELD_REDUCE(simd_or, a | b) NEARFIELD_REDUCE(simd_xor, a ^ b)

// The same up to this lane, without it or with it.
#define NEARFIELD_PREFIX(name, neutral, op, inclusive) \
  template <class T> NEARFIELD_RUNTIME T name(T mine, unsigned line = __builtin_LINE()) { \
    const T* lanes = gather(mine, runtime::REDUCE, line); \
    T a = T(neutral); \
    for (uint lane = 0, end = runtime::state->lane + inclusive; lane < end; lane++) a = a op lanes[lane]; \
    return a; \
  }
NEARFIELD_PREFIX(simd_prefix_exclusive_sum, 0, +, 0) NEARFIELD_PREFIX(simd_prefix_inclusive_sum, 0, +, 1)
NEARFIELD_PREFIX(simd_prefix_exclusive_product, 1, *, 0) NEARFIELD_PREFIX(simd_prefix_inclusive_product, 1, *, 1)

// The value of the lane `from`, an expression of this `lane` and `x`. Metal leaves the value of a lane undefined that does not
// exist: it is poison, as the runtime gives it for a lane without a thread.
#define NEARFIELD_SHUFFLE(name, from) \
  template <class T> NEARFIELD_RUNTIME T name(T mine, ushort x, unsigned line = __builtin_LINE()) { \
    const T* lanes = gather(mine, runtime::SHUFFLE, line); \
    const uint lane = runtime::state->lane, source = from; \
    if (source < runtime::LANES) return lanes[source]; \
    __builtin_memset(static_cast<void*>(&mine), 0xff, sizeof(T)); \
    return mine; \
  }
NEARFIELD_SHUFFLE(simd_broadcast, x) NEARFIELD_SHUFFLE(simd_shuffle, x) NEARFIELD_SHUFFLE(simd_shuffle_xor, lane ^ x)
// Lanes that would reach beyond the group keep their own value.
NEARFIELD_SHUFFLE(simd_shuffle_up, lane >= x ? lane - x : lane)
NEARFIELD_SHUFFLE(simd_shuffle_down, lane + x < runtime::LANES ? lane + x : lane)
NEARFIELD_SHUFFLE(quad_broadcast, x < 4 ? (lane & ~3u) + x : runtime::LANES)
NEARFIELD_SHUFFLE(quad_shuffle, x < 4 ? (lane & ~3u) + x : runtime::LANES)
NEARFIELD_SHUFFLE(quad_shuffle_xor, x < 4 ? lane ^ x : runtime::LANES)
template <class T> NEARFIELD_RUNTIME T simd_broadcast_first(T mine, unsigned line = __builtin_LINE()) {
  return gather(mine, runtime::SHUFFLE, line)[0];
}

struct simd_vote {
  uint64_t lanes;
  explicit operator uint64_t() const { return lanes; }
};
NEARFIELD_RUNTIME simd_vote simd_ballot(bool mine, unsigned line = __builtin_LINE()) {
  const bool* lanes = gather(mine, runtime::VOTE, line);
  uint64_t votes = 0;
  for (uint lane = 0, end = lanes_present(); lane < end; lane++) votes |= uint64_t(lanes[lane]) << lane;
  return {votes};
}
NEARFIELD_INLINE bool simd_any(bool mine, unsigned line = __builtin_LINE()) { return simd_ballot(mine, line).lanes != 0; }
NEARFIELD_INLINE bool simd_all(bool mine, unsigned line = __builtin_LINE()) { return simd_ballot(!mine, line).lanes == 0; }
}  // namespace metal
