"""usearch on the processor, all cores: its exact search, and its HNSW graph. Arguments: data.py, and those of the graph."""

import usearch
from usearch.index import Index, MetricKind, search

import data


def keys(matches):
    """Of one query usearch returns one row, of several a matrix."""
    return matches.keys.reshape(-1, matches.keys.shape[-1])


def main():
    parser = data.arguments(__doc__)
    parser.add_argument("--m", type=int, default=16, help="links of a node [%(default)s]")
    parser.add_argument("--ef-construction", type=int, default=128, help="candidates while building [%(default)s]")
    parser.add_argument("--ef", type=int, default=64, help="candidates while searching [%(default)s]")
    options = parser.parse_args()
    work = data.Work(options)
    data.header()

    def exact(queries, k):
        return search(work.rows, queries, k, MetricKind.L2sq, exact=True)

    data.measure(f"usearch {usearch.__version__} exact", work, exact, ids=keys)
    index = Index(
        ndim=work.d, metric=MetricKind.L2sq, dtype="f32", connectivity=options.m,
        expansion_add=options.ef_construction, expansion_search=options.ef,
    )
    index.add(None, work.rows)

    def graph(queries, k):
        return index.search(queries, k)

    name = f"usearch {usearch.__version__} HNSW M{options.m} ef{options.ef}"
    data.measure(name, work, graph, ids=keys)


main()
