"""FAISS on the processor, all cores: IndexFlatL2 and IndexFlatIP. Arguments and columns: data.py."""

import faiss

import data


def main():
    work = data.Work(data.arguments(__doc__).parse_args())
    data.header()
    for kind, metric in (("IndexFlatL2", "l2"), ("IndexFlatIP", "ip")):
        index = getattr(faiss, kind)(work.d)
        index.add(work.rows)

        def search(queries, k, index=index):
            return index.search(queries, k)[1]

        data.measure(f"faiss-cpu {faiss.__version__} {kind}", work, search, metric)


main()
