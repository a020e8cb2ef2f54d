/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes zone: any bytes are a file of the zone database. What clocks show at an instant that is
 * found must be that time, within two days of it; of two instants the first is the earlier.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "util/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const int64_t hour = 3600000;
    char name[16];
    struct error err;
    int fd = memfd_create("zone", 0);
    check(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    snprintf(name, sizeof name, "%d", fd);
    setenv("TZDIR", "/proc/self/fd", 1);
    struct zone *zone = zone_open(name, &err);
    check(zone || (err.status == STATUS_INPUT && *err.text));
    for (int64_t local = -600000 * hour; zone && local < 2000000 * hour; local += 1009 * hour) {
        int64_t instant[2];
        int count = zone_instants(zone, local, instant);
        check(count >= 0 && count <= 2 && (count < 2 || instant[0] < instant[1]));
        for (int i = 0; i < count; i++)
            check(llabs(instant[i] - local) < 48 * hour && zone_local(zone, instant[i]) == local);
    }
    zone_free(zone);
    close(fd);
    return 0;
}
