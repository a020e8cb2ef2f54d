/* SPDX-License-Identifier: MIT */
/*
 * Writes hourly loads of a made-up transformer station and its oil temperature, to standard output:
 *
 *     make_synthetic_loads | gzip -n9 > synthetic_loads.csv.gz
 *
 * The columns are those of ETTh1 (Zhou et al. 2021): date, six loads HUFL,HULL,MUFL,MULL,LUFL,LULL
 * and the oil temperature OT. A load has a wave of a day, more of it on weekdays, and wanders about
 * its level; the temperature follows the first load and the season slowly.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "synthetic.h"

#define HOURS 4800
#define LOADS 6
#define START INT64_C(1467331200) /* 2016-07-01 00:00, a Friday */

/* In thousandths: level, height of the wave of a day, deviation of a step of the wandering. */
static const struct {
    int level, wave, step, noise, phase;
} about[LOADS] = {
    {9000, 5000, 500, 900, 5}, {2600, 1200, 180, 350, 7}, {6500, 4500, 420, 800, 4},
    {1300, 800, 120, 260, 6},  {2900, 700, 100, 200, 9},  {900, 300, 60, 120, 11},
};

static void print_thousandths(int64_t x)
{
    printf(",%s%" PRId64 ".%03" PRId64, x < 0 ? "-" : "", (x < 0 ? -x : x) / 1000,
           (x < 0 ? -x : x) % 1000);
}

int main(void)
{
    int64_t wander[LOADS] = {0}, warm = 0;
    puts("date,HUFL,HULL,MUFL,MULL,LUFL,LULL,OT");
    for (int hour = 0; hour < HOURS; hour++) {
        time_t at = START + (int64_t)hour * 3600;
        char date[32];
        int weekday = (hour / 24 + 4) % 7; /* 0 is Monday */
        int64_t share = weekday < 5 ? 256 : 140, load = 0;
        strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", gmtime(&at));
        fputs(date, stdout);
        for (int k = 0; k < LOADS; k++) {
            /* v <- 0.98 v + step: back to the level within two days */
            wander[k] += about[k].step * random_normal() / 65536 - wander[k] / 50;
            int64_t wave = triangle(hour + 24 - about[k].phase, 24) * share / 256;
            int64_t x = about[k].level + about[k].wave * wave / 256 + wander[k] +
                        about[k].noise * random_normal() / 65536;
            load = k ? load : x;
            print_thousandths(x);
        }
        int64_t usual = 16000 + 12000 * triangle(hour + 1500, 8766) / 256 + 2 * load;
        /* oil: a time constant of 16 hours */
        warm = hour ? warm + (usual - warm) / 16 + 250 * random_normal() / 65536 : usual;
        print_thousandths(warm);
        putchar('\n');
    }
    return fflush(stdout) || ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
