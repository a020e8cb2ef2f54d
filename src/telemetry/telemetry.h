/* SPDX-License-Identifier: MIT */
/*
 * telemetry: what the card of a device, its driver and the host tell, once a second. A thread of
 * its own reads them, so that a driver that hangs holds nothing: who asks gets the last reading and
 * its age. The same thread sets a power limit and puts it back.
 */
#ifndef TELEMETRY_TELEMETRY_H
#define TELEMETRY_TELEMETRY_H

#include "device/device.h"
#include "telemetry/sensed.h"

/* A reading that is older, in seconds, is none. */
#define TELEMETRY_MOST_AGE 10

struct telemetry;

struct telemetry_options {
    double power_limit; /* W; 0: none is set */
    const char *root;   /* of the files of the system; NULL: that of SEQTRAIN_TEST_ROOT, or "" */
};

/* Tests say by SEQTRAIN_TEST_CARD=0000:41:00.0 which card a device is, a CPU too.
 *
 * Starts the thread, and waits a second at most for the first reading. NULL where there is no
 * memory or no thread for it. */
struct telemetry *telemetry_open(const struct device_info *info,
                                 const struct telemetry_options *options);

/* Ends the thread, and puts the power limit back. Waits two seconds at most: a thread that hangs is
 * left behind; -1: it had a limit to put back. NULL is none. */
int telemetry_close(struct telemetry *t);

/* The last reading: its age in seconds, INFINITY where there is none or it is too old; then nothing
 * is told in it. */
double telemetry_last(struct telemetry *t, struct telemetry_reading *r);

/* What became of the power limit: 1 set; 0 none was asked for; -1 not set, with why not, a part of
 * a sentence. */
int telemetry_limited(struct telemetry *t, char *cause, size_t size);

#endif
