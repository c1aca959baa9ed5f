// Operators on vectors. Elements keep their own type: nothing is promoted to int.
#pragma once

namespace metal {
#define NEARFIELD_ARITHMETIC(op) \
  template <class T, int N> NEARFIELD_INLINE vec<T, N> operator op(vec<T, N> a, vec<T, N> b) { return from_native<T, N>(a.v op b.v); } \
  template <class T, int N> NEARFIELD_INLINE vec<T, N> operator op(vec<T, N> a, scalar<T> b) { return a op vec<T, N>(b); } \
  template <class T, int N> NEARFIELD_INLINE vec<T, N> operator op(scalar<T> a, vec<T, N> b) { return vec<T, N>(a) op b; } \
  template <class T, int N> NEARFIELD_INLINE vec<T, N>& operator op##=(vec<T, N>& a, vec<T, N> b) { return a = a op b; } \
  template <class T, int N> NEARFIELD_INLINE vec<T, N>& operator op##=(vec<T, N>& a, scalar<T> b) { return a = a op b; }
NEARFIELD_ARITHMETIC(+) NEARFIELD_ARITHMETIC(-) NEARFIELD_ARITHMETIC(*) NEARFIELD_ARITHMETIC(/) NEARFIELD_ARITHMETIC(%)
NEARFIELD_ARITHMETIC(&) NEARFIELD_ARITHMETIC(|) NEARFIELD_ARITHMETIC(^)

// clang compares to a mask of the elements' width.
#define NEARFIELD_COMPARISON(op) \
  template <class T, int N> NEARFIELD_INLINE vec<bool, N> operator op(vec<T, N> a, vec<T, N> b) { \
    return from_native<bool, N>(__builtin_convertvector(a.v op b.v, native<uchar, N>) & uchar(1)); \
  } \
  template <class T, int N> NEARFIELD_INLINE vec<bool, N> operator op(vec<T, N> a, scalar<T> b) { return a op vec<T, N>(b); } \
  template <class T, int N> NEARFIELD_INLINE vec<bool, N> operator op(scalar<T> a, vec<T, N> b) { return vec<T, N>(a) op b; }
NEARFIELD_COMPARISON(==) NEARFIELD_COMPARISON(!=) NEARFIELD_COMPARISON(<) NEARFIELD_COMPARISON(<=)
NEARFIELD_COMPARISON(>) NEARFIELD_COMPARISON(>=)
template <int N> NEARFIELD_INLINE vec<bool, N> operator&&(vec<bool, N> a, vec<bool, N> b) { return a & b; }
template <int N> NEARFIELD_INLINE vec<bool, N> operator||(vec<bool, N> a, vec<bool, N> b) { return a | b; }

// A shift takes its amount from another element type, modulo the width, which C++ leaves undefined. (The same shift of a scalar
// cannot be defined here.)
#define NEARFIELD_SHIFT(op) \
  template <class T, class U, int N> NEARFIELD_INLINE vec<T, N> operator op(vec<T, N> a, vec<U, N> b) { \
    return from_native<T, N>(a.v op (converted<T>(b).v & T(8 * sizeof(T) - 1))); \
  } \
  template <class T, int N> NEARFIELD_INLINE vec<T, N> operator op(vec<T, N> a, scalar<uint> b) { return a op vec<uint, N>(b); }
NEARFIELD_SHIFT(<<) NEARFIELD_SHIFT(>>)

template <class T, int N> NEARFIELD_INLINE vec<T, N> operator-(vec<T, N> a) { return from_native<T, N>(-a.v); }
template <class T, int N> NEARFIELD_INLINE vec<T, N> operator~(vec<T, N> a) { return from_native<T, N>(~a.v); }
template <int N> NEARFIELD_INLINE vec<bool, N> operator!(vec<bool, N> a) { return a ^ vec<bool, N>(true); }

template <int N> NEARFIELD_INLINE bool all(vec<bool, N> a) { return __builtin_reduce_and(a.v) != 0; }
template <int N> NEARFIELD_INLINE bool any(vec<bool, N> a) { return __builtin_reduce_or(a.v) != 0; }

// The second where the condition holds.
template <class T> NEARFIELD_INLINE T select(T a, T b, bool condition) { return condition ? b : a; }
template <class T, int N> NEARFIELD_INLINE vec<T, N> select(vec<T, N> a, vec<T, N> b, vec<bool, N> condition) {
  return from_native<T, N>(__builtin_convertvector(condition.v, decltype(a.v != a.v)) != 0 ? b.v : a.v);
}
template <class T, int N> NEARFIELD_INLINE vec<T, N> select(vec<T, N> a, scalar<T> b, vec<bool, N> condition) {
  return select(a, vec<T, N>(b), condition);
}
}  // namespace metal
