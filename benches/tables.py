"""Writes the README's table of figures from benches/record/DEVICE. usage: tables.py [--check]

The block between `<!-- records: begin -->` and `<!-- records: end -->` is made anew from the latest record of each kind;
--check writes nothing and ends with 1 where the README says something else. Needs Python's standard library alone.
"""

import csv
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECORDS = ROOT / "benches" / "record"
BEGIN, END = "<!-- records: begin -->", "<!-- records: end -->"
RATE, MS = "queries/s", "ms"

# What the kernel that reads the f16 copy row by row is called, and was before.
F16_ROWS = ("scan_row_f16copy", "scan_row_half")

# Suites whose rows a line may be taken from, the first that has it.
SEARCH = ("exact", "all", "batch", "k", "n")
PEERS = ("peers", "pytorch")
METRICS, METRIC_PEERS = ("metrics",), ("peers-metrics",)


def search(name, n=1_000_000, d=128, queries=10_000, k=10, metric="l2", kernel=""):
    """A row of `nearfield bench`."""
    wanted = {"name": name, "metric": metric, "n": n, "d": d, "queries": queries, "k": k}
    return SEARCH, wanted, "kernel", kernel


def peer(name, n=1_000_000, d=128, queries=10_000, k=10):
    """A row of benches/peers."""
    return PEERS, {"n": n, "d": d, "queries": queries, "k": k}, "name", name


def metric(name, n=1_000_000, d=128, queries=1_000, kernel=""):
    """A row of the suite `metrics`."""
    wanted = {"metric": name, "n": n, "d": d, "queries": queries, "k": 10}
    return METRICS, wanted, "kernel", kernel


def metric_peer(name):
    """cuVS under the metric."""
    wanted = {"n": 1_000_000, "d": 128, "queries": 1_000, "k": 10}
    return METRIC_PEERS, wanted, "name", lambda text: text.endswith(f"brute force {name}")


def metric_line(words, name, **own):
    """One query and 1,000, and cuVS where it has the metric on such rows."""
    parts = (f"{words}, one query", metric(name, queries=1, **own)), ("1,000 queries", metric(name, **own))
    return MS, *parts, *(() if own else [("cuVS", metric_peer(name))])


BITS = {"n": 10_000_000, "d": 1_024}

# Unit, then what each figure is and where it stands; a figure without a record is left out with its words.
LINES = [
    (RATE, ("d = 128, L2, k = 10, 10,000 queries, f32 register tiles", search("f32 tile"))),
    (RATE, ("the same on matrix units, from a certified f16 copy", search("batch", kernel="scan_matrix"))),
    (RATE, ("the same, k = 100", search("batch", k=100)), ("k = 1000", search("batch", k=1000))),
    (RATE, ("the same, PyTorch, k = 10", peer("pytorch"))),
    (
        RATE,
        ("the same, cuVS brute force, k = 10", peer("cuvs")),
        ("k = 100", peer("cuvs", k=100)),
        ("k = 1000", peer("cuvs", k=1000)),
    ),
    (RATE, ("the same, faiss-cpu, k = 10", peer("faiss-cpu"))),
    (RATE, ("the same, usearch exact, k = 10", peer("usearch"))),
    (
        MS,
        ("d = 128, one query, f32 rows", search("f32 one query", queries=1)),
        ("f16 copy", search("one query", queries=1, kernel=F16_ROWS)),
        ("PyTorch", peer("pytorch", queries=1)),
        ("cuVS", peer("cuvs", queries=1)),
    ),
    (MS, ("d = 128, 100 queries", search("100 queries", queries=100)), ("cuVS", peer("cuvs", queries=100))),
    (
        RATE,
        ("d = 768, L2, k = 10, 10,000 queries", search("batch", d=768)),
        ("PyTorch", peer("pytorch", d=768)),
        ("cuVS", peer("cuvs", d=768)),
    ),
    (
        MS,
        ("d = 768, one query, f16 copy", search("one query", d=768, queries=1, kernel=F16_ROWS)),
        ("8-bit copy", search("one query from 8 bits", d=768, queries=1)),
        ("PyTorch", peer("pytorch", d=768, queries=1)),
        ("cuVS", peer("cuvs", d=768, queries=1)),
    ),
    (RATE, ("10M rows, d = 128, k = 10, 10,000 queries", search("batch", n=10_000_000))),
    (
        RATE,
        ("f16 rows, d = 128, 10,000 queries, k = 10", search("f16 rows")),
        ("u8 rows", search("u8 rows")),
    ),
    metric_line("d = 128, k = 10, L1", "l1"),
    metric_line("Linf", "linf"),
    metric_line("Lp of p = 3", "lp:3"),
    metric_line("Canberra", "canberra"),
    metric_line("Bray-Curtis", "braycurtis"),
    metric_line("Jaccard of numbers", "jaccard"),
    metric_line("NaN-Euclidean", "naneuclidean"),
    metric_line("Kullback-Leibler, from a certified f16 copy", "kl"),
    (MS, ("Jensen-Shannon, 1,000 queries", metric("jensenshannon")), ("cuVS", metric_peer("jensenshannon"))),
    (MS, ("Gower, 1,000 queries", metric("gower"))),
    (MS, ("a metric in WGSL with the step of L1, 1,000 queries", metric("wgsl"))),
    metric_line("L1 of u8 rows", "l1", kernel=("scan_direct_row_l1_u8", "scan_direct_l1_u8")),
    metric_line("10M rows of 1,024 bits, Hamming", "hamming", **BITS),
    metric_line("Jaccard of bits", "bit-jaccard", **BITS),
]


