/* SPDX-License-Identifier: MIT */
/*
 * dgru: the GRU with features of a power amplifier's input, as the package OpenDPD defines it (Wu
 * et al., "OpenDPD: an open-source end-to-end learning and benchmarking framework for wideband
 * power amplifier modeling and digital pre-distortion", 2024):
 *
 *   f = I, Q, |x|, |x|^3, sin, cos;  h = GRU(f);  y = fc_out(relu(fc_hid(h)), f)
 *
 * Parameters `rnn.weight_ih_l0` ..., `fc_hid.*`, `fc_out.*` are those of OpenDPD's DGRU (in its
 * whole model each has `backbone.` before it). With model.initialisation and recurrent_init =
 * pytorch they are drawn as OpenDPD draws them: each gate's weights Xavier uniform (input) and
 * orthogonal, fc_hid Kaiming uniform, fc_out Xavier uniform, biases 0. The PyTorch twin is in
 * recurrent.py.
 */
#ifndef MODELS_DGRU_H
#define MODELS_DGRU_H

#include "models/model.h"

extern const struct model_class model_dgru;

#endif
