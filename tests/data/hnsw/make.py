"""Small HNSW files, and what those who wrote them answer: run with faiss-cpu 1.15 and hnswlib 0.8 installed, in this folder.

answers.txt has a line for each query of each file: name, and the hits as id:distance. hnswlib is asked with ef as large as the index, so that it
finds all; of ip and cosine its distances are 1 less the similarity, which is what is written here.
"""

import struct

import faiss
import hnswlib
import numpy as np

N, D, K = 60, 5, 6
rng = np.random.default_rng(7)
rows = rng.normal(size=(N, D)).astype("f4")
queries = rng.normal(size=(4, D)).astype("f4")
whole = np.rint(rows * 20).astype("f4")
np.save("rows.npy", rows)
np.save("queries.npy", queries)
lines = []


def answers(name, ids, distances):
    for own, far in zip(ids, distances):
        hits = (f"{i}:{d:.7g}" for i, d in zip(own, far) if i >= 0)
        lines.append(" ".join([name, *hits]))


def of_hnswlib(space, name, labels, deleted=(), ef_construction=40):
    index = hnswlib.Index(space=space, dim=D)
    index.init_index(max_elements=N + 7, M=4, ef_construction=ef_construction, random_seed=3)
    index.set_num_threads(1)
    index.add_items(rows, labels)
    for label in deleted:
        index.mark_deleted(label)
    index.set_ef(N)
    index.save_index(f"{name}.hnswlib")
    ids, distances = index.knn_query(queries, k=K)
    answers(f"{name}.hnswlib", ids, distances if space == "l2" else 1 - distances)


numbers = np.arange(N)
of_hnswlib("l2", "l2", numbers)
of_hnswlib("ip", "ip", numbers)
of_hnswlib("cosine", "cosine", 1000 - 3 * numbers)
of_hnswlib("l2", "deleted", numbers, deleted=[1, 5, 17, 40])
empty = hnswlib.Index(space="l2", dim=D)
empty.init_index(max_elements=3, M=4)
empty.save_index("empty.hnswlib")

# as cuVS writes them: level 0 alone, though the header says 1, and a descent sets out in the middle
data = bytearray(open("l2.hnswlib", "rb").read())
size, = struct.unpack_from("<Q", data, 24)
base = data[: 96 + N * size]
struct.pack_into("<iI", base, 48, 1, N // 2)
open("base_only.hnswlib", "wb").write(bytes(base) + bytes(4 * N))


def of_faiss(index, name, ids=None, data=rows, asked=queries):
    if not index.is_trained:
        index.train(data)
    if ids is None:
        index.add(data)
    else:
        index.add_with_ids(data, ids)
    faiss.write_index(index, f"{name}.faiss")
    inner = faiss.downcast_index(index.index) if ids is not None else index
    inner.hnsw.efSearch = N
    distances, found = index.search(asked, K)
    answers(f"{name}.faiss", found, distances)


faiss.omp_set_num_threads(1)
of_faiss(faiss.IndexHNSWFlat(D, 4), "flat_l2")
of_faiss(faiss.IndexHNSWFlat(D, 4, faiss.METRIC_INNER_PRODUCT), "flat_ip")
of_faiss(faiss.IndexHNSWFlat(D, 4, faiss.METRIC_L1), "flat_l1")
of_faiss(faiss.IndexIDMap2(faiss.IndexHNSWFlat(D, 4)), "idmap2", ids=1000 - 3 * numbers)
of_faiss(faiss.IndexHNSWSQ(D, faiss.ScalarQuantizer.QT_8bit, 4), "sq8")
of_faiss(faiss.IndexHNSWSQ(D, faiss.ScalarQuantizer.QT_fp16, 4), "fp16")
of_faiss(faiss.IndexHNSWSQ(D, faiss.ScalarQuantizer.QT_8bit_direct_signed, 4), "signed", data=whole, asked=queries * 20)
pq = faiss.IndexHNSWPQ(D, 5, 4, 5)
of_faiss(pq, "pq")
cagra = faiss.IndexHNSWCagra(D, 4)
cagra.base_level_only = False
of_faiss(cagra, "cagra")
faiss.write_index(faiss.IndexHNSWFlat(D, 4), "flat_empty.faiss")
index = faiss.IndexHNSWFlat(D, 4)
index.add(rows)
faiss.write_index(index, "skipped.faiss", faiss.IO_FLAG_SKIP_STORAGE)
index = faiss.IndexNSGFlat(D, 4)
index.add(np.repeat(rows, 4, axis=0) + rng.normal(size=(4 * N, D)).astype("f4"))
faiss.write_index(index, "nsg.faiss")
open("answers.txt", "w").write("\n".join(lines) + "\n")
