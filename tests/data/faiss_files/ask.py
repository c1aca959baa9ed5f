"""Prints what FAISS finds in index files, as answers.txt has it: python ask.py FOLDER NAME=DATA ...

FOLDER/NAME.faiss is searched for the queries DATA.query.npy beside this file; of NAME..._cosine these are normalised. Ends with 3 where
there is no faiss.
"""

import pathlib
import sys

try:
    import faiss
    import numpy as np
except ImportError:
    sys.exit(3)

HERE, K = pathlib.Path(__file__).parent, 5
for argument in sys.argv[2:]:
    name, data = argument.split("=")
    path = str(pathlib.Path(sys.argv[1]) / f"{name}.faiss")
    index = faiss.read_index_binary(path) if data == "bits" else faiss.read_index(path)
    queries = np.load(HERE / f"{data}.query.npy")
    if name.endswith("cosine"):
        faiss.normalize_L2(queries)
    distances, ids = index.search(queries, K)
    for q in range(len(queries)):
        hits = [f"{i}:{float(d):.8g}" for i, d in zip(ids[q], distances[q]) if i >= 0]
        print(name, data, q, *hits)
