/* SPDX-License-Identifier: MIT */
/*
 * as_nam: a model of sound as NeuralAmpModelerCore reads it: its "LSTM", for models of that kind
 * with one input and one output, sample by sample. Scaler and transform of the target are folded
 * into the weights. It owns nothing.
 */
#ifndef EXPORT_AS_NAM_H
#define EXPORT_AS_NAM_H

#include "export/export.h"

extern const struct export_format export_nam;

#endif
