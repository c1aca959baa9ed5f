"""Makes the files beside it, which tests/format.rs and tests/format_bad.rs read: pip install numpy ml_dtypes."""

from pathlib import Path

import ml_dtypes
import numpy as np

HERE = Path(__file__).parent
I, J = np.mgrid[:3, :4]
WHOLE = (I * 5 + J * 3) % 11
HALVES = WHOLE * 0.5 - 2


def save(name, array, version=None):
    with open(HERE / f"{name}.npy", "wb") as f:
        np.lib.format.write_array(f, np.asanyarray(array), version=version)


for kind in ["f4", "f8", "f2"]:
    save(kind, HALVES.astype("<" + kind))
for kind in ["i1", "u1", "i4", "i8", "u4", "u8"]:
    save(kind, WHOLE.astype("<" + kind))
save("v2", HALVES.astype("<f4"), (2, 0))
save("v3", HALVES.astype("<f4"), (3, 0))
save("bf16_as_u2", HALVES.astype(ml_dtypes.bfloat16).view("<u2"))
save("bf16", HALVES.astype(ml_dtypes.bfloat16))
save("list", np.array([7, -1, 2**40], "<i8"))
save("none", np.zeros((0, 4), "<f4"))
save("fortran", np.asfortranarray(HALVES.astype("<f4")))
save("big_endian", HALVES.astype(">f4"))

# Masks, and bits as numpy packs them: 3 rows of 12 in either order, and 128 as words of 64.
MASK = np.array([True, False, False, True, True])
save("mask_bool", MASK)
save("mask_u1", MASK.astype("u1"))
BITS = (I[:, :1] * 7 + np.arange(12) * 5 + np.arange(12) ** 2) % 3 == 0
save("bits_little", np.packbits(BITS, axis=1, bitorder="little"))
save("bits_big", np.packbits(BITS, axis=1))
WIDE = (np.arange(3)[:, None] * 7 + np.arange(128) * 5 + np.arange(128) ** 2) % 3 == 0
save("bits_wide", np.packbits(WIDE, axis=1, bitorder="little"))
save("bits_words", np.packbits(WIDE, axis=1, bitorder="little").view("<u8"))
save("bits_words_big_endian", np.packbits(WIDE, axis=1, bitorder="little").view("<u8").astype(">u8"))

# What is not read, and why.
save("bad_object", np.array([[{}, 1], [2, 3]], object))
save("bad_record", np.zeros((2, 3), [("a", "<f4"), ("b", "<i4")]))
save("bad_bool", WHOLE > 3)
save("bad_complex", HALVES.astype("<c8"))
save("bad_text", np.array([["a", "b"]], "<U1"))
save("bad_scalar", np.float32(1))
save("bad_cube", np.zeros((2, 2, 2), "<f4"))

# Rounding: random bits, and around every kind of tie and limit of the narrow types.
rng = np.random.default_rng(1)
f4 = rng.integers(0, 2**32, 1500, np.uint32).view("<f4")
halves = rng.integers(0, 0x7C00, 300, np.uint16).view("<f2").astype("<f4")
ties = (halves + np.nextafter(halves.astype("<f2"), np.float16(np.inf)).astype("<f4")) / 2
f4 = np.concatenate([f4, ties, np.nextafter(ties, np.float32(9e9)), np.nextafter(ties, np.float32(-9e9))])
ties = rng.integers(0, 2**16, 300, np.uint32) << 16 | 0x8000
ties = ties.astype("<u4").view("<f4")
f4 = np.concatenate([f4, -ties, np.array([0.0, -0.0, 65504, 65519, 2.0**-24, 2.0**-25], "<f4")])


def rounding(name, values, narrow, store):
    with np.errstate(all="ignore"):
        wide = values[np.isfinite(values)]
        result = wide.astype(narrow)
        fits = np.isfinite(result.astype("<f4"))
    save(f"round_{name}_in", wide[fits][:, None])
    save(f"round_{name}_out", result[fits].view(store)[:, None])


rounding("f4_f2", f4.astype("<f4"), "<f2", "<f2")
rounding("f4_bf16", f4.astype("<f4"), ml_dtypes.bfloat16, "<u2")
f8 = f4[np.isfinite(f4) & (np.abs(f4) < 7e4)].astype("<f8")
# A hair beside a tie of f16: rounding to f32 first would fall onto it.
f8 = np.concatenate([f8, f8 * (1 + 2.0**-40), f8 * (1 - 2.0**-40)])
rounding("f8_f2", f8, "<f2", "<f2")