def latest(folder, kinds, suffix):
    """The files DATE-KIND.suffix of the folder, the latest first."""
    names = [f"-{kind}.{suffix}" for kind in kinds]
    # a date has ten characters
    found = [f for f in folder.iterdir() if any(f.name[10:] == name for name in names)]
    return sorted(found, key=lambda file: (file.name[:10], -names.index(file.name[10:])), reverse=True)


def begins(text, prefix):
    """Whether it begins so, or in one of several ways, or is what a function says."""
    return prefix(text) if callable(prefix) else text.startswith(prefix)


def find(folder, unit, spec):
    """The figure as text and the file that it stands in, or None."""
    kinds, wanted, column, prefix = spec
    for file in latest(folder, kinds, "csv"):
        with open(file, newline="", encoding="utf-8") as text:
            for row in csv.DictReader(text):
                if all(row[key] == str(value) for key, value in wanted.items()) and begins(row[column], prefix):
                    if unit == RATE:
                        return f"{int(row['queries_per_s']):,}", file
                    return row["wall_ms" if "wall_ms" in row else "ms"], file
    return None


def memory(folder):
    """Lines from benches/memory.py, whose record says how much host and device memory a search from a file takes."""
    for file in latest(folder, ("memory",), "jsonl"):
        for text in file.read_text(encoding="utf-8").splitlines():
            run = json.loads(text)
            shape = f"{run['rows'] // 1_000_000}M x {run['dim']}"
            host = f"`nearfield search` of {shape} from a file: anonymous host memory above `nearfield devices`"
            yield host, f"{run['above_devices'] / 1e6:.1f} MB", [file]
            share = run["summary"]["device_memory"]["peak"] / run["base_bytes"]
            yield "the same: peak device memory", f"{share:.2f} x the base", [file]
            return


# Cases of the suite `lists` that come in crowds, by their names there.
CROWDS = ("all queries in one list", "queries by Zipf", "lists of unequal length", "all queries in a long list")


