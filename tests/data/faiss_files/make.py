"""Writes the fixtures beside this file: small index files of FAISS's and its answers, for tests/index/faiss.

    pip install faiss-cpu numpy
    python make.py

Made with faiss-cpu 1.15.1 and numpy 2.4.
NAME.faiss is an index. answers.txt has a line for each query of each: NAME, number of the query, then ID:DISTANCE of the nearest K, by the
nprobe of the file; lists.txt a line for each index of lists: NAME, then for each list LIST:ID,ID,...; decoded.txt a line for some rows of each
index of signs: NAME, number of the row, then its elements as they are reconstructed. DATA.query.npy are the queries, plain.base.npy the rows; which of
them an index answers stands in answers.txt behind its name. refused/NAME.faiss are of kinds that are not read.
"""

import struct

import bits
import faiss
import numpy as np
from base import BASE, D, HERE, METRICS, QUERY, SQ, TYPES, N, answer, answers, f32, ivf, lists, rng, save

for metric, (data, kind) in METRICS.items():
    flat = {"l2": faiss.IndexFlatL2, "ip": faiss.IndexFlatIP}.get(metric)
    index = flat(D) if flat else faiss.IndexFlat(D, kind)
    if metric == "lp":
        index.metric_arg = 3.0
    index.add(BASE[data])
    save(f"flat_{metric}", data, index)

for metric in ["l2", "ip", "l1", "lp"]:
    index = ivf(metric, "plain")
    index.add(BASE["plain"])
    save(f"ivf_{metric}", "plain", index)

SOME = rng.permutation(1000)[:N].astype(np.int64) + (1 << 40)
index = ivf("l2", "plain")
index.add_with_ids(BASE["plain"], SOME)
save("ivf_ids", "plain", index)
index = ivf("l2", "plain", nlist=20, nprobe=7)
index.add_with_ids(BASE["plain"][:6], SOME[:6])
save("ivf_sparse", "plain", index)
index = ivf("l2", "plain")
index.add(BASE["plain"])
index.set_direct_map_type(faiss.DirectMap.Array)
save("ivf_array", "plain", index)
index = ivf("l2", "plain")
index.add_with_ids(BASE["plain"], SOME)
index.set_direct_map_type(faiss.DirectMap.Hashtable)
save("ivf_hashtable", "plain", index)

for name, (data, kind) in TYPES.items():
    index = ivf("l2", data, sq=kind)
    index.add(BASE[data])
    save(f"ivf_{name}", data, index)
index = ivf("ip", "plain", sq=SQ.QT_8bit)
index.add(BASE["plain"])
save("ivf_sq8_ip", "plain", index)

for name, made in [("idmap", faiss.IndexIDMap), ("idmap2", faiss.IndexIDMap2)]:
    index = made(faiss.IndexFlatL2(D))
    index.add_with_ids(BASE["plain"], SOME)
    save(f"{name}_flat", "plain", index)
    index = made(ivf("l2", "plain"))
    index.add_with_ids(BASE["plain"], SOME)
    save(f"{name}_ivf", "plain", index)
index = faiss.IndexIDMap2(ivf("l2", "plain", sq=SQ.QT_6bit))
index.add_with_ids(BASE["plain"], SOME)
save("idmap2_sq6", "plain", index)

index = faiss.IndexBinaryFlat(40)
index.add(BASE["bits"])
save("bits", "bits", index)
for name, made in [("idmap", faiss.IndexBinaryIDMap), ("idmap2", faiss.IndexBinaryIDMap2)]:
    index = made(faiss.IndexBinaryFlat(40))
    index.add_with_ids(BASE["bits"], SOME)
    save(f"{name}_bits", "bits", index)

# without rows, and before training
save("flat_empty", "plain", faiss.IndexFlatL2(D))
save("ivf_empty", "plain", ivf("l2", "plain"))
for name, factory in [("untrained_ivf", "IVF8,Flat"), ("untrained_sq", "IVF8,SQ8")]:
    index = faiss.index_factory(D, factory)
    if "SQ" in factory:
        faiss.downcast_index(index).by_residual = False
    faiss.write_index(index, str(HERE / f"{name}.faiss"))

# as the factory makes it, of residuals
faiss.write_index(faiss.index_factory(D, "IVF8,SQfp16"), str(HERE / "untrained_ivf_sqfp16.faiss"))

