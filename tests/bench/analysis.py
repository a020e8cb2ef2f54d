#!/usr/bin/env python3
"""Holds k-means and t-SNE against scikit-learn and openTSNE on the same points.

analysis.py make POINTS              writes the points of tests/bench/RESULTS.md, float32 [200000, 32]
analysis.py map POINTS N MAP         divergence of the first N points' map, in double precision
analysis.py peers POINTS N K ITERATIONS   the same of scikit-learn and openTSNE; scikit-learn's k-means
"""
import sys
import time

import numpy as np

D = 32


def make(path):
    """Latent vectors as they look after training: uneven, blurred heaps on the unit sphere."""
    rng = np.random.default_rng(0)
    n, heaps = 200000, 300
    centre = rng.normal(size=(heaps, D))
    weight = rng.dirichlet(np.ones(heaps) * 0.5)
    x = centre[rng.choice(heaps, n, p=weight)] + 0.5 * rng.normal(size=(n, D))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    x.astype(np.float32).tofile(path)


def affinities(x):
    import openTSNE
    return openTSNE.affinity.PerplexityBasedNN(
        x.astype(np.float64), perplexity=30, method="exact", n_jobs=2)


def divergence(p, y):
    p, y, norm = p.tocoo(), np.asarray(y, np.float64), -float(len(y))
    for i in range(0, len(y), 500):
        norm += (1 / (1 + ((y[i:i + 500, None] - y[None]) ** 2).sum(-1))).sum()
    square = ((y[p.row] - y[p.col]) ** 2).sum(1)
    return (p.data * np.log(p.data * (1 + square) * norm)).sum()


def peers(path, n, k, iterations):
    import openTSNE
    import sklearn
    from sklearn.cluster import KMeans
    from sklearn.manifold import TSNE
    print("scikit-learn", sklearn.__version__, "openTSNE", openTSNE.__version__, "numpy", np.__version__)
    x = np.fromfile(path, np.float32).reshape(-1, D)
    start = time.time()
    model = KMeans(k, n_init=1, max_iter=iterations, tol=0, random_state=1).fit(x)
    print(f"scikit-learn k-means: {time.time() - start:.2f} s, inertia {model.inertia_:.9g}", flush=True)
    x, p = x[:n], affinities(x[:n])
    start = time.time()
    model = TSNE(perplexity=30, n_jobs=2, random_state=0).fit(x)
    print(f"scikit-learn t-SNE: {time.time() - start:.2f} s, its own figure {model.kl_divergence_:.4f}, "
          f"divergence {divergence(p.P, model.embedding_):.4f}", flush=True)
    start = time.time()
    y = openTSNE.TSNEEmbedding(openTSNE.initialization.pca(x, random_state=0), p,
                               negative_gradient_method="fft", n_jobs=2)
    y = y.optimize(250, exaggeration=12, momentum=0.5).optimize(750, momentum=0.8)
    print(f"openTSNE: {time.time() - start:.2f} s, its own figure {y.kl_divergence:.4f}, "
          f"divergence {divergence(p.P, y):.4f}")


if sys.argv[1] == "make":
    make(sys.argv[2])
elif sys.argv[1] == "map":
    points = np.fromfile(sys.argv[2], np.float32).reshape(-1, D)[:int(sys.argv[3])]
    print(divergence(affinities(points).P, np.fromfile(sys.argv[4], np.float32).reshape(-1, 2)))
else:
    peers(sys.argv[2], *map(int, sys.argv[3:6]))
