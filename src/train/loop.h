/* SPDX-License-Identifier: MIT */
/*
 * loop: what lives only while a process trains: the state that the pieces of the training loop
 * (steps, figures, saving, telling) share. train.c owns it and shows how they follow each other.
 */
#ifndef TRAIN_LOOP_H
#define TRAIN_LOOP_H

#include "train/schedule.h"
#include "train/sensors.h"
#include "train/training.h"
#include "train/watch.h"

struct loop {
    struct training *training;
    struct schedule schedule;
    struct terms terms;    /* of the loss */
    const uint32_t *start; /* [windows] of the training part */
    size_t windows;
    uint32_t *pass;      /* [windows] the order of a pass over them */
    size_t n;            /* windows of the epoch */
    uint32_t *order;     /* [schedule.samples]: which, [n] of them */
    double began, saved; /* times of start and last checkpoint */
    double epoch_began;
    double waited;       /* engine_waited() then */
    uint64_t epoch_from; /* samples of the epoch that an earlier process did */
    double lr;
    long advised;         /* epoch of the last advice; 0: none */
    long bad;             /* steps left out so far in this epoch, as told */
    int stepped;          /* this process has done a step */
    int long_told;        /* that the training takes days */
    double start_seconds; /* to the end of that step; 0: told, or none yet */
    struct watch watch;
    struct sensors sensors;
};

#endif
