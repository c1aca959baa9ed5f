"""Exact search as PyTorch does it, on the same card: topk(|x|^2 - 2 q x^T). usage: pytorch.py

Prints CSV: name, n, d, queries, k, milliseconds (median of 10, queries and answers in device memory), queries a second.
"""

import time

import torch

torch.backends.cuda.matmul.allow_tf32 = False


def rows(n, d):
    x = torch.rand(n, d, device="cuda")
    x += torch.rand(n, d, device="cuda")
    return x + torch.rand(n, d, device="cuda") - 1.5


def search(q, x, norms, k, chunk):
    best = []
    for part in q.split(chunk):
        best.append(torch.topk(torch.addmm(norms, part, x.T, alpha=-2.0), k, largest=False))
    return best


print("name,n,d,queries,k,ms,queries_per_s")
for n, d in ((1_000_000, 128), (1_000_000, 768)):
    x, q = rows(n, d), rows(10_000, d)
    norms = (x * x).sum(1)
    for queries, k in ((10_000, 10), (10_000, 100), (100, 10), (1, 10)):
        times = []
        for run in range(11):
            torch.cuda.synchronize()
            start = time.perf_counter()
            search(q[:queries], x, norms, k, 2_500)
            torch.cuda.synchronize()
            times.append((time.perf_counter() - start) * 1e3)
        ms = sorted(times[1:])[5]
        print(f"pytorch {torch.__version__} fp32,{n},{d},{queries},{k},{ms:.3f},{queries / ms * 1e3:.0f}")