# as FAISS wrote lists long ago, and still reads them: ids before the direct map, codes of each list behind it
index = ivf("l2", "plain")
index.add_with_ids(BASE["plain"], SOME)
whole = faiss.serialize_index(index).tobytes()
head = whole[4 : whole.index(b"ilar") - 9]
arrays = [
    (
        faiss.rev_swig_ptr(index.invlists.get_ids(i), index.invlists.list_size(i)),
        faiss.rev_swig_ptr(index.invlists.get_codes(i), index.invlists.list_size(i) * 4 * D),
    )
    for i in range(8)
]
ids = b"".join(struct.pack("<Q", len(i)) + i.tobytes() for i, _ in arrays)
for letters, each in [("IvFl", 4), ("IvFL", 1)]:
    codes = b"".join(struct.pack("<Q", len(c) // each) + c.tobytes() for _, c in arrays)
    name = f"old_{letters}"
    (HERE / f"{name}.faiss").write_bytes(letters.encode() + head + ids + bytes(9) + codes)
    answer(name, "plain")

# codes of residuals, which FAISS makes unless it is told otherwise, and of product quantizers; enough rows for 2^bits centroids
MORE = f32(np.random.default_rng(15).standard_normal((400, D)))
for metric in ["l2", "ip"]:
    for name, factory, residual in [
        ("sq8_residual", "IVF8,SQ8", True),
        ("sq6_residual", "IVF8,SQ6", True),
        ("sq4_residual", "IVF8,SQ4", True),
        ("fp16_residual", "IVF8,SQfp16", True),
        ("bf16_residual", "IVF8,SQbf16", True),
        ("pq3", "IVF8,PQ3np", True),
        ("pq3x4", "IVF8,PQ3x4np", True),
        ("pq6x5", "IVF8,PQ6x5np", True),
        ("pq2x6_rows", "IVF8,PQ2x6np", False),
    ]:
        index = faiss.index_factory(D, factory, METRICS[metric][1])
        index.by_residual = residual
        index.train(MORE)
        index.add(BASE["plain"])
        index.nprobe = 3
        save(f"ivf_{name}_{metric}", "plain", index)
    # of whole numbers, which FAISS wraps at 256 and cuts off: its answers are of what the codes say all the same
    for name, data in [("direct", "bytes"), ("direct_signed", "signed")]:
        coarse = (faiss.IndexFlatL2 if metric == "l2" else faiss.IndexFlatIP)(D)
        index = faiss.IndexIVFScalarQuantizer(coarse, D, 8, TYPES[name][1], METRICS[metric][1], True)
        index.train(BASE[data])
        index.add(BASE[data])
        index.nprobe = 3
        save(f"ivf_{name}_residual_{metric}", data, index)
# letters of before by_residual was written, which was always set
whole = (HERE / "ivf_sq8_residual_l2.faiss").read_bytes()
at = whole.index(b"ilar")
(HERE / "old_IwSQ.faiss").write_bytes(b"IwSQ" + whole[4 : at - 1] + whole[at:])
answer("old_IwSQ", "plain")
# behind transforms of vectors
TRAIN = f32(np.random.default_rng(15).standard_normal((300, D)) * np.arange(1, D + 1) + 1)


def behind(name, description, metric="l2", inner=None, chain=()):
    """An index behind transforms by its description, or INNER behind those of CHAIN, trained and filled; and its file."""
    kind = METRICS[metric][1]
    index = inner if inner is not None else faiss.index_factory(D, description, kind)
    for transform in reversed(chain):
        index = index if isinstance(index, faiss.IndexPreTransform) else faiss.IndexPreTransform(index)
        index.prepend_transform(transform)
        transform.this.disown()
    lists = faiss.try_extract_index_ivf(index)
    if lists is not None:
        lists = faiss.downcast_index(lists)
        lists.nprobe = 3
        if isinstance(lists, faiss.IndexIVFScalarQuantizer):
            lists.by_residual = False
    index.train(TRAIN)
    index.add(BASE["plain"])
    save(name, "plain", index)
    return index


for name, description, metric in [
    ("pre_pca", "PCA3,Flat", "l2"),
    ("pre_pca_ip", "PCA3,Flat", "ip"),
    ("pre_pcaw", "PCAW4,Flat", "l2"),
    ("pre_pcawr", "PCAWR3,Flat", "ip"),
    ("pre_pcar_ivf_sq8", "PCAR4,IVF8,SQ8", "l2"),
    ("pre_pcar_ivf_sq8_ip", "PCAR4,IVF8,SQ8", "ip"),
    ("pre_l2norm", "L2norm,Flat", "l2"),
    ("pre_l2norm_ip", "L2norm,Flat", "ip"),
    ("pre_rr", "RR4,Flat", "l2"),
    ("pre_rr_wide", "RR9,Flat", "ip"),
    ("pre_itq", "ITQ3,Flat", "l2"),
    ("pre_itq_all", "ITQ,Flat", "ip"),
    ("pre_opq_ivf", "OPQ2_4,IVF8,Flat", "l2"),
    ("pre_opq_ivf_ip", "OPQ3,IVF8,Flat", "ip"),
    ("pre_hr", "HR,Flat", "l2"),
    ("pre_pad", "Pad9,Flat", "ip"),
    ("pre_chain_ivf", "L2norm,PCA4,RR3,IVF8,Flat", "ip"),
]:
    behind(name, description, metric)
# of hand: less the mean, picked elements, a matrix that is no rotation
picked = faiss.RemapDimensionsTransform(D, 4, False)
faiss.copy_array_to_vector(np.array([5, -1, 0, 2], np.int32), picked.map)
behind("pre_center", None, inner=faiss.IndexFlatL2(4), chain=[faiss.CenteringTransform(D), picked])
matrix = faiss.LinearTransform(D, 3, True)
faiss.copy_array_to_vector(f32(rng.standard_normal(3 * D)), matrix.A)
faiss.copy_array_to_vector(f32([1, 2, 3]), matrix.b)
matrix.is_trained = True
behind("pre_linear", None, inner=faiss.IndexFlatL2(3), chain=[matrix])
# ids on either side of the transforms
opq = faiss.read_index(str(HERE / "pre_opq_ivf.faiss"))
opq.reset()
index = faiss.IndexIDMap2(opq)
index.add_with_ids(BASE["plain"], SOME)
save("idmap2_pre_ivf", "plain", index)
mapped, length = faiss.IndexIDMap(faiss.IndexFlatL2(D)), faiss.NormalizationTransform(D, 2.0)
index = faiss.IndexPreTransform(mapped)
index.prepend_transform(length)
index.add_with_ids(BASE["plain"], SOME)
save("pre_idmap_flat", "plain", index)
# not trained
for name, description in [
    ("untrained_pre_ivf", "PCA4,IVF8,Flat"),
    ("untrained_pre_itq", "ITQ3,Flat"),
    ("untrained_pre_rr", "RR4,Flat"),
]:
    faiss.write_index(faiss.index_factory(D, description), str(HERE / f"{name}.faiss"))
# as FAISS wrote components long ago: without epsilon, and before that without bins
whole = (HERE / "pre_pcaw.faiss").read_bytes()
at = whole.index(b"Pcam")
head, (power, turned, bins), rest = whole[:at], (whole[at + 4 : at + 8], whole[at + 12 : at + 13], whole[at + 13 : at + 17]), whole[at + 17 :]
for letters, parts in [("PcAm", power + turned + bins), ("PCAm", power + turned)]:
    (HERE / f"pre_{letters}.faiss").write_bytes(head + letters.encode() + parts + rest)
    answer(f"pre_{letters}", "plain")

# codes in no lists
for name, factory in [
    ("sq8", "SQ8"),
    ("sq6", "SQ6"),
    ("sq4", "SQ4"),
    ("sqfp16", "SQfp16"),
    ("pq3", "PQ3np"),
    ("pq3x4", "PQ3x4np"),
    ("pq6x5", "PQ6x5np"),
]:
    for metric in ["l2", "ip"]:
        index = faiss.index_factory(D, factory, METRICS[metric][1])
        index.train(MORE)
        index.add(BASE["plain"])
        save(f"{name}_{metric}", "plain", index)
trained = faiss.read_index(str(HERE / "pq3_l2.faiss"))
trained.reset()
index = faiss.IndexIDMap2(trained)
index.add_with_ids(BASE["plain"], SOME)
save("idmap2_pq", "plain", index)
behind("pre_rr_pq", None, inner=faiss.index_factory(4, "PQ2x5np"), chain=[faiss.RandomRotationMatrix(D, 4)])
for name, factory in [("untrained_flat_sq", "SQ8"), ("untrained_flat_pq", "PQ3x4np")]:
    faiss.write_index(faiss.index_factory(D, factory), str(HERE / f"{name}.faiss"))
# the same codes for fast scans, which round distances: what is answered is what the codes say
for name, plain, made in [
    ("fast_pq3x4", "pq3x4_l2", faiss.IndexPQFastScan),
    ("fast_pq3x4_ip", "pq3x4_ip", faiss.IndexPQFastScan),
    ("fast_ivf_pq3x4", "ivf_pq3x4_l2", faiss.IndexIVFPQFastScan),
    ("fast_ivf_pq3x4_ip", "ivf_pq3x4_ip", faiss.IndexIVFPQFastScan),
]:
    index = faiss.read_index(str(HERE / f"{plain}.faiss"))
    faiss.write_index(made(index), str(HERE / f"{name}.faiss"))
    answer(plain, "plain", name)
index = faiss.index_factory(D, "PQ2x4fs_64")
index.train(MORE)
index.add(BASE["plain"])
faiss.write_index(index, str(HERE / "fast_blocks.faiss"))
plain = faiss.IndexPQ(D, 2, 4)
plain.pq, plain.is_trained = index.pq, True
plain.add(BASE["plain"])
faiss.write_index(plain, str(HERE / "plain_blocks.faiss"))
answer("plain_blocks", "plain", "fast_blocks")
(HERE / "plain_blocks.faiss").unlink()
faiss.write_index(faiss.index_factory(D, "IVF8,PQ3x4fs"), str(HERE / "untrained_fast_ivf.faiss"))
# as FAISS wrote product quantizers long ago: always by l2, whatever they say, and before that without how they are searched
whole = (HERE / "pq3_ip.faiss").read_bytes()
for letters, rest in [("IxPo", whole[4:]), ("IxPQ", whole[4:-9])]:
    (HERE / f"old_{letters}.faiss").write_bytes(letters.encode() + rest)
    answer(f"old_{letters}", "plain")
bits.signs(HERE, (BASE["plain"], QUERY["plain"], TRAIN), SOME, save, answer)
bits.lists(HERE, (BASE["bits"], QUERY["bits"]), SOME, save)

# RaBitQ, whose searches read queries in full, or round them to some bits
for name, factory, query_bits in [
    ("rabitq", "RaBitQ", 0),
    ("rabitq4", "RaBitQ4", 0),
    ("ivf_rabitq", "IVF8,RaBitQ", 0),
    ("ivf_rabitq2", "IVF8,RaBitQ2", 0),
    ("ivf_rabitq9", "IVF8,RaBitQ9", 0),
    ("rabitq_qb4", "RaBitQ", 4),
    ("ivf_rabitq_qb1", "IVF8,RaBitQ", 1),
    ("ivf_rabitq_qb4", "IVF8,RaBitQ", 4),
    ("ivf_rabitq_qb8", "IVF8,RaBitQ", 8),
    ("ivf_rabitq3_qb4", "IVF8,RaBitQ3", 4),
]:
    for metric in ["l2", "ip"]:
        index = faiss.index_factory(D, factory, METRICS[metric][1])
        index.train(MORE)
        index.add(BASE["plain"])
        index.qb = query_bits
        if name.startswith("ivf"):
            index.nprobe = 3
        save(f"{name}_{metric}", "plain", index)
behind("pre_rr_ivf_rabitq", None, inner=faiss.index_factory(4, "IVF8,RaBitQ4"), chain=[faiss.RandomRotationMatrix(D, 4)])
trained = faiss.read_index(str(HERE / "rabitq4_l2.faiss"))
trained.reset()
index = faiss.IndexIDMap2(trained)
index.add_with_ids(BASE["plain"], SOME)
save("idmap2_rabitq", "plain", index)
for name, factory in [("untrained_ivf_rabitq", "IVF8,RaBitQ4"), ("untrained_flat_rabitq", "RaBitQ4")]:
    index = faiss.index_factory(D, factory)
    index.qb = 0
    faiss.write_index(index, str(HERE / f"{name}.faiss"))
# candidates that are compared again
def refined(name, description, metric, k_factor):
    """An index of two stages, trained and filled; and its file."""
    index = faiss.index_factory(D, description, METRICS[metric][1])
    faiss.downcast_index(faiss.extract_index_ivf(index.base_index)).nprobe = 3
    index.k_factor = k_factor
    index.train(TRAIN)
    if "empty" not in name:
        index.add(BASE["plain"])
    save(name, "plain", index)
    return index


for metric in ["l2", "ip"]:
    refined(f"refine_ivf_flat_{metric}", "IVF8,Flat,RFlat", metric, 1)
    refined(f"refine_ivf_pq_{metric}", "IVF8,PQ3x4np,RFlat", metric, 3)
    refined(f"refine_pca_ivf_{metric}", "PCA4,IVF8,Flat,RFlat", metric, 3)
refined("refine_ivf_pq_sq8", "IVF8,PQ3x4np,Refine(SQ8)", "l2", 3)
empty = refined("refine_ivf_empty", "IVF8,Flat,RFlat", "l2", 2)
index = faiss.IndexIDMap2(empty)
index.add_with_ids(BASE["plain"], SOME)
save("idmap2_refine_ivf", "plain", index)
# a first stage that numbers the rows in another order
order = rng.permutation(N).astype(np.int64)
mapped, rows = faiss.IndexIDMap2(faiss.IndexFlatL2(D)), faiss.IndexFlatL2(D)
mapped.add_with_ids(BASE["plain"][order], order)
rows.add(BASE["plain"])
index = faiss.IndexRefine(mapped, rows)
index.k_factor = 2
save("refine_mapped_flat", "plain", index)
faiss.write_index(faiss.index_factory(D, "IVF8,PQ3x4np,RFlat"), str(HERE / "untrained_refine_ivf.faiss"))
# candidates by signs, none of them as far as the first that is left out
for name, description, k_factor in [("refine_lsh", "LSH96r,RFlat", 1.8), ("refine_rr_lsh", "RR9,LSH120rt,RFlat", 3)]:
    index = faiss.index_factory(D, description)
    index.k_factor = k_factor
    index.train(TRAIN)
    index.add(BASE["plain"])
    asked = int(5 * k_factor)
    near, _ = index.base_index.search(QUERY["plain"], asked + 1)
    assert (near[:, asked - 1] < near[:, asked]).all(), near[:, asked - 1 :]
    save(name, "plain", index)

(HERE / "answers.txt").write_text("\n".join(answers) + "\n")
(HERE / "lists.txt").write_text("\n".join(lists) + "\n")

REFUSED = HERE / "refused"
REFUSED.mkdir(exist_ok=True)
SMALL = BASE["plain"][:20]
for name, factory in [
    ("ivf_pq", "IVF2,PQ2x2"),
    ("pq", "PQ2x2"),
    ("refine", "Flat,Refine(HNSW4,Flat)"),
    ("ivf_hnsw", "IVF2_HNSW4,Flat"),
]:
    index = faiss.index_factory(D, factory)
    index.train(SMALL)
    index.add(SMALL)
    faiss.write_index(index, str(REFUSED / f"{name}.faiss"))
index = faiss.index_factory(D, "RaBitQfs")
index.train(SMALL)
index.add(SMALL)
faiss.write_index(index, str(REFUSED / "rabitq_fast.faiss"))
index = faiss.index_factory(D, "PQ3x4")
index.train(MORE)
index.search_type = faiss.IndexPQ.ST_polysemous
faiss.write_index(index, str(REFUSED / "polysemous.faiss"))
# a matrix of which no file says how it is trained
faiss.write_index(faiss.index_factory(D, "OPQ2_4,Flat"), str(REFUSED / "untrained_opq.faiss"))
within, length = faiss.index_factory(D, "L2norm,Flat"), faiss.NormalizationTransform(D, 2.0)
index = faiss.IndexPreTransform(within)
index.prepend_transform(length)
faiss.write_index(index, str(REFUSED / "twice_transformed.faiss"))
index = ivf("l2", "plain", nlist=2)
index.add_with_ids(SMALL[:4], np.array([5, 7, 5, 5], np.int64))
faiss.write_index(index, str(REFUSED / "twice.faiss"))
index = ivf("l2", "plain", nlist=2)
index.add_with_ids(SMALL[:4], np.array([5, 7, -3, 6], np.int64))
faiss.write_index(index, str(REFUSED / "negative.faiss"))
index = faiss.IndexIVFFlat(faiss.IndexFlatL2(D), D, 2, faiss.METRIC_INNER_PRODUCT)
index.train(SMALL)
index.add(SMALL)
faiss.write_index(index, str(REFUSED / "other_metric.faiss"))
index = faiss.IndexFlatL2(D)
index.add(f32([[np.nan] * D, [1] * D]))
faiss.write_index(index, str(REFUSED / "nan.faiss"))
