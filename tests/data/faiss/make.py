"""Writes the fixtures beside this file: FAISS's answers on small data, for tests/reference.rs and tests/exact/faiss.rs.

    pip install faiss-cpu numpy
    python make.py

Made with faiss-cpu 1.15.1 and numpy 2.4. For each metric M on the data set S:
S.base.npy, S.query.npy; M.ids.npy and M.dist.npy, the nearest K (-1 and FLT_MAX where there is none);
M.radius.npy, M.lims.npy, M.range_ids.npy, M.range_dist.npy, a range search.
No data contain zeros where FAISS gives no hit and nearfield does (Canberra, Bray-Curtis, Jensen-Shannon).
FAISS has no Jaccard distance on bits: IndexBinaryFlat knows Hamming alone.
"""

import pathlib

import faiss
import numpy as np

HERE = pathlib.Path(__file__).parent
N, NQ, D, K = 120, 6, 19, 10  # D is no multiple of any SIMD width
rng = np.random.default_rng(20)


def f32(a):
    return np.ascontiguousarray(a, np.float32)


def save(name, a):
    np.save(HERE / f"{name}.npy", a)


def plain():
    return f32(rng.standard_normal((N, D))), f32(rng.standard_normal((NQ, D)))


def positive():
    a = rng.gamma(0.7, size=(N + NQ, D)) + 1e-3
    a = f32(a / a.sum(axis=1, keepdims=True))
    return a[:N], a[N:]


def with_nan():
    base, query = plain()
    base[rng.random(base.shape) < 0.3] = np.nan
    query[rng.random(query.shape) < 0.3] = np.nan
    base[7] = np.nan  # in common with nobody
    query[2] = np.nan
    query[3] = np.nan
    query[3, 4] = 0.5  # fewer than K rows have it: see below
    base[K - 3:, 4] = np.nan
    return base, query


def mixed():
    """Gower: numbers in [0, 1], then categories as negative codes; some missing, some rows of the wrong kind."""
    numbers = rng.random((N + NQ, D - 6))
    codes = -rng.integers(1, 4, (N + NQ, 6)).astype(float)
    a = f32(np.hstack([numbers, codes]))
    a[rng.random(a.shape) < 0.2] = np.nan
    a[5, 0] = -1.0  # a category where the others have numbers
    a[6, -1] = 0.5  # and the reverse
    a[8, 1] = 1.5  # a number above 1
    a[9] = np.nan
    a[N:, :3] = f32(rng.random((NQ, 3)))
    a[N:, -1] = -2.0
    return a[:N], a[N:]


def floats(data, metric, base, query, kind, arg=None, unit=False):
    if unit:
        base, query = base.copy(), query.copy()
        faiss.normalize_L2(base), faiss.normalize_L2(query)
    index = faiss.IndexFlat(base.shape[1], kind)
    if arg is not None:
        index.metric_arg = arg
    index.add(base)
    dist, ids = index.search(query, K)
    hit = dist[ids >= 0]
    radius = np.float32(np.median(hit))
    lims, range_dist, range_ids = index.range_search(query, float(radius))
    write(metric, ids, dist, radius, lims, range_ids, range_dist)
    print(f"{metric:14s} {data:9s} {len(hit)} hits, radius {radius:.4g}: {len(range_ids)}")


def write(metric, ids, dist, radius, lims, range_ids, range_dist):
    save(f"{metric}.ids", ids.astype(np.int32))
    save(f"{metric}.dist", f32(dist))
    save(f"{metric}.radius", f32([radius]))
    save(f"{metric}.lims", lims.astype(np.int32))
    save(f"{metric}.range_ids", range_ids.astype(np.int32))
    save(f"{metric}.range_dist", f32(range_dist))


def main():
    sets = {"plain": plain(), "positive": positive(), "nan": with_nan(), "mixed": mixed()}
    for name, (base, query) in sets.items():
        save(f"{name}.base", base), save(f"{name}.query", query)
    for data, metric, kind, *more in [
        ("plain", "l2", faiss.METRIC_L2),
        ("plain", "ip", faiss.METRIC_INNER_PRODUCT),
        ("plain", "cosine", faiss.METRIC_INNER_PRODUCT, None, True),
        ("plain", "l1", faiss.METRIC_L1),
        ("plain", "linf", faiss.METRIC_Linf),
        ("plain", "lp3", faiss.METRIC_Lp, 3.0),
        ("plain", "lp0.5", faiss.METRIC_Lp, 0.5),
        ("plain", "canberra", faiss.METRIC_Canberra),
        ("plain", "braycurtis", faiss.METRIC_BrayCurtis),
        ("positive", "jensenshannon", faiss.METRIC_JensenShannon),
        ("positive", "jaccard", faiss.METRIC_Jaccard),
        ("nan", "naneuclidean", faiss.METRIC_NaNEuclidean),
        ("mixed", "gower", faiss.METRIC_GOWER),
    ]:
        floats(data, metric, *sets[data], kind, *more)
    bits = rng.integers(0, 256, (N + NQ, 5), dtype=np.uint8)
    save("bits.base", bits[:N]), save("bits.query", bits[N:])
    index = faiss.IndexBinaryFlat(40)
    index.add(bits[:N])
    dist, ids = index.search(bits[N:], K)
    write("hamming", ids, dist, 13, *(index.range_search(bits[N:], 13)[i] for i in (0, 2, 1)))
    size = sum(f.stat().st_size for f in HERE.glob("*.npy"))
    print(f"{size} bytes")


main()