def lists(folder):
    """The lines of the table of inverted lists, from the latest record of its suite."""
    for file in latest(folder, ("lists",), "json"):
        rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
        lines = [("| what | figure | record |",), ("|---|---|---|",)]
        for d in (128, 768):
            own = [row for row in rows if row["d"] == d and row["name"] == "lists"]
            if not own:
                continue
            batch = [row for row in own if row["queries"] == 10_000]
            few = [row for row in own if row["queries"] <= 10 and row["nprobe"] == 32]
            nprobes = "; ".join(str(row["nprobe"]) for row in batch)
            lines.append((f"d = {d}, 10,000 queries, {nprobes} of {own[0]['nlist']:,} lists",
                          "; ".join(f"{row['queries_per_s']:,.0f}" for row in batch) + " queries/s"))
            lines.append(("their recall", "; ".join(f"{row['recall']:.4f}" for row in batch)))
            lines.append(("32 lists, " + "; ".join(f"{row['queries']} queries" for row in few).replace("1 queries", "one query"),
                          "; ".join(f"{row['wall_ms']:.3f}" for row in few) + " ms"))
            lines.append(("from the host's rows to the centroids; from the host's rows to the first answer",
                          f"{own[0]['train_s']:.2f}; {own[0]['add_s']:.2f} s"))
            crowds = [row for row in rows if row["d"] == d and row["name"] in CROWDS and row["ratio"]
                      and row["queries"] == 10_000]
            if crowds:
                lines.append(("time of a pair of query and row beside evenly spread ones: " + "; ".join(row["name"] for row in crowds),
                              "; ".join(f"{row['ratio']:.2f}" for row in crowds) + " x"))
        record = f"{folder.name}/{file.name}"
        cells = [line[0] if len(line) == 1 else f"| {line[0]} | {line[1]} | {record if at == 2 else 'the same'} |"
                 for at, line in enumerate(lines)]
        text = f"Inverted lists on one {device(folder)}, `IvfFlat` of 1M rows near a plane of 32 dimensions, k = 10, recall by the index's own"
        return ["", text, "exact answers:", "", *cells]
    return []


def figures(folder):
    """What, figure and files of each line that the folder has records for."""
    for unit, *parts in LINES:
        found = [(words, find(folder, unit, spec)) for words, spec in parts]
        found = [(words, *there) for words, there in found if there]
        if found:
            words, values, files = zip(*found)
            yield "; ".join(words), f"{'; '.join(values)} {unit}", list(dict.fromkeys(files))
    yield from memory(folder)


def table(folder):
    """The lines of a device's table; a file is named in full where the line before named another."""
    lines, previous, seen = ["| what | figure | record |", "|---|---|---|"], None, set()
    for what, figure, files in figures(folder):
        if len(files) == 2 and set(files) == seen:
            record = "both"
        elif files == previous:
            record = "the same"
        else:
            record = ", ".join(f"{folder.name}/{file.name}" for file in files)
        lines.append(f"| {what} | {figure} | {record} |")
        previous, seen = files, seen | set(files)
    return lines


def device(folder):
    """What benches/README.md calls the device."""
    for line in (ROOT / "benches" / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] == folder.name:
            return cells[1].split(",")[0]
    sys.exit(f"error: the table of benches/README.md has no line for {folder.name}")


# Who is measured beside, and what of theirs.
PEER_WORDS = (("PyTorch", "PyTorch is `topk` of the fp32 product"), ("cuVS", "cuVS is its brute force"))


def block():
    lines = []
    for folder in sorted(f for f in RECORDS.iterdir() if f.is_dir()):
        rows = table(folder)
        if len(rows) == 2:
            lines += lists(folder)
            continue
        peers = [words for name, words in PEER_WORDS if any(name in row for row in rows)]
        lines += ["", f"On one {device(folder)}, 1M rows of f32 made of sums of uniform numbers, exact answers, from the host's"]
        lines[-1] += " queries to the host's hits" + (";" if peers else ".")
        if peers:
            lines.append(f"{', '.join(peers)}, on the same card in the same session.")
        lines += ["", *rows, *lists(folder)]
    return "\n".join(lines[1:])


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit("usage: tables.py [--check]")
    readme = ROOT / "README.md"
    before = readme.read_text(encoding="utf-8")
    if before.count(BEGIN) != 1 or before.count(END) != 1:
        sys.exit(f"error: README.md needs one line {BEGIN} and one line {END}")
    head, rest = before.split(BEGIN)
    after = f"{head}{BEGIN}\n{block()}\n{END}{rest.split(END)[1]}"
    if sys.argv[1:]:
        if after != before:
            sys.exit("error: README.md does not say what benches/record says: python3 benches/tables.py")
    else:
        readme.write_text(after, encoding="utf-8")


main()
