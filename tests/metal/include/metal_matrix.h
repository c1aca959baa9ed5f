// Matrices of a SIMD group: 8 x 8 is the only size. Which lane holds which elements is the runtime's secret: slot `slot` of lane
// `lane` holds element `state->matrix[lane * SLOTS + slot]`, counted along the rows.
#pragma once

namespace metal {
constexpr uint SLOTS = 64 / runtime::LANES;
static_assert(SLOTS * runtime::LANES == 64, "a SIMD group has 4 to 64 lanes, a power of two");

template <class T, int C, int R> struct simdgroup_matrix;
template <class T> struct simdgroup_matrix<T, 8, 8> {
  T element[SLOTS];
};
typedef simdgroup_matrix<float, 8, 8> simdgroup_float8x8;
typedef simdgroup_matrix<half, 8, 8> simdgroup_half8x8;

// Every lane must name the same matrix in memory.
struct matrix_place {
  ulong at, stride, x, y, transpose;
};
__attribute__((no_sanitize("thread"))) NEARFIELD_INLINE void agree(const matrix_place& mine, runtime::What what, unsigned line) {
  const matrix_place* lanes = gather(mine, what, line);
  for (uint lane = 0, end = lanes_present(); lane < end; lane++) {
    const matrix_place& other = lanes[lane];
    if (other.at != mine.at || other.stride != mine.stride || other.x != mine.x || other.y != mine.y || other.transpose != mine.transpose) {
      runtime::state->disagree(what, line);
      return;
    }
  }
}
// Where this lane's element lies.
__attribute__((no_sanitize("thread"))) NEARFIELD_INLINE ulong matrix_offset(uint slot, ulong stride, ulong2 origin, bool transpose) {
  const uint element = runtime::state->matrix[runtime::state->lane * SLOTS + slot];
  const ulong row = element / 8, column = element % 8;
  return (origin.y + (transpose ? column : row)) * stride + origin.x + (transpose ? row : column);
}
#define NEARFIELD_TOUCH(pointer, how) \
  runtime::touched(reinterpret_cast<runtime::address>(pointer), sizeof(*(pointer)), runtime::how, \
                   reinterpret_cast<runtime::address>(__builtin_return_address(0)))

// Elements are scalars of the matrix's own type: a pointer to vectors does not do.
template <class T>
NEARFIELD_RUNTIME void simdgroup_load(simdgroup_matrix<T, 8, 8>& matrix, const T* from, ulong stride = 8, ulong2 origin = 0,
                                      bool transpose = false, unsigned line = __builtin_LINE()) {
  agree({reinterpret_cast<ulong>(from), stride, origin.x, origin.y, transpose}, runtime::MATRIX_LOAD, line);
  for (uint slot = 0; slot < SLOTS; slot++) {
    const T* at = from + matrix_offset(slot, stride, origin, transpose);
    NEARFIELD_TOUCH(at, READ);
    matrix.element[slot] = *at;
  }
}
template <class T>
NEARFIELD_RUNTIME void simdgroup_store(simdgroup_matrix<T, 8, 8> matrix, T* to, ulong stride = 8, ulong2 origin = 0,
                                       bool transpose = false, unsigned line = __builtin_LINE()) {
  agree({reinterpret_cast<ulong>(to), stride, origin.x, origin.y, transpose}, runtime::MATRIX_STORE, line);
  for (uint slot = 0; slot < SLOTS; slot++) {
    T* at = to + matrix_offset(slot, stride, origin, transpose);
    NEARFIELD_TOUCH(at, WRITE);
    *at = matrix.element[slot];
  }
}

// The inverse of `state->matrix`: where among all lanes' slots an element lies. Computed when the order is a new one.
__attribute__((noinline, no_sanitize("thread"))) static const unsigned char* matrix_slots() {
  static uint known[64];
  static unsigned char slots[64];
  const uint* order = runtime::state->matrix;
  uint changed = 0;
  for (uint i = 0; i < 64; i++) changed |= known[i] ^ order[i];
  if (changed) {
    for (uint i = 0; i < 64; i++) slots[known[i] = order[i]] = i;
  }
  return slots;
}

template <class A> struct matrix_factors {
  A a[SLOTS], b[SLOTS];
};
// Products are added to the third matrix one after the other, each with one rounding to float, and the sum is rounded once to
// the type of the result. Apple does not say how its units do it.
template <class D, class A, class C>
NEARFIELD_RUNTIME void simdgroup_multiply_accumulate(simdgroup_matrix<D, 8, 8>& d, const simdgroup_matrix<A, 8, 8>& a,
                                                     const simdgroup_matrix<A, 8, 8>& b, const simdgroup_matrix<C, 8, 8>& c,
                                                     unsigned line = __builtin_LINE()) {
  matrix_factors<A> mine;
  for (uint slot = 0; slot < SLOTS; slot++) {
    mine.a[slot] = a.element[slot];
    mine.b[slot] = b.element[slot];
  }
  const matrix_factors<A>* lanes = gather(mine, runtime::MATRIX_MULTIPLY, line);
  const unsigned char* slots = matrix_slots();
  const uint* order = runtime::state->matrix + runtime::state->lane * SLOTS;
  for (uint slot = 0; slot < SLOTS; slot++) {
    const uint row = order[slot] / 8, column = order[slot] % 8;
    float sum = float(c.element[slot]);
    for (uint k = 0; k < 8; k++) {
      const uint left = slots[row * 8 + k], right = slots[k * 8 + column];
      sum = __builtin_fmaf(float(lanes[left / SLOTS].a[left % SLOTS]), float(lanes[right / SLOTS].b[right % SLOTS]), sum);
    }
    d.element[slot] = D(sum);
  }
}
}  // namespace metal
