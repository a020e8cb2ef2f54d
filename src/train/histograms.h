/* SPDX-License-Identifier: MIT */
/*
 * histograms: the weights after an epoch and the gradients of its last step, read from the device
 * and told to the log for TensorBoard, by parameter: what is trained, no more. Nothing that is
 * trained depends on it; without log.tensorboard and log.histograms nothing is read.
 */
#ifndef TRAIN_HISTOGRAMS_H
#define TRAIN_HISTOGRAMS_H

struct error;
struct loop;
struct step;

/* Before the update of a step: the mean gradient of its windows, before clipping. */
int histograms_gradients(struct loop *loop, const struct step *step, struct error *err);

/* After an epoch. */
int histograms_weights(struct loop *loop, struct error *err);

#endif
