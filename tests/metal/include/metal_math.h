// Functions of floats, for scalars and vectors. A half is rounded after every operation: what is computed in float or double
// is computed so that the one rounding to half gives the nearest. Functions that have no such rule (exp, sin, ...) are libm's.
#pragma once

namespace metal {
// Each element by itself.
template <class T, int N> NEARFIELD_INLINE vec<T, N> each(T (*f)(T), vec<T, N> a) {
  vec<T, N> result = {};
  for (int i = 0; i < N; i++) result.v[i] = f(a.v[i]);
  return result;
}
template <class T, int N> NEARFIELD_INLINE vec<T, N> each(T (*f)(T, T), vec<T, N> a, vec<T, N> b) {
  vec<T, N> result = {};
  for (int i = 0; i < N; i++) result.v[i] = f(a.v[i], b.v[i]);
  return result;
}
template <class T, int N> NEARFIELD_INLINE vec<T, N> each(T (*f)(T, T, T), vec<T, N> a, vec<T, N> b, vec<T, N> c) {
  vec<T, N> result = {};
  for (int i = 0; i < N; i++) result.v[i] = f(a.v[i], b.v[i], c.v[i]);
  return result;
}

// What clang has an instruction for, with the same name for scalars and vectors.
#define NEARFIELD_BUILTIN(name, builtin) \
  NEARFIELD_INLINE float name(float a) { return builtin(a); } \
  NEARFIELD_INLINE half name(half a) { return builtin(a); } \
  template <int N> NEARFIELD_INLINE vec<float, N> name(vec<float, N> a) { return from_native<float, N>(builtin(a.v)); } \
  template <int N> NEARFIELD_INLINE vec<half, N> name(vec<half, N> a) { return from_native<half, N>(builtin(a.v)); }
NEARFIELD_BUILTIN(ceil, __builtin_elementwise_ceil) NEARFIELD_BUILTIN(floor, __builtin_elementwise_floor)
NEARFIELD_BUILTIN(rint, __builtin_elementwise_roundeven) NEARFIELD_BUILTIN(trunc, __builtin_elementwise_trunc)

// `expression` of the float `a` (and `b`, `c`).
#define NEARFIELD_UNARY(name, expression) \
  NEARFIELD_INLINE float name(float a) { return expression; } \
  NEARFIELD_INLINE half name(half a) { return half(name(float(a))); } \
  template <class T, int N> NEARFIELD_INLINE vec<T, N> name(vec<T, N> a) { return each<T, N>(name, a); }
#define NEARFIELD_BINARY(name, expression) \
  NEARFIELD_INLINE float name(float a, float b) { return expression; } \
  NEARFIELD_INLINE half name(half a, half b) { return half(name(float(a), float(b))); } \
  template <class T, int N> NEARFIELD_INLINE vec<T, N> name(vec<T, N> a, vec<T, N> b) { return each<T, N>(name, a, b); }
NEARFIELD_UNARY(acos, __builtin_acosf(a)) NEARFIELD_UNARY(acosh, __builtin_acoshf(a)) NEARFIELD_UNARY(asin, __builtin_asinf(a))
NEARFIELD_UNARY(asinh, __builtin_asinhf(a)) NEARFIELD_UNARY(atan, __builtin_atanf(a)) NEARFIELD_UNARY(atanh, __builtin_atanhf(a))
NEARFIELD_UNARY(cos, __builtin_cosf(a)) NEARFIELD_UNARY(cosh, __builtin_coshf(a)) NEARFIELD_UNARY(exp, __builtin_expf(a))
NEARFIELD_UNARY(exp2, __builtin_exp2f(a)) NEARFIELD_UNARY(log, __builtin_logf(a)) NEARFIELD_UNARY(log2, __builtin_log2f(a))
NEARFIELD_UNARY(sin, __builtin_sinf(a)) NEARFIELD_UNARY(sinh, __builtin_sinhf(a)) NEARFIELD_UNARY(tan, __builtin_tanf(a))
NEARFIELD_UNARY(tanh, __builtin_tanhf(a)) NEARFIELD_UNARY(sqrt, __builtin_sqrtf(a)) NEARFIELD_UNARY(rsqrt, 1.0f / __builtin_sqrtf(a))
// Halves away from zero.
NEARFIELD_UNARY(round, __builtin_roundf(a))
NEARFIELD_UNARY(sign, a > 0 ? 1.0f : a < 0 ? -1.0f : a == 0 ? a : 0.0f)
NEARFIELD_BINARY(atan2, __builtin_atan2f(a, b)) NEARFIELD_BINARY(fmod, __builtin_fmodf(a, b)) NEARFIELD_BINARY(pow, __builtin_powf(a, b))
NEARFIELD_BINARY(step, b < a ? 0.0f : 1.0f)

// A double whose rounding to half is right: bits beyond a float's go into its last bit, so that the value is a float, and its
// distance from the middle of two halves stays visible. (A direct cast would call a function of the compiler's library.)
NEARFIELD_INLINE half half_from_double(double value) {
  const ulong bits = __builtin_bit_cast(ulong, value), beyond = bits & 0x1fffffff;
  return half(float(__builtin_bit_cast(double, (bits ^ beyond) | (ulong(beyond != 0) << 29))));
}

NEARFIELD_INLINE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
// The product is exact in a double; where the sum is not, it lies far from the middle of two halves.
NEARFIELD_INLINE half fma(half a, half b, half c) { return half_from_double(double(a) * double(b) + double(c)); }
template <class T, int N> NEARFIELD_INLINE vec<T, N> fma(vec<T, N> a, vec<T, N> b, vec<T, N> c) { return each<T, N>(fma, a, b, c); }
template <int N> NEARFIELD_INLINE vec<float, N> fma(vec<float, N> a, vec<float, N> b, vec<float, N> c) {
#if __has_builtin(__builtin_elementwise_fma)
  return from_native<float, N>(__builtin_elementwise_fma(a.v, b.v, c.v));
#else
#ifdef __FMA__
  if constexpr (N == 4) return from_native<float, N>(__builtin_ia32_vfmaddps(a.v, b.v, c.v));
#endif
  return each<float, N>(fma, a, b, c);
#endif
}

// Of a number and a NaN, the number, as IEEE 754-2008 and Metal have it. One type for all arguments, as in Metal's overloads:
// mixing uint and int is an error there too.
#define NEARFIELD_EXTREME(name, builtin) \
  template <class T> NEARFIELD_INLINE T name(T a, T b) { return builtin(a, b); } \
  template <class T, int N> NEARFIELD_INLINE vec<T, N> name(vec<T, N> a, vec<T, N> b) { return from_native<T, N>(builtin(a.v, b.v)); } \
  template <class T, int N> NEARFIELD_INLINE vec<T, N> name(vec<T, N> a, scalar<T> b) { return name(a, vec<T, N>(b)); }
NEARFIELD_EXTREME(min, __builtin_elementwise_min) NEARFIELD_EXTREME(max, __builtin_elementwise_max)
template <class T> NEARFIELD_INLINE T clamp(T a, T low, T high) { return min(max(a, low), high); }
template <class T, int N> NEARFIELD_INLINE vec<T, N> clamp(vec<T, N> a, scalar<T> low, scalar<T> high) {
  return min(max(a, vec<T, N>(low)), vec<T, N>(high));
}

// What follows is written with the operations above, so that one text serves scalars and vectors of float and half.
#define NEARFIELD_FLOATS(define) \
  define(, float, float) define(, half, half) define(template <int N>, NEARFIELD_LIST(vec<float, N>), float) \
  define(template <int N>, NEARFIELD_LIST(vec<half, N>), half)
#define NEARFIELD_LIST(...) __VA_ARGS__
// The fraction stays below one, where the difference would round to it.
#define NEARFIELD_DEFINE(head, T, S) head NEARFIELD_INLINE T saturate(T a) { return min(max(a, T(S(0))), T(S(1))); }
NEARFIELD_FLOATS(NEARFIELD_DEFINE)
#undef NEARFIELD_DEFINE
#define NEARFIELD_DEFINE(head, T, S) \
  head NEARFIELD_INLINE T fract(T a) { return min(a - floor(a), T(S(sizeof(S) == 2 ? 0x1.ffcp-1f : 0x1.fffffep-1f))); }
NEARFIELD_FLOATS(NEARFIELD_DEFINE)
#undef NEARFIELD_DEFINE
#define NEARFIELD_DEFINE(head, T, S) head NEARFIELD_INLINE T mix(T a, T b, T t) { return a + (b - a) * t; }
NEARFIELD_FLOATS(NEARFIELD_DEFINE)
#undef NEARFIELD_DEFINE
#define NEARFIELD_DEFINE(head, T, S) \
  head NEARFIELD_INLINE T smoothstep(T from, T to, T a) { \
    const T t = saturate((a - from) / (to - from)); \
    return t * t * (T(S(3)) - T(S(2)) * t); \
  }
NEARFIELD_FLOATS(NEARFIELD_DEFINE)
#undef NEARFIELD_DEFINE
template <int N> NEARFIELD_INLINE vec<float, N> mix(vec<float, N> a, vec<float, N> b, float t) { return mix(a, b, vec<float, N>(t)); }

NEARFIELD_INLINE float ldexp(float a, int exponent) { return __builtin_ldexpf(a, exponent); }
template <int N> NEARFIELD_INLINE vec<float, N> ldexp(vec<float, N> a, vec<int, N> exponent) {
  for (int i = 0; i < N; i++) a.v[i] = __builtin_ldexpf(a.v[i], exponent.v[i]);
  return a;
}

// In the order of the elements.
template <class T, int N> NEARFIELD_INLINE T dot(vec<T, N> a, vec<T, N> b) {
  T sum = a.v[0] * b.v[0];
  for (int i = 1; i < N; i++) sum += a.v[i] * b.v[i];
  return sum;
}
template <class T, int N> NEARFIELD_INLINE T length(vec<T, N> a) { return sqrt(dot(a, a)); }
template <class T, int N> NEARFIELD_INLINE T distance(vec<T, N> a, vec<T, N> b) { return length(a - b); }
template <class T, int N> NEARFIELD_INLINE vec<T, N> normalize(vec<T, N> a) { return a * rsqrt(dot(a, a)); }
}  // namespace metal
