#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The peers of what is no training step: scikit-learn, openTSNE and pyarrow, for tests/bench/bench.py.

bench_libraries.py points PATH N                  writes points, float32 [N, 32]
bench_libraries.py kmeans PATH K ITERATIONS
bench_libraries.py tsne PATH N ITERATIONS MAP THREADS
bench_libraries.py divergence PATH N MAP...       of maps of the first N points, in double precision
bench_libraries.py table PATH BYTES COLUMNS       writes a CSV file: time, f0, f1, ...
bench_libraries.py csv PATH THREADS
bench_libraries.py feather PATH THREADS FILE      FILE is written where it is missing, untimed
bench_libraries.py parquet PATH THREADS FILE

Each prints an object of JSON: seconds from the input in memory (of files: in the page cache) to the
result in memory, without Python's start, and what the result is compared by.
"""

import json
import os
import sys
import time

import numpy as np

D = 32


def points(path, n):
    """Latent vectors as they look after training: uneven, blurred heaps on the unit sphere."""
    rng, heaps = np.random.default_rng(0), 300
    centre = rng.normal(size=(heaps, D))
    weight = rng.dirichlet(np.ones(heaps) * 0.5)
    x = centre[rng.choice(heaps, int(n), p=weight)] + 0.5 * rng.normal(size=(int(n), D))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    x.astype(np.float32).tofile(path)
    return {}


def read_points(path, n=None):
    return np.fromfile(path, np.float32).reshape(-1, D)[:n]


def timed(call):
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def kmeans(path, k, iterations):
    """As many iterations as ours, one start; OMP_NUM_THREADS sets the threads."""
    from sklearn.cluster import KMeans

    model = KMeans(int(k), n_init=1, max_iter=int(iterations), tol=0, random_state=1)
    x = read_points(path)
    _, seconds = timed(lambda: model.fit(x))
    return {"seconds": seconds, "figure": float(model.inertia_)}


def tsne(path, n, iterations, out, threads):
    """openTSNE as it chooses by itself (approximate neighbours, FIt-SNE from 10,000 points on), from
    the points to the map, as ours is timed."""
    import openTSNE

    early = min(250, int(iterations) // 4)
    x = read_points(path, int(n)).astype(np.float64)
    model = openTSNE.TSNE(perplexity=30, early_exaggeration_iter=early, n_iter=int(iterations) - early,
                          n_jobs=int(threads), random_state=0)  # fmt: skip
    y, seconds = timed(lambda: model.fit(x))
    np.asarray(y, np.float32).tofile(out)
    return {"seconds": seconds}


def divergence(path, n, *maps):
    """KL(P || Q) with openTSNE's exact P, for every map alike."""
    from openTSNE.affinity import PerplexityBasedNN

    n = int(n)
    x = read_points(path, n).astype(np.float64)
    p = PerplexityBasedNN(x, perplexity=30, method="exact", n_jobs=os.cpu_count()).P.tocoo()
    figures = []
    for name in maps:
        y, norm = np.fromfile(name, np.float32).reshape(n, 2).astype(np.float64), -float(n)
        for i in range(0, n, 500):
            norm += (1 / (1 + ((y[i : i + 500, None] - y[None]) ** 2).sum(-1))).sum()
        square = ((y[p.row] - y[p.col]) ** 2).sum(1)
        figures.append(float((p.data * np.log(p.data * (1 + square) * norm)).sum()))
    return {"figures": figures}


# --- CSV


def table(path, size, columns):
    """Rows a minute apart, numbers of four decimals."""
    import pyarrow as pa
    import pyarrow.csv

    rng, block, row = np.random.default_rng(0), 1 << 18, 0
    with open(path, "wb") as out:
        out.write(("time," + ",".join(f"f{i}" for i in range(int(columns))) + "\n").encode())
        while out.tell() < int(size):
            data = {"time": 1600000020000 + 60000 * np.arange(row, row + block)}
            data |= {f"f{i}": np.round(100 * rng.normal(size=block), 4) for i in range(int(columns))}
            pa.csv.write_csv(pa.table(data), out, pa.csv.WriteOptions(include_header=False))
            row += block
    return {"rows": row}


def summary(read, seconds):
    """The sum of all numbers but the times."""
    import pyarrow.compute as pc

    total = sum(pc.sum(read[name]).as_py() for name in read.column_names if name != "time")
    return {"seconds": seconds, "figure": total, "rows": read.num_rows}


def csv(path, threads):
    """The types are told, which spares pyarrow guessing them; its columns stay in chunks."""
    import pyarrow as pa
    import pyarrow.csv

    pa.set_cpu_count(int(threads))
    with open(path) as file:
        names = file.readline().strip().split(",")
    types = {name: pa.int64() if name == "time" else pa.float64() for name in names}
    convert = pa.csv.ConvertOptions(column_types=types)
    return summary(*timed(lambda: pa.csv.read_csv(path, convert_options=convert)))


def feather(path, threads, file):
    """Not compressed, and read into memory: a mapped file would be read by whoever uses it first."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.feather

    pa.set_cpu_count(int(threads))
    if not os.path.exists(file):
        pa.feather.write_feather(pa.csv.read_csv(path), file, compression="uncompressed")
    return summary(*timed(lambda: pa.feather.read_table(file, memory_map=False)))


def parquet(path, threads, file):
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    pa.set_cpu_count(int(threads))
    if not os.path.exists(file):
        pa.parquet.write_table(pa.csv.read_csv(path), file)
    return summary(*timed(lambda: pa.parquet.read_table(file)))


if __name__ == "__main__":
    commands = [points, kmeans, tsne, divergence, table, csv, feather, parquet]
    print(json.dumps({c.__name__: c for c in commands}[sys.argv[1]](*sys.argv[2:])))
