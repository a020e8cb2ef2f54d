/* SPDX-License-Identifier: MIT */
/*
 * zone: time zones from the system's zone database (RFC 8536, "TZif"), so that local times become
 * instants. TZ and tzset() play no part. A zone is owned by whoever opened it.
 */
#ifndef UTIL_ZONE_H
#define UTIL_ZONE_H

#include <stdint.h>

#include "error.h"

struct zone;

/* A zone by its name in the database ("Europe/Berlin"); "UTC" needs none. STATUS_INPUT, naming
 * tzdata, if there is no such. */
struct zone *zone_open(const char *name, struct error *err);
void zone_free(struct zone *zone);
const char *zone_name(const struct zone *zone);

/*
 * The instants (ms since 1970 UTC) at which clocks of the zone show `local` (ms since 1970 as if it
 * were UTC), ascending: 1; 2 where they were put back; 0 where they were put forward.
 */
int zone_instants(const struct zone *zone, int64_t local, int64_t instant[2]);

/* What clocks of the zone show at an instant, in ms since 1970 as if it were UTC. */
int64_t zone_local(const struct zone *zone, int64_t instant);

#endif
