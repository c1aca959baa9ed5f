// Vectors. A vector holds one of clang's own, so that an operator is one instruction and a copy from memory one access, which is
// how the instrumentation of memory should see it.
#pragma once

// Small functions vanish into the kernel, at any level of optimisation, and what is left of them has the kernel's line. `static`
// keeps them out of the shared object's symbols.
#define NEARFIELD_MEMBER __attribute__((always_inline, nodebug))
#define NEARFIELD_INLINE static inline NEARFIELD_MEMBER

namespace metal {
// Keeps a parameter out of template deduction, so that a scalar beside a vector converts to the vector's element.
template <class T> struct plain { typedef T type; };
template <class T> using scalar = typename plain<T>::type;

// clang packs vectors of bool into bits; bytes have the size that Metal gives them.
template <class T> struct stored { typedef T type; };
template <> struct stored<bool> { typedef uchar type; };
template <class T, int N> using native = typename stored<T>::type __attribute__((ext_vector_type(N)));

template <class T, int N> struct vec;

template <class T, int N> NEARFIELD_INLINE vec<T, N> from_native(native<T, N> value) {
  vec<T, N> result;
  result.v = value;
  return result;
}

// One component can be assigned: as in Metal the whole vector is then read and written.
#define NEARFIELD_COMPONENT(name) \
  NEARFIELD_MEMBER T get_##name() const { return T(v.name); } \
  NEARFIELD_MEMBER T put_##name(T value) { v.name = value; return value; } \
  __declspec(property(get = get_##name, put = put_##name)) T name;
// Every swizzle, as a property that is read through a function: WGSL never assigns to one of several components.
#define NEARFIELD_SWIZZLE(n, name) \
  NEARFIELD_MEMBER vec<T, n> get_##name() const { return from_native<T, n>(v.name); } \
  __declspec(property(get = get_##name)) vec<T, n> name;
#define NEARFIELD_END_2(n, p) NEARFIELD_SWIZZLE(n, p##x) NEARFIELD_SWIZZLE(n, p##y)
#define NEARFIELD_END_3(n, p) NEARFIELD_END_2(n, p) NEARFIELD_SWIZZLE(n, p##z)
#define NEARFIELD_END_4(n, p) NEARFIELD_END_3(n, p) NEARFIELD_SWIZZLE(n, p##w)
#define NEARFIELD_MIDDLE_2(n, p) NEARFIELD_END_2(n, p##x) NEARFIELD_END_2(n, p##y)
#define NEARFIELD_MIDDLE_3(n, p) NEARFIELD_END_3(n, p##x) NEARFIELD_END_3(n, p##y) NEARFIELD_END_3(n, p##z)
#define NEARFIELD_MIDDLE_4(n, p) NEARFIELD_END_4(n, p##x) NEARFIELD_END_4(n, p##y) NEARFIELD_END_4(n, p##z) NEARFIELD_END_4(n, p##w)
#define NEARFIELD_START_2(n, p) NEARFIELD_MIDDLE_2(n, p##x) NEARFIELD_MIDDLE_2(n, p##y)
#define NEARFIELD_START_3(n, p) NEARFIELD_MIDDLE_3(n, p##x) NEARFIELD_MIDDLE_3(n, p##y) NEARFIELD_MIDDLE_3(n, p##z)
#define NEARFIELD_START_4(n, p) NEARFIELD_MIDDLE_4(n, p##x) NEARFIELD_MIDDLE_4(n, p##y) NEARFIELD_MIDDLE_4(n, p##z) NEARFIELD_MIDDLE_4(n, p##w)
#define NEARFIELD_SWIZZLES(size) NEARFIELD_SWIZZLES_X(size, x) NEARFIELD_SWIZZLES_X(size, y) NEARFIELD_SWIZZLES_##size
#define NEARFIELD_SWIZZLES_X(size, p) \
  NEARFIELD_COMPONENT(p) NEARFIELD_END_##size(2, p) NEARFIELD_MIDDLE_##size(3, p) NEARFIELD_START_##size(4, p)
#define NEARFIELD_SWIZZLES_2
#define NEARFIELD_SWIZZLES_3 NEARFIELD_SWIZZLES_X(3, z)
#define NEARFIELD_SWIZZLES_4 NEARFIELD_SWIZZLES_X(4, z) NEARFIELD_SWIZZLES_X(4, w)

// What the three sizes have in common. An index beyond the vector is a fault like an access beyond a buffer; the check of a
// constant index is folded away.
#define NEARFIELD_VECTOR(size) \
  typedef typename stored<T>::type E; \
  native<T, size> v; \
  NEARFIELD_SWIZZLES(size) \
  vec() = default; \
  NEARFIELD_MEMBER constexpr vec(T all) : v((native<T, size>)E(all)) {} \
  template <class U> NEARFIELD_MEMBER explicit vec(vec<U, size> other) : v(converted<T>(other).v) {} \
  NEARFIELD_MEMBER T& operator[](ulong i) { return reinterpret_cast<T*>(&v)[checked_index(&v, i, size)]; } \
  NEARFIELD_MEMBER const T& operator[](ulong i) const { return reinterpret_cast<const T*>(&v)[checked_index(&v, i, size)]; }

// The thread does not go on behind a fault; if a runtime lets it, it gets the first element.
__attribute__((noinline, cold, no_sanitize("thread"))) static ulong index_beyond(const void* vector) {
  runtime::state->outside(reinterpret_cast<runtime::address>(vector), 0, runtime::READ,
                          reinterpret_cast<runtime::address>(__builtin_return_address(0)));
  return 0;
}
NEARFIELD_INLINE ulong checked_index(const void* vector, ulong i, ulong size) {
  return __builtin_expect(i < size, 1) ? i : index_beyond(vector);
}

template <class T, class U, int N> NEARFIELD_INLINE vec<T, N> converted(vec<U, N>);

template <class T> struct vec<T, 2> {
  NEARFIELD_VECTOR(2)
  NEARFIELD_MEMBER constexpr vec(T a, T b) : v{E(a), E(b)} {}
};

template <class T> struct vec<T, 3> {
  NEARFIELD_VECTOR(3)
  NEARFIELD_MEMBER constexpr vec(T a, T b, T c) : v{E(a), E(b), E(c)} {}
  NEARFIELD_MEMBER vec(vec<T, 2> a, T b) : vec(a.x, a.y, b) {}
  NEARFIELD_MEMBER vec(T a, vec<T, 2> b) : vec(a, b.x, b.y) {}
};

template <class T> struct vec<T, 4> {
  NEARFIELD_VECTOR(4)
  NEARFIELD_MEMBER constexpr vec(T a, T b, T c, T d) : v{E(a), E(b), E(c), E(d)} {}
  NEARFIELD_MEMBER vec(vec<T, 2> a, T b, T c) : vec(a.x, a.y, b, c) {}
  NEARFIELD_MEMBER vec(T a, vec<T, 2> b, T c) : vec(a, b.x, b.y, c) {}
  NEARFIELD_MEMBER vec(T a, T b, vec<T, 2> c) : vec(a, b, c.x, c.y) {}
  NEARFIELD_MEMBER vec(vec<T, 2> a, vec<T, 2> b) : vec(a.x, a.y, b.x, b.y) {}
  NEARFIELD_MEMBER vec(vec<T, 3> a, T b) : vec(a.x, a.y, a.z, b) {}
  NEARFIELD_MEMBER vec(T a, vec<T, 3> b) : vec(a, b.x, b.y, b.z) {}
};

template <class T, class U> struct same { static constexpr bool value = false; };
template <class T> struct same<T, T> { static constexpr bool value = true; };

// Conversion of every element as a cast of a scalar does it: toward zero from a float to an integer, "not zero" to bool.
template <class T, class U, int N> NEARFIELD_INLINE vec<T, N> converted(vec<U, N> from) {
  if constexpr (same<T, bool>::value) {
    return from_native<T, N>(__builtin_convertvector(from.v != 0, native<uchar, N>) & uchar(1));
  } else {
    return from_native<T, N>(__builtin_convertvector(from.v, native<T, N>));
  }
}

#define NEARFIELD_VECTORS(T) typedef vec<T, 2> T##2; typedef vec<T, 3> T##3; typedef vec<T, 4> T##4;
NEARFIELD_VECTORS(bool) NEARFIELD_VECTORS(char) NEARFIELD_VECTORS(uchar) NEARFIELD_VECTORS(short) NEARFIELD_VECTORS(ushort)
NEARFIELD_VECTORS(int) NEARFIELD_VECTORS(uint) NEARFIELD_VECTORS(long) NEARFIELD_VECTORS(ulong)
NEARFIELD_VECTORS(half) NEARFIELD_VECTORS(float)

// The packed forms differ in alignment alone.
template <class T, int N> struct packed {
  T element[N];
  packed() = default;
  NEARFIELD_MEMBER packed(vec<T, N> from) {
    for (int i = 0; i < N; i++) element[i] = from[i];
  }
  template <class U> NEARFIELD_MEMBER explicit packed(vec<U, N> from) : packed(converted<T>(from)) {}
  NEARFIELD_MEMBER operator vec<T, N>() const {
    vec<T, N> result = {};
    for (int i = 0; i < N; i++) result[i] = element[i];
    return result;
  }
  template <class U> NEARFIELD_MEMBER explicit operator vec<U, N>() const { return converted<U>(vec<T, N>(*this)); }
  NEARFIELD_MEMBER T& operator[](ulong i) { return element[checked_index(this, i, N)]; }
  NEARFIELD_MEMBER const T& operator[](ulong i) const { return element[checked_index(this, i, N)]; }
};
typedef packed<char, 4> packed_char4;
typedef packed<uchar, 4> packed_uchar4;
typedef packed<float, 3> packed_float3;
typedef packed<half, 3> packed_half3;
typedef packed<int, 3> packed_int3;
typedef packed<uint, 3> packed_uint3;
}  // namespace metal

// Scalars, vectors and packed vectors need no prefix; functions do.
#define NEARFIELD_GLOBAL(T) using metal::T##2; using metal::T##3; using metal::T##4;
NEARFIELD_GLOBAL(bool) NEARFIELD_GLOBAL(char) NEARFIELD_GLOBAL(uchar) NEARFIELD_GLOBAL(short) NEARFIELD_GLOBAL(ushort)
NEARFIELD_GLOBAL(int) NEARFIELD_GLOBAL(uint) NEARFIELD_GLOBAL(long) NEARFIELD_GLOBAL(ulong) NEARFIELD_GLOBAL(half) NEARFIELD_GLOBAL(float)
using metal::packed_char4;
using metal::packed_uchar4;
using metal::packed_float3;
using metal::packed_half3;
using metal::packed_int3;
using metal::packed_uint3;

template <class To, class From> NEARFIELD_INLINE To as_type(From value) {
  static_assert(sizeof(To) == sizeof(From), "as_type keeps the size");
  return __builtin_bit_cast(To, value);
}
