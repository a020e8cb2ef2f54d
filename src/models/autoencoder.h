/* SPDX-License-Identifier: MIT */
/*
 * autoencoder: a transformer that presses a window into a latent vector and rebuilds it.
 *
 *   input Linear(F, D) + positions, N encoder layers, flattened;
 *   bottleneck Linear(T D, 2 D) LayerNorm ReLU Dropout, Linear(2 D, D) LayerNorm ReLU Dropout,
 *   Linear(D, latent), put on the unit sphere;
 *   expand Linear(latent, T D) + positions, N layers, output Linear(D, F).
 *
 * Loss: R (mean squared, absolute or Huber error of the window) + weight * C, see ops/ops.h. The
 * PyTorch twin is autoencoder.py.
 */
#ifndef MODELS_AUTOENCODER_H
#define MODELS_AUTOENCODER_H

#include "models/model.h"

extern const struct model_class model_autoencoder;

#endif
