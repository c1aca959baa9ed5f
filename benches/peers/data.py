"""What all peers share: the rows of `nearfield bench`, the arguments, the timing, the recall, the CSV.

Rows and queries are those of src/bin/nearfield/commands/bench/data.rs to the bit. Each peer prints name, n, d, queries, k,
milliseconds (the median, other queries each time), queries a second, and the recall against an answer in f64.

usage: data.py [--rows N] [--dim D] [--bits]   prints the first elements and the last, of packed bits the bytes, which the tests compare
"""

import argparse
import concurrent.futures
import os
import sys
import time

import numpy as np

HEADER = "name,n,d,queries,k,ms,queries_per_s,recall"
BLOCK = 1 << 16
QUERIES = 20_000
CHECKED = 256
# Of other metrics, each of whose pairs costs numpy as much as a hundred products.
CHECKED_SLOWLY = 1


def draws(count, seed):
    """SplitMix64 (Steele, Lea, Flood 2014)."""
    start = np.uint64(seed * 0xD1342543DE82EF95 % 2**64)
    # whole arrays wrap around in silence, as the generator wants it
    z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + start
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def fill(block, seed):
    """Three draws of 21 bits an element."""
    z = draws(len(block), seed)
    block[:] = 0
    for shift in (0, 21, 42):
        draw = (z >> np.uint64(shift)) & np.uint64(0x1FFFFF)
        # every sum of draws is exact in f32
        block += draw.astype(np.float32) / np.float32(2**21) - np.float32(0.5)


def fill_bytes(block, seed):
    """Eight bytes a draw, the low one first."""
    block[:] = draws(-(-len(block) // 8), seed).astype("<u8").view(np.uint8)[: len(block)]


def filled(values, fill, seed):
    starts = range(0, len(values), BLOCK)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        # the list raises what a thread raised
        list(pool.map(lambda start: fill(values[start : start + BLOCK], seed + start // BLOCK), starts))
    return values


def random(count, dim, seed):
    return filled(np.empty(count * dim, dtype=np.float32), fill, seed).reshape(count, dim)


def random_bits(count, dim, seed):
    """Packed rows, the first bit the lowest of the first byte; bits behind the last of a row are 0."""
    row = -(-dim // 8)
    rows = filled(np.empty(count * row, dtype=np.uint8), fill_bytes, seed).reshape(count, row)
    if dim % 8:
        rows[:, -1] &= (1 << dim % 8) - 1
    return rows


def arguments(description):
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--cases", default="10000:10,10000:100,100:10,1:10", help="QUERIES:K,... [%(default)s]")
    parser.add_argument("--seconds", type=float, default=10, help="spend about so long on a case [%(default)s]")
    return parser


class Work:
    """Rows, queries, the cases to run and the exact answers."""

    def __init__(self, options, magnitudes=False):
        """`magnitudes`: without signs, as some metrics want them."""
        self.n, self.d, self.seconds = options.rows, options.dim, options.seconds
        pairs = (case.split(":") for case in options.cases.split(","))
        self.cases = [(int(queries), int(k)) for queries, k in pairs]
        if not all(0 < queries <= QUERIES and 0 < k <= self.n for queries, k in self.cases):
            sys.exit(f"--cases {options.cases}: 1 to {QUERIES} queries, k from 1 to the number of rows")
        self.rows = random(self.n, self.d, 1)
        self.queries = random(QUERIES, self.d, 0x5EED)
        if magnitudes:
            self.rows, self.queries = np.abs(self.rows), np.abs(self.queries)
        self.answers = {}

    def batch(self, count, run):
        """The queries of one run: others each time, as far as there are."""
        first = run * count % max(QUERIES - count, 1)
        return self.queries[first : first + count]

    def truth(self, metric, count, k):
        """Of every so many-th of the first `count` queries its number and its k nearest rows, in f64."""
        key = (metric, count, k)
        if key not in self.answers:
            checked = CHECKED if metric in ("l2", "ip") else CHECKED_SLOWLY
            chosen = np.linspace(0, count, min(count, checked), endpoint=False).astype(int)
            self.answers[key] = chosen, nearest(self.rows, self.queries[chosen], k, metric)
        return self.answers[key]


def distance(metric, q, x):
    """The distances of one query from some rows by a metric that is no product, all positive."""
    difference = np.abs(q - x)
    if metric == "l1":
        return difference.sum(1)
    if metric == "linf":
        return difference.max(1)
    if metric == "lp:3":
        return (difference**3).sum(1)
    if metric == "canberra":
        return (difference / np.maximum(q + x, 1e-300)).sum(1)

    def part(a, b):
        # 0 log 0 = 0, and infinite where only b is 0
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(a > 0, a * np.log(a / b), 0.0).sum(1)

    if metric == "kl":
        return part(np.broadcast_to(q, x.shape), x)
    return part(q, (q + x) / 2) + part(x, (q + x) / 2)


def nearest(rows, queries, k, metric, step=16_384):
    """Row numbers of the k nearest, in no order."""
    q = queries.astype(np.float64)
    best, ids = np.empty((len(q), 0)), np.empty((len(q), 0), dtype=np.int64)
    for first in range(0, len(rows), step):
        x = rows[first : first + step].astype(np.float64)
        if metric == "l2":
            # |q|^2 moves all scores of a query alike
            scores = (x * x).sum(1) - 2 * (q @ x.T)
        elif metric == "ip":
            scores = -(q @ x.T)
        else:
            scores = np.stack([distance(metric, row, x) for row in q])
        best = np.hstack([best, scores])
        numbers = np.broadcast_to(np.arange(first, first + len(x)), scores.shape)
        ids = np.hstack([ids, numbers])
        if best.shape[1] > k:
            keep = np.argpartition(best, k - 1, axis=1)[:, :k]
            best, ids = np.take_along_axis(best, keep, 1), np.take_along_axis(ids, keep, 1)
    return ids


def recall(work, metric, count, k, ids):
    """The share of the exact neighbours that `ids`, a row for each query of the first batch, holds."""
    chosen, truth = work.truth(metric, count, k)
    found = sum(len(np.intersect1d(ids[query], exact)) for query, exact in zip(chosen, truth))
    return found / truth.size


def header():
    print(HEADER, flush=True)


def measure(name, work, search, metric="l2", prepare=lambda queries: queries, ids=np.asarray):
    """Times every case and prints its line.

    `search(queries, k)` returns when the answer is there; `prepare` brings queries to where it expects them, and `ids`
    turns its answer into an array of row numbers. Neither is timed.
    """
    for count, k in work.cases:
        # the first call pays for what later ones find ready
        share = recall(work, metric, count, k, ids(search(prepare(work.batch(count, 0)), k)))
        times, begin = [], time.perf_counter()
        while len(times) < 3 or (len(times) < 20 and time.perf_counter() - begin < work.seconds):
            queries = prepare(work.batch(count, len(times)))
            start = time.perf_counter()
            search(queries, k)
            times.append((time.perf_counter() - start) * 1e3)
        ms = sorted(times)[len(times) // 2]
        rate = count / ms * 1e3
        print(f"{name},{work.n},{work.d},{count},{k},{ms:.3f},{rate:.0f},{share:.4f}", flush=True)


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--bits", action="store_true")
    given = parser.parse_args()
    values = (random_bits if given.bits else random)(given.rows, given.dim, 1).ravel()
    print(*(value.item() for value in [*values[:3], *values[-2 if given.bits else -1 :]]))
