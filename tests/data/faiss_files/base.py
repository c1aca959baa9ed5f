"""What the scripts beside this file share: data, metrics, and how an index and its answers are written."""

import pathlib

import faiss
import numpy as np

HERE = pathlib.Path(__file__).parent
N, NQ, D, K = 48, 5, 6, 5
rng = np.random.default_rng(14)


def f32(a):
    return np.ascontiguousarray(a, np.float32)


def positive(n):
    a = rng.gamma(0.7, size=(n, D)) + 1e-3
    return f32(a / a.sum(axis=1, keepdims=True))


def missing(n):
    a = f32(rng.standard_normal((n, D)))
    a[rng.random(a.shape) < 0.2] = np.nan
    return a


def mixed(n):
    """Gower: numbers in [0, 1], then categories as negative codes."""
    return f32(np.hstack([rng.random((n, D - 2)), -rng.integers(1, 4, (n, 2)).astype(float)]))


DATA = {
    "plain": lambda n: f32(rng.standard_normal((n, D))),
    "positive": positive,
    "missing": missing,
    "mixed": mixed,
    "bytes": lambda n: f32(rng.integers(0, 256, (n, D))),
    "signed": lambda n: f32(rng.integers(-128, 128, (n, D))),
    "bits": lambda n: rng.integers(0, 256, (n, 5)).astype(np.uint8),
}
BASE = {name: make(N) for name, make in DATA.items()}
QUERY = {name: make(NQ) for name, make in DATA.items()}
for name, query in QUERY.items():
    np.save(HERE / f"{name}.query.npy", query)

METRICS = {
    "l2": ("plain", faiss.METRIC_L2),
    "ip": ("plain", faiss.METRIC_INNER_PRODUCT),
    "l1": ("plain", faiss.METRIC_L1),
    "linf": ("plain", faiss.METRIC_Linf),
    "lp": ("plain", faiss.METRIC_Lp),
    "canberra": ("plain", faiss.METRIC_Canberra),
    "braycurtis": ("plain", faiss.METRIC_BrayCurtis),
    "jensenshannon": ("positive", faiss.METRIC_JensenShannon),
    "jaccard": ("positive", faiss.METRIC_Jaccard),
    "naneuclidean": ("missing", faiss.METRIC_NaNEuclidean),
    "gower": ("mixed", faiss.METRIC_GOWER),
}
SQ = faiss.ScalarQuantizer
TYPES = {
    "sq8": ("plain", SQ.QT_8bit),
    "sq6": ("plain", SQ.QT_6bit),
    "sq4": ("plain", SQ.QT_4bit),
    "sq8_uniform": ("plain", SQ.QT_8bit_uniform),
    "sq4_uniform": ("plain", SQ.QT_4bit_uniform),
    "fp16": ("plain", SQ.QT_fp16),
    "bf16": ("plain", SQ.QT_bf16),
    "direct": ("bytes", SQ.QT_8bit_direct),
    "direct_signed": ("signed", SQ.QT_8bit_direct_signed),
}
answers, lists = [], []


def save(name, data, index):
    """A file that FAISS itself has read again, and what it answers."""
    binary = isinstance(index, faiss.IndexBinary)
    path = str(HERE / f"{name}.faiss")
    (faiss.write_index_binary if binary else faiss.write_index)(index, path)
    answer(name, data)


def answer(name, data, of=None):
    path = str(HERE / f"{name}.faiss")
    index = faiss.read_index_binary(path) if data == "bits" else faiss.read_index(path)
    distances, ids = index.search(QUERY[data], K)
    for q in range(NQ):
        hits = [f"{i}:{float(d):.8g}" for i, d in zip(ids[q], distances[q]) if i >= 0]
        answers.append(" ".join([of or name, data, str(q), *hits]))
    inner = index
    if isinstance(index, faiss.IndexIDMap):
        inner = faiss.downcast_index(index.index)
    if isinstance(index, faiss.IndexBinaryIDMap):
        inner = faiss.downcast_IndexBinary(index.index)
    if not isinstance(inner, (faiss.IndexIVF, faiss.IndexBinaryIVF)):
        return
    given = faiss.vector_to_array(index.id_map) if inner is not index else None
    line = [of or name]
    for i in range(inner.nlist):
        own = faiss.rev_swig_ptr(inner.invlists.get_ids(i), inner.invlists.list_size(i))
        own = own if given is None else given[own]
        line.append(f"{i}:{','.join(map(str, own))}")
    lists.append(" ".join(line))


def ivf(metric, data, nlist=8, sq=None, nprobe=3):
    kind, arg = METRICS[metric][1], 3.0 if metric == "lp" else 0.0
    coarse = faiss.IndexFlat(D, kind)
    if metric == "l2":
        coarse = faiss.IndexFlatL2(D)
    if metric == "ip":
        coarse = faiss.IndexFlatIP(D)
    coarse.metric_arg = arg
    if sq is None:
        index = faiss.IndexIVFFlat(coarse, D, nlist, kind)
    else:
        index = faiss.IndexIVFScalarQuantizer(coarse, D, nlist, sq, kind, False)
    coarse.this.disown()
    index.own_fields = True
    index.metric_arg = arg
    index.nprobe = nprobe
    index.train(BASE[data])
    return index
