"""hnswlib on the processor, all cores: an HNSW graph, approximate. Arguments: data.py, and those of the graph."""

import os
from importlib.metadata import version

import hnswlib

import data


def main():
    parser = data.arguments(__doc__)
    parser.add_argument("--m", type=int, default=16, help="links of a node [%(default)s]")
    parser.add_argument("--ef-construction", type=int, default=200, help="candidates while building [%(default)s]")
    parser.add_argument("--ef", default="64,256", help="candidates while searching, at least k [%(default)s]")
    options = parser.parse_args()
    work = data.Work(options)
    index = hnswlib.Index(space="l2", dim=work.d)
    index.init_index(max_elements=work.n, M=options.m, ef_construction=options.ef_construction)
    index.set_num_threads(os.cpu_count())
    index.add_items(work.rows)
    data.header()
    for ef in map(int, options.ef.split(",")):

        def search(queries, k, ef=ef):
            index.set_ef(max(ef, k))
            return index.knn_query(queries, k=k)[0]

        data.measure(f"hnswlib {version('hnswlib')} HNSW M{options.m} ef{ef}", work, search)


main()
