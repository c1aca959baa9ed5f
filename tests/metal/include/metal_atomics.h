// Atomics, relaxed as all of Metal's. The instrumentation leaves them out: each says itself what it touches, as a function of its
// own, whose return address is the kernel's line.
#pragma once

namespace metal {
enum memory_order { memory_order_relaxed };
template <class T> struct atomic {
  T hidden;
};
typedef atomic<int> atomic_int;
typedef atomic<uint> atomic_uint;
typedef atomic<ulong> atomic_ulong;
typedef atomic<float> atomic_float;

// clang's builtins of one operation know integers alone; `expression` of what `was` there and the `operand` covers the rest.
#define NEARFIELD_ATOMIC(name, builtin, expression) \
  template <class T> NEARFIELD_RUNTIME T name(volatile atomic<T>* at, scalar<T> operand, memory_order) { \
    NEARFIELD_ATOMIC_TOUCH(at); \
    if constexpr (same<T, float>::value) { \
      uint seen = __atomic_load_n(reinterpret_cast<volatile uint*>(at), __ATOMIC_RELAXED), next; \
      T was; \
      do { \
        was = __builtin_bit_cast(T, seen); \
        next = __builtin_bit_cast(uint, expression); \
      } while (!__atomic_compare_exchange_n(reinterpret_cast<volatile uint*>(at), &seen, next, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)); \
      return was; \
    } else { \
      return builtin(&at->hidden, operand, __ATOMIC_RELAXED); \
    } \
  }
NEARFIELD_ATOMIC(atomic_fetch_add_explicit, __atomic_fetch_add, was + operand)
NEARFIELD_ATOMIC(atomic_fetch_sub_explicit, __atomic_fetch_sub, was - operand)
NEARFIELD_ATOMIC(atomic_exchange_explicit, __atomic_exchange_n, operand)
// These take integers alone.
#define NEARFIELD_ATOMIC_INTEGER(name, builtin) \
  template <class T> NEARFIELD_RUNTIME T name(volatile atomic<T>* at, scalar<T> operand, memory_order) { \
    NEARFIELD_ATOMIC_TOUCH(at); \
    return builtin(&at->hidden, operand, __ATOMIC_RELAXED); \
  }
NEARFIELD_ATOMIC_INTEGER(atomic_fetch_and_explicit, __atomic_fetch_and) NEARFIELD_ATOMIC_INTEGER(atomic_fetch_or_explicit, __atomic_fetch_or)
NEARFIELD_ATOMIC_INTEGER(atomic_fetch_xor_explicit, __atomic_fetch_xor)
NEARFIELD_ATOMIC_INTEGER(atomic_fetch_min_explicit, __atomic_fetch_min) NEARFIELD_ATOMIC_INTEGER(atomic_fetch_max_explicit, __atomic_fetch_max)

template <class T> NEARFIELD_RUNTIME T atomic_load_explicit(const volatile atomic<T>* at, memory_order) {
  NEARFIELD_ATOMIC_TOUCH(at);
  T value;
  __atomic_load(&at->hidden, &value, __ATOMIC_RELAXED);
  return value;
}
template <class T> NEARFIELD_RUNTIME void atomic_store_explicit(volatile atomic<T>* at, scalar<T> value, memory_order) {
  NEARFIELD_ATOMIC_TOUCH(at);
  __atomic_store(&at->hidden, &value, __ATOMIC_RELAXED);
}
// Compares bits. It never fails without cause, as a weak one may.
template <class T>
NEARFIELD_RUNTIME bool atomic_compare_exchange_weak_explicit(volatile atomic<T>* at, T* expected, scalar<T> desired, memory_order, memory_order) {
  NEARFIELD_ATOMIC_TOUCH(at);
  return __atomic_compare_exchange(&at->hidden, expected, &desired, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}
// 64 bits know minimum and maximum alone, and only without a result.
NEARFIELD_RUNTIME void atomic_min_explicit(volatile atomic_ulong* at, ulong operand, memory_order) {
  NEARFIELD_ATOMIC_TOUCH(at);
  __atomic_fetch_min(&at->hidden, operand, __ATOMIC_RELAXED);
}
NEARFIELD_RUNTIME void atomic_max_explicit(volatile atomic_ulong* at, ulong operand, memory_order) {
  NEARFIELD_ATOMIC_TOUCH(at);
  __atomic_fetch_max(&at->hidden, operand, __ATOMIC_RELAXED);
}
}  // namespace metal
