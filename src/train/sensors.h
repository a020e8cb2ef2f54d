/* SPDX-License-Identifier: MIT */
/*
 * sensors: tells what device and host do while a training goes on: into the objects of epochs, into
 * objects of their own, and where the device gets hot. Nothing that is trained depends on it.
 */
#ifndef TRAIN_SENSORS_H
#define TRAIN_SENSORS_H

#include <jansson.h>

#include "error.h"

struct loop;
struct telemetry_reading;
struct training;

struct sensors {
    double looked;  /* when the last reading was looked at */
    double written; /* when an object of its own was written last, or the training began */
    int hot;        /* it was told, and the device has not cooled down since */
    struct telemetry_reading *other; /* [ranks - 1] those of the other ranks, at rank 0; NULL: none
                                        have come */
};

/* The last readings of all ranks to rank 0; nothing where the process is alone. */
int sensors_gather(struct loop *loop, struct error *err);

/* They as an array of objects; NULL where there are none. */
json_t *sensors_others(const struct loop *loop);

/* After each optimizer step. */
void sensors_step(struct loop *loop);

/* The last reading as an object; NULL where nobody asks the sensors. */
json_t *sensors_json(const struct training *t);

/* With -v, the last reading on the console. */
void sensors_say(const struct training *t);

#endif
