/* SPDX-License-Identifier: MIT */
/*
 * nvml: NVIDIA's management library, opened while the program runs: libnvidia-ml.so.1 where the
 * driver is installed. Each of its calls may be missing, may not be supported by a card, and may
 * hang. One thread at a time works with it.
 */
#ifndef TELEMETRY_NVML_H
#define TELEMETRY_NVML_H

#include "device/device.h"
#include "telemetry/sensed.h"

struct nvml;

/* The library, and the card in it, if there is one; NULL without the library. */
struct nvml *nvml_open(const struct device_card *card);

/* Puts a power limit back that was set, and frees. NULL is none. */
void nvml_close(struct nvml *nvml);

void nvml_read(struct nvml *nvml, struct telemetry_reading *r);

/* Limits the power of the card; `nvml` may be NULL. Returns -1 with a part of a sentence, why not,
 * at `cause`. */
int nvml_limit(struct nvml *nvml, double watts, char *cause, size_t size);

#endif
