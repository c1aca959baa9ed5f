"""Host and device memory of `nearfield search`, and its rate from a file. usage: memory.py NEARFIELD ROWS DIM [QUERIES]

Writes a base of ROWS x DIM f32 to the temporary folder, searches it, and prints the largest anonymous memory of the
process beside that of `nearfield devices`, whose share is the driver's.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np


def run(*command):
    """The output and the largest RssAnon of a command, in bytes."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    status, largest = pathlib.Path(f"/proc/{process.pid}/status"), 0
    while process.poll() is None:
        try:
            lines = status.read_text().splitlines()
        except OSError:
            break
        largest = max([largest] + [int(l.split()[1]) * 1024 for l in lines if l.startswith("RssAnon")])
        time.sleep(0.002)
    out = process.communicate()[0]
    if process.returncode:
        sys.exit(f"{command}: status {process.returncode}")
    return out, largest


program, n, d = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
nq = int(sys.argv[4]) if len(sys.argv) > 4 else 1000
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    random = np.random.default_rng(1)
    base = np.lib.format.open_memmap(folder / "base.npy", mode="w+", dtype="<f4", shape=(n, d))
    block = random.standard_normal((min(n, 100_000), d), dtype=np.float32)
    for first in range(0, n, len(block)):
        # the same rows moved a little: filling the file must not take longer than searching it
        base[first : first + len(block)] = block[: n - first] + np.float32(first * 1e-6)
    base.flush()
    del base
    np.save(folder / "query.npy", random.standard_normal((nq, d), dtype=np.float32))
    _, idle = run(program, "devices", "--json")
    start = time.perf_counter()
    out, most = run(
        program, "search", "--base", str(folder / "base.npy"), "--query", str(folder / "query.npy"), "-k", "10",
        "--stats", "--json", "--quiet", "--out", str(folder / "out"),
    )
    seconds = time.perf_counter() - start
    summary = json.loads(out.strip().splitlines()[-1])
    print(json.dumps({
        "rows": n, "dim": d, "queries": nq, "seconds": round(seconds, 3),
        "anonymous_bytes": most, "anonymous_bytes_of_devices": idle, "above_devices": most - idle,
        "base_bytes": n * d * 4, "summary": summary,
    }))
