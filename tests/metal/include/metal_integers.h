// Functions of integers and their bits, and of floats packed into integers.
#pragma once

namespace metal {
template <class T> NEARFIELD_INLINE T abs(T a) {
  if constexpr (T(-1) > T(0)) return a;
  else return __builtin_elementwise_abs(a);
}
template <class T, int N> NEARFIELD_INLINE vec<T, N> abs(vec<T, N> a) {
  if constexpr (T(-1) > T(0)) return a;
  else return from_native<T, N>(__builtin_elementwise_abs(a.v));
}

// `expression` of the scalar `a` of type T, widened without its sign to the ulong `bits`.
#define NEARFIELD_BITS(name, expression) \
  template <class T> NEARFIELD_INLINE T name(T a) { \
    constexpr int width = 8 * sizeof(T); \
    const ulong bits = width == 64 ? ulong(a) : ulong(a) & ((1ul << (width % 64)) - 1); \
    return T(expression); \
  } \
  template <class T, int N> NEARFIELD_INLINE vec<T, N> name(vec<T, N> a) { return each<T, N>(name, a); }
NEARFIELD_BITS(popcount, __builtin_popcountl(bits))
NEARFIELD_BITS(clz, bits ? __builtin_clzl(bits) - (64 - width) : width)
NEARFIELD_BITS(ctz, bits ? __builtin_ctzl(bits) : width)
NEARFIELD_BITS(reverse_bits, __builtin_bitreverse64(bits) >> (64 - width))

// Bits from `offset` on, with the sign of T; nothing for no bits.
template <class T> NEARFIELD_INLINE T extract_bits(T a, uint offset, uint count) {
  const uint width = 8 * sizeof(T), above = (width - offset - count) % width;
  return count == 0 ? T(0) : T(T(a << above) >> ((width - count) % width));
}
template <class T> NEARFIELD_INLINE T insert_bits(T base, T bits, uint offset, uint count) {
  if (count == 0) return base;
  const ulong mask = (~0ul >> (64 - count)) << offset;
  return T((ulong(base) & ~mask) | ((ulong(bits) << offset) & mask));
}
template <class T, int N> NEARFIELD_INLINE vec<T, N> extract_bits(vec<T, N> a, uint offset, uint count) {
  for (int i = 0; i < N; i++) a.v[i] = extract_bits(T(a.v[i]), offset, count);
  return a;
}
template <class T, int N> NEARFIELD_INLINE vec<T, N> insert_bits(vec<T, N> base, vec<T, N> bits, uint offset, uint count) {
  for (int i = 0; i < N; i++) base.v[i] = insert_bits(T(base.v[i]), T(bits.v[i]), offset, count);
  return base;
}

// The most negative integer and the one above it both stand for -1.
NEARFIELD_INLINE float4 unpack_snorm4x8_to_float(uint a) { return max(float4(as_type<char4>(a)) / 127.0f, -1.0f); }
NEARFIELD_INLINE float4 unpack_unorm4x8_to_float(uint a) { return float4(as_type<uchar4>(a)) / 255.0f; }
NEARFIELD_INLINE float2 unpack_snorm2x16_to_float(uint a) { return max(float2(as_type<short2>(a)) / 32767.0f, -1.0f); }
NEARFIELD_INLINE float2 unpack_unorm2x16_to_float(uint a) { return float2(as_type<ushort2>(a)) / 65535.0f; }
NEARFIELD_INLINE uint pack_float_to_snorm4x8(float4 a) { return as_type<uint>(char4(rint(clamp(a, -1.0f, 1.0f) * 127.0f))); }
NEARFIELD_INLINE uint pack_float_to_unorm4x8(float4 a) { return as_type<uint>(uchar4(rint(saturate(a) * 255.0f))); }
NEARFIELD_INLINE uint pack_float_to_snorm2x16(float2 a) { return as_type<uint>(short2(rint(clamp(a, -1.0f, 1.0f) * 32767.0f))); }
NEARFIELD_INLINE uint pack_float_to_unorm2x16(float2 a) { return as_type<uint>(ushort2(rint(saturate(a) * 65535.0f))); }
}  // namespace metal
