/* SPDX-License-Identifier: MIT */
/*
 * cnn_recurrent: 1-D convolutions over the window, then recurrent layers and a head.
 *
 * For each of model.conv_channels a convolution `conv.N`, a norm `conv_norm.N` (batch norm, in
 * front of which the convolution has no bias, layer norm over channels, or none), the activation
 * and max pooling; then the core of models/recurrent.h over the rows that are left, and
 * models/head.h. The PyTorch twin is cnn_recurrent.py.
 */
#ifndef MODELS_CNN_RECURRENT_H
#define MODELS_CNN_RECURRENT_H

#include "models/model.h"

extern const struct model_class model_cnn_recurrent;

#endif
