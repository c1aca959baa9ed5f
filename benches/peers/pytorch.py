"""Exact search as PyTorch does it, on the card where there is one: topk(|x|^2 - 2 q x^T), in fp32.

Queries and answers stay in the memory of the device that searches. Arguments and columns: data.py.
"""

import torch

import data

torch.backends.cuda.matmul.allow_tf32 = False
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# products that are in memory at a time
PRODUCTS = 2_500_000_000 if DEVICE == "cuda" else 250_000_000


def main():
    work = data.Work(data.arguments(__doc__).parse_args())
    x = torch.from_numpy(work.rows).to(DEVICE)
    norms = (x * x).sum(1)
    chunk = max(PRODUCTS // work.n, 1)

    def finish():
        if DEVICE == "cuda":
            torch.cuda.synchronize()

    def prepare(queries):
        q = torch.from_numpy(queries).to(DEVICE)
        finish()
        return q

    def search(q, k):
        parts = []
        for part in q.split(chunk):
            parts.append(torch.topk(torch.addmm(norms, part, x.T, alpha=-2.0), k, largest=False)[1])
        finish()
        return parts

    def ids(parts):
        return torch.cat(parts).cpu().numpy()

    data.header()
    data.measure(f"pytorch {torch.__version__} fp32 {DEVICE}", work, search, prepare=prepare, ids=ids)


main()
