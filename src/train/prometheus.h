/* SPDX-License-Identifier: MIT */
/*
 * prometheus: the state of a training as a text file in Prometheus' exposition format, for the
 * textfile collector of a node exporter. It appears whole; that it cannot be written is told once.
 */
#ifndef TRAIN_PROMETHEUS_H
#define TRAIN_PROMETHEUS_H

struct loop;

/* What is not in the progress; NaN: not known. */
struct prometheus {
    double train_loss, val_loss, grad_norm, rate;
    int running;
    int told; /* that the file cannot be written */
};

/* Writes the file that log.prometheus names, if it names one. */
void prometheus_write(struct loop *loop);

#endif
