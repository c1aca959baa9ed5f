#!/usr/bin/env python3
"""Compares `nearfield search` with FAISS's exact search on real data, id by id, but for ties within tau.

usage: check.py NEARFIELD SETS [--metric l2 --metric cosine ...] [--queries 1000] [-k 10] [--base-rows N] [-- OPTIONS]

NEARFIELD is the program, SETS a folder of folders with base.npy and query.npy (fetch.sh makes them), or one of these. OPTIONS go to
`nearfield search`. Needs faiss-cpu and numpy. Exit status 0 when every set agrees, 1 otherwise.

FAISS sums in f32, so its own order is off where values are close: its first k + MARGIN rows are put in order by the metric in
f64 on the stored elements. A query for which even that margin may be too thin is searched whole in f64.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

import faiss
import numpy as np

U = 2.0**-24
MARGIN = 50
KINDS = {
    "l2": faiss.METRIC_L2,
    "ip": faiss.METRIC_INNER_PRODUCT,
    "cosine": faiss.METRIC_INNER_PRODUCT,
    "l1": faiss.METRIC_L1,
    "linf": faiss.METRIC_Linf,
    "canberra": faiss.METRIC_Canberra,
    "braycurtis": faiss.METRIC_BrayCurtis,
}
SIMILARITIES = {"ip", "cosine"}


def exact(metric, q, x):
    """The metric in f64 between one query and rows, as keys of which the smaller is nearer."""
    q, x = q.astype(np.float64), x.astype(np.float64)
    if metric == "l2":
        return ((x - q) ** 2).sum(axis=1)
    if metric == "ip":
        return -(x @ q)
    if metric == "cosine":
        norms = np.linalg.norm(x, axis=1) * np.linalg.norm(q)
        return -np.divide(x @ q, norms, out=np.zeros(len(x)), where=norms > 0)
    difference, magnitude = np.abs(x - q), np.abs(x) + np.abs(q)
    if metric == "canberra":
        return np.divide(difference, magnitude, out=np.zeros_like(x), where=magnitude > 0).sum(axis=1)
    if metric == "braycurtis":
        return difference.sum(axis=1) / np.abs(x + q).sum(axis=1)
    return difference.sum(axis=1) if metric == "l1" else difference.max(axis=1)


def tau(metric, q, x, m, integers):
    """As stated in src/reference/tau.rs; in the order, without the conversion of large integers."""
    d = x.shape[1]
    tree = (np.ceil(d / 32) + 12) * U
    if integers and metric in ("l2", "ip", "l1", "linf"):
        return np.zeros(len(x))
    if metric == "l2":
        return tree * m + d * 2.0**-126
    if metric == "ip":
        return tree * np.linalg.norm(x.astype(np.float64), axis=1) * np.linalg.norm(q.astype(np.float64))
    if metric == "cosine":
        return np.full(len(x), tree)
    factor = {"l1": d + 8, "canberra": d + 8, "braycurtis": 2 * d + 16, "linf": 2}[metric]
    return factor * U * m * 1.001


def candidates(metric, base, query, k):
    """FAISS's nearest k + MARGIN."""
    floats = [np.ascontiguousarray(a, np.float32) for a in (base, query)]
    if metric == "cosine":
        floats = [a.copy() for a in floats]
        for a in floats:
            faiss.normalize_L2(a)
    index = faiss.IndexFlat(base.shape[1], KINDS[metric])
    index.add(floats[0])
    return index.search(floats[1], min(k + MARGIN, len(base)))[1]


def truth(metric, base, q, ids, k):
    """Rows and keys in order of (key, row), at least k of them."""
    keys = exact(metric, q, base[ids])
    order = np.lexsort((ids, keys))
    ids, keys = ids[order], keys[order]
    # FAISS computes L2 from |q|^2 + |x|^2 - 2 q x in large batches: off by some d u of these.
    scale = 1.0
    if metric in ("l2", "ip"):
        scale = (np.linalg.norm(q.astype(np.float64)) + np.linalg.norm(base[ids].astype(np.float64), axis=1).max()) ** 2
    elif metric != "cosine":
        scale = np.abs(keys).max()
    thin = len(ids) < len(base) and keys[-1] - keys[k - 1] <= 8 * base.shape[1] * U * scale
    if thin:
        keys = exact(metric, q, base)
        ids = np.lexsort((np.arange(len(base)), keys))
        keys = keys[ids]
    return ids, keys, thin


