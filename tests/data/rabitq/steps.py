"""Writes steps.txt: the steps to which FAISS rounds the elements of queries of 1-bit codes, where many are in the middle of two.

    pip install faiss-cpu==1.15.1 numpy
    python steps.py

FAISS takes whole sixteens of elements by a fused product where the processor has AVX-512, as here, whole eights with AVX2, and none without; the
others by a difference and a product. Queries come from whole numbers, so that the tests make the same without a file. A line is

    dim qb numbers    the steps of SEEDS queries, in hexadecimal, two digits each
"""

import faiss
import numpy as np

SEEDS = 16
f32 = np.float32


def query(seed, dim, center):
    """Elements of which some 1 in 50 lie in the middle of two steps but for rounding, the least and the largest among them."""
    values = [(seed * 37 + j * 101 + seed * seed * j * 7) % 251 - 125 for j in range(dim)]
    values[seed % dim], values[(seed + 3) % dim] = -125, 125
    scale = f32(1) / f32(seed + 3)
    return (np.array(values, f32) * scale + center).astype(f32)


def steps(index, query):
    """By rows that are 1 above or below the center in each element, one of them above and none: their estimates differ by that element."""
    dim, most = len(query), 2**index.qb - 1
    distances, ids = index.search(query[None], dim + 1)
    far = np.zeros(dim + 1)
    far[ids[0]] = distances[0]
    assert far.min() > 0
    u = query - CENTER[:dim]
    along = (far[dim] - far[:dim]) / 4
    numbers = (along - u.min()) / ((u.max() - u.min()) / most)
    rounded = np.rint(numbers)
    assert np.abs(numbers - rounded).max() < 0.05, numbers
    return rounded.astype(np.uint8)


CENTER = np.array([((j * 53) % 97 - 48) / 16 for j in range(256)], f32)
lines = []
for dim in (7, 13, 24, 32, 48, 71, 96):
    center = CENTER[:dim]
    rows = np.full((dim + 1, dim), -1, f32) + center
    rows[np.arange(dim), np.arange(dim)] += 2
    for qb in (1, 2, 4, 6, 8):
        flat = faiss.IndexRaBitQ(dim)
        faiss.copy_array_to_vector(center, flat.center)
        flat.is_trained = True
        coarse = faiss.IndexFlatL2(dim)
        coarse.add(center[None])
        lists = faiss.IndexIVFRaBitQ(coarse, dim, 1)
        lists.is_trained = True
        numbers = []
        for index in (flat, lists):
            index.qb = qb
            index.add(rows)
            numbers.append(np.concatenate([steps(index, query(seed, dim, center)) for seed in range(SEEDS)]))
        assert (numbers[0] == numbers[1]).all()
        lines.append(f"{dim} {qb} {numbers[0].tobytes().hex()}")
with open("steps.txt", "w") as out:
    out.write("\n".join(lines) + "\n")
