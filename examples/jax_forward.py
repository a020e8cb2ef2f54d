#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A recurrent model that seqtrain trained, compiled by JAX: numpy_forward.py with lax.scan over the rows.

    seqtrain data --features -m RUN -o features.csv
    python3 jax_forward.py RUN features.csv >predictions.csv

Weights go in as a pytree, so that jax.grad and jax.vmap work on forward() as on any function.
"""
from functools import partial

import jax
import jax.numpy as jnp

import numpy_forward


@partial(jax.jit, static_argnames=("cell", "layers"))
def run(state, x, cell, layers):
    """x [B, T, F] -> [B, targets]"""
    step = {"lstm": numpy_forward.lstm, "gru": numpy_forward.gru}[cell]
    x = jnp.swapaxes(x, 0, 1)
    for layer in range(layers):
        weights = numpy_forward.layer_weights(state, cell, layer)

        def walk(carry, row):
            carry = step(row, *carry, weights, jnp)
            return carry, carry[0]

        begin = jnp.zeros((x.shape[1], weights[1].shape[1]), jnp.float32)
        x = jax.lax.scan(walk, (begin, begin), x)[1]
    return x[-1] @ state["output.weight"].T + state["output.bias"]


def forward(state, config, x):
    return run(state, jnp.asarray(x), config["model"]["cell"], int(config["model"]["layers"]))


if __name__ == "__main__":
    numpy_forward.main(forward)