def judge(metric, base, q, theirs, keys, ours, distances, k):
    """None when `ours` is the answer but for ties within tau, otherwise what is wrong; and whether a tie was needed."""
    integers = base.dtype == q.dtype and base.dtype.kind in "iu"
    if len(set(ours)) != k or ours.min() < 0 or ours.max() >= len(base):
        return f"ids {ours}", False
    m = exact(metric, q, base[ours])
    t = tau(metric, q, base[ours], np.abs(m), integers)
    shown = -distances if metric in SIMILARITIES else distances
    off = np.abs(shown.astype(np.float64) - m)
    if (off > t + U * np.abs(m) * integers).any():
        return f"distances off by up to {off.max():g}, tau {t[off.argmax()]:g}", False
    if (np.diff(shown) < 0).any():
        return "distances out of order", False
    if np.array_equal(ours, theirs[:k]):
        return None, False
    missing = theirs[: np.searchsorted(keys, m.max(), side="right")]
    missing = missing[~np.isin(missing, ours)]
    m_missing = exact(metric, q, base[missing])
    t_missing = tau(metric, q, base[missing], np.abs(m_missing), integers)
    late = (m - t).max() - (m_missing + t_missing)
    if (late > 0).any():
        return f"row {missing[late.argmax()]} is missing, {late.max():g} beyond the taus", False
    upto = np.maximum.accumulate(m - t)[:-1]
    if (upto > (m + t)[1:]).any():
        return "out of order beyond the taus", False
    if integers and (t == 0).all():
        return f"exact, so {theirs[:k]} and not {ours}", False
    return None, True


def run(program, folder, metric, args, options):
    base = np.load(folder / "base.npy", mmap_mode="r")
    query = np.load(folder / "query.npy", mmap_mode="r")
    base, query = np.array(base[: args.base_rows]), np.array(query[: args.queries])
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        np.save(scratch / "base.npy", base), np.save(scratch / "query.npy", query)
        command = [program, "search", "--base", scratch / "base.npy", "--query", scratch / "query.npy"]
        command += ["-k", str(args.k), "--metric", metric, "--out", scratch / "out", *options]
        start = time.time()
        subprocess.run([str(word) for word in command], check=True)
        took = time.time() - start
        ours, distances = np.load(scratch / "out.ids.npy"), np.load(scratch / "out.dist.npy")
    if ours.shape != (len(query), args.k) or ours.dtype != np.int64 or distances.dtype != np.float32:
        print(f"{folder.name} {metric}: answers of shape {ours.shape}, {ours.dtype}, {distances.dtype}")
        return False
    wrong = ties = thin = 0
    for i, ids in enumerate(candidates(metric, base, query, args.k)):
        theirs, keys, whole = truth(metric, base, query[i], ids, args.k)
        why, tie = judge(metric, base, query[i], theirs, keys, ours[i], distances[i], args.k)
        ties += tie
        thin += whole
        if why is not None:
            wrong += 1
            if wrong <= 10:
                print(f"{folder.name} {metric}, query {i}: {why}")
    print(
        f"{folder.name} {metric}: base {base.shape} {base.dtype}, {len(query)} queries, k = {args.k}: {wrong} wrong, "
        f"{ties} the same but for ties within tau, {thin} searched whole in f64; {took:.1f} s"
    )
    return wrong == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nearfield")
    parser.add_argument("sets", type=pathlib.Path)
    parser.add_argument("--metric", action="append", choices=sorted(KINDS))
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--base-rows", type=int)
    parser.add_argument("-k", type=int, default=10)
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    args, options = parser.parse_args(words[:split]), words[split + 1 :]
    folders = [args.sets] if (args.sets / "base.npy").exists() else sorted(p.parent for p in args.sets.glob("*/base.npy"))
    if not folders:
        parser.error(f"no base.npy in {args.sets} or one folder below")
    metrics = args.metric or ["l2", "ip", "cosine"]
    good = [run(args.nearfield, folder, metric, args, options) for folder in folders for metric in metrics]
    sys.exit(0 if all(good) else 1)


main()
