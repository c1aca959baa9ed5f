"""Writes codes.txt: FAISS's RaBitQ codes of rows around a center, and its estimates of their distances.

    pip install faiss-cpu==1.15.1 numpy
    python make.py

Rows, queries and the center come from whole numbers, so that the tests make the same without a file. A line is

    metric bits dim codes                  the codes of all rows, in hexadecimal
    metric bits dim qb centered numbers    its distances, query by query, row by row, in hexadecimal as f32
"""

import faiss
import numpy as np

ROWS, QUERIES = 7, 3


def number(i, j, salt):
    return np.float32(((i * 37 + j * 101 + i * i * j * 7 + salt * 13) % 251 - 125) / 16)


def made(dim):
    center = np.array([number(3, j, 5) / 4 for j in range(dim)], np.float32)
    rows = np.array([[number(i, j, 1) for j in range(dim)] for i in range(ROWS)], np.float32)
    # the center itself, one that shares elements with it, one near to it, and a long one
    rows[2] = center
    rows[3, ::3] = center[::3]
    rows[4] = center + rows[4] / 64
    rows[5] *= 512
    queries = np.array([[number(i, j, 9) for j in range(dim)] for i in range(QUERIES)], np.float32)
    queries[1] = rows[0]
    return center, rows, queries


with open("codes.txt", "w") as out:
    for metric in ("l2", "ip"):
        for bits in (1, 2, 4, 9):
            for dim in (13, 32):
                center, rows, queries = made(dim)
                kind = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT
                index = faiss.IndexRaBitQ(dim, kind, bits)
                faiss.copy_array_to_vector(center, index.center)
                index.is_trained = True
                index.add(rows)
                codes = faiss.vector_to_array(index.codes)
                out.write(f"{metric} {bits} {dim} {codes.tobytes().hex()}\n")
                for qb, centered in ((0, 0), (4, 0), (1, 0), (8, 1), (3, 1)):
                    params = faiss.RaBitQSearchParameters(qb=qb, centered=bool(centered))
                    distances, ids = index.search(queries, ROWS, params=params)
                    by_row = np.zeros((QUERIES, ROWS), np.float32)
                    for query in range(QUERIES):
                        by_row[query, ids[query]] = distances[query]
                    out.write(f"{metric} {bits} {dim} {qb} {centered} {by_row.tobytes().hex()}\n")
