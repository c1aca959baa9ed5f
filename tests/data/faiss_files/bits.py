"""Signs of rows and lists of bits, which make.py writes with all others."""

import struct

import faiss
import numpy as np


def signs(here, data, ids, save, answer):
    """Files of signs, and decoded.txt; DATA are rows, queries and a sample."""
    rows, queries, train = data
    d, decoded = rows.shape[1], []
    # signs of rows, none of which lies so near a threshold that the order of a sum decides its bit
    np.save(here / "plain.base.npy", rows)

    def one(name, description, index=None, named=None, sample=train):
        """An index of signs by its description; and its file."""
        index = faiss.index_factory(d, description) if index is None else index
        index.train(sample)
        index.add(rows) if named is None else index.add_with_ids(rows, named)
        lsh = index
        while not isinstance(lsh, faiss.IndexLSH):
            lsh = faiss.downcast_index(lsh.index)
        if lsh is index:
            asked = np.vstack([rows, queries])
            if lsh.rotate_data:
                asked = lsh.rrot.apply(asked)
            asked = asked[:, : lsh.nbits]
            if lsh.train_thresholds:
                asked = asked - faiss.vector_to_array(lsh.thresholds)
            # but a median of its own rows
            assert np.abs(asked).min() > 1e-5 or sample is not train
        # of fewer bits than elements FAISS leaves the others as they were in memory
        known = d if lsh is not index or lsh.rotate_data else lsh.nbits
        if "itq" not in name and "idmap" not in name:
            for row in range(4):
                values = index.reconstruct(row)[:known]
                decoded.append(" ".join([name, str(row), *(f"{x:.8g}" for x in values)]))
        save(name, "plain", index)

    for name, description in [
        ("lsh", "LSH"),
        ("lsh4", "LSH4"),
        ("lsh_t", "LSHt"),
        ("lsh5t", "LSH5t"),
        ("lsh9r", "LSH9r"),
        ("lsh3rt", "LSH3rt"),
        ("lsh13rt", "LSH13rt"),
        ("lsh64r", "LSH64r"),
        ("pre_itq_lsh", "ITQ3,LSH"),
        ("pre_rr_lsh", "RR16,LSHt"),
    ]:
        one(name, description)
    one("lsh_medians", "LSHt", sample=rows)
    one("idmap2_lsh", "IDMap2,LSH4rt", named=ids)
    one("idmap2_pre_lsh", "IDMap2,PCA4,LSH4r", named=ids)
    # thresholds that became what the rotation adds
    index = faiss.index_factory(d, "LSH7rt")
    index.train(train)
    index.transfer_thresholds(index.rrot)
    one("lsh_bias", None, index)
    save("lsh_empty", "plain", faiss.index_factory(d, "LSH9r"))
    for name, description in [("untrained_lsh", "LSH9rt"), ("untrained_pre_lsh", "ITQ3,LSHt")]:
        faiss.write_index(faiss.index_factory(d, description), str(here / f"{name}.faiss"))
    # of old the bytes of a row were counted in words of 64 bits
    whole = (here / "lsh64r.faiss").read_bytes()
    assert whole[51:55] == struct.pack("<i", 8)
    (here / "lsh_old.faiss").write_bytes(b"IxHE" + whole[4:51] + struct.pack("<i", 1) + whole[55:])
    answer("lsh_old", "plain")
    (here / "decoded.txt").write_text("\n".join(decoded) + "\n")


def lists(here, data, ids, save):
    """Files of lists of bits; DATA are rows and queries."""
    rows, queries = data
    refused = here / "refused"
    refused.mkdir(exist_ok=True)
    # lists of bits, of which so many are looked at that no two centroids tie for the last of them, or all
    sample = np.random.default_rng(16).integers(0, 256, (400, 5)).astype(np.uint8)

    def one(name, nlist, named=None, around=None, direct=False):
        index = faiss.index_binary_factory(40, f"BIVF{nlist}")
        index.train(sample)
        coarse, _ = index.quantizer.search(queries, nlist)
        far = np.sort(coarse, axis=1)
        apart = (n for n in range(3, nlist) if (far[:, n - 1] < far[:, n]).all())
        index.nprobe = next(apart, nlist)
        whole = index if around is None else around(index)
        whole.add(rows) if named is None else whole.add_with_ids(rows, named)
        if direct:
            index.make_direct_map()
        save(name, "bits", whole)

    one("ivf_bits", 8)
    one("ivf_bits_ids", 8, ids)
    one("ivf_bits_many", 100)
    one("ivf_bits_array", 8, direct=True)
    one("idmap2_ivf_bits", 8, ids, faiss.IndexBinaryIDMap2)
    index = faiss.index_binary_factory(40, "BIVF8")
    faiss.write_index_binary(index, str(here / "untrained_ivf_bits.faiss"))
    index.train(sample)
    save("ivf_bits_empty", "bits", index)
    index = faiss.index_binary_factory(40, "BIVF4_HNSW4")
    index.train(sample)
    faiss.write_index_binary(index, str(refused / "ivf_bits_hnsw.faiss"))
