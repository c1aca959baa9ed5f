"""cuVS on the card: exact search by brute force and, with --cagra, its graph. Arguments and columns: data.py.

Queries and answers stay in device memory.
"""

import cuvs
import cupy
from cuvs.common import Resources
from cuvs.neighbors import brute_force, cagra

import data

# Our name, cuVS's name, its argument.
PRODUCTS = (("l2", "sqeuclidean", 2.0), ("ip", "inner_product", 2.0))
METRICS = (
    ("l1", "l1", 2.0),
    ("linf", "chebyshev", 2.0),
    ("lp:3", "minkowski", 3.0),
    ("canberra", "canberra", 2.0),
    ("jensenshannon", "jensenshannon", 2.0),
    ("kl", "kl_divergence", 2.0),
)


def main():
    parser = data.arguments(__doc__)
    parser.add_argument("--metrics", action="store_true", help="instead, brute force under the metrics that are no products")
    parser.add_argument("--cagra", action="store_true", help="measure the CAGRA graph, too")
    parser.add_argument("--itopk", type=int, default=64, help="candidates while searching the graph [%(default)s]")
    options = parser.parse_args()
    work = data.Work(options, magnitudes=options.metrics)
    # a handle of our own is synchronised by us, and not made anew in each call
    resources = Resources()
    rows = cupy.asarray(work.rows)

    def prepare(queries):
        q = cupy.asarray(queries)
        cupy.cuda.Device().synchronize()
        return q

    def ids(neighbors):
        return cupy.asnumpy(cupy.asarray(neighbors))

    data.header()
    for metric, name, argument in METRICS if options.metrics else PRODUCTS:
        index = brute_force.build(rows, metric=name, metric_arg=argument, resources=resources)
        resources.sync()

        def search(queries, k, index=index):
            neighbors = brute_force.search(index, queries, k, resources=resources)[1]
            resources.sync()
            return neighbors

        label = f"cuvs {cuvs.__version__} brute force {metric}"
        data.measure(label, work, search, metric, prepare=prepare, ids=ids)
    if options.cagra:
        index = cagra.build(cagra.IndexParams(metric="sqeuclidean"), rows, resources=resources)
        resources.sync()

        def graph(queries, k):
            # the graph keeps a multiple of 32 candidates, k of them at least
            params = cagra.SearchParams(itopk_size=-(-max(options.itopk, k) // 32) * 32)
            neighbors = cagra.search(params, index, queries, k, resources=resources)[1]
            resources.sync()
            return neighbors

        label = f"cuvs {cuvs.__version__} CAGRA itopk{options.itopk}"
        data.measure(label, work, graph, prepare=prepare, ids=ids)


main()
