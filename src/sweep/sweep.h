/* SPDX-License-Identifier: MIT */
/*
 * sweep: the runs that a file with [sweep] stands for. A sweep is the base configuration and what
 * varies: keys, and the axes that they walk along. Opening it reads the file once and tells all
 * that is wrong with base or values before there is a run. A run is a point of the axes: its
 * configuration, its folder, and the settings that give both from anywhere. Runs count from 1.
 *
 * A sweep changes no file and keeps no state; what runs, when and where is not its matter.
 */
#ifndef SWEEP_SWEEP_H
#define SWEEP_SWEEP_H

#include <jansson.h>
#include <string.h>

#include "config/config.h"
#include "sweep/axis.h"

/* A key that varies. */
struct sweep_key {
    char *name;    /* "train.lr" */
    size_t axis;   /* that it walks along */
    char **choice; /* [axis.choices], as after -s; NULL: the axis is a range */
    int is_whole;  /* takes whole numbers only: what is drawn is rounded */
};

struct sweep {
    struct config *base; /* with [sweep]'s own keys: base->sweep.samples */
    struct sweep_key *key;
    size_t keys;
    struct axis *axis;
    size_t axes;
    size_t runs;    /* of a grid all points, else sweep.samples */
    int has_folder; /* the file says run.output, or it varies */
    int has_name;   /* the same of run.name */
    int numbered;   /* names of runs begin with their number; with tpe they are nothing else */
};

struct sweep_run {
    size_t number;         /* from 1 */
    struct config *config; /* whole, as of a file of its own */
    char *name;            /* a safe file name, of its values: "BTC-1m"; no other run has it */
    char *label;           /* for people: "coin = BTC, resample = 1m, window = 240" */
    const char *folder;    /* run.output; without it sweep.output/NAME */
    char **setting;        /* [settings]: "section.key=value" of all that differs from the file */
    size_t settings;
};

/* Reads a file and settings; what a setting says does not vary. NULL with all faults. */
struct sweep *sweep_open(const char *path, char *const *settings, size_t count, struct error *err);
void sweep_free(struct sweep *sweep);

/*
 * Fills point[axes] of a run from 1 to runs, by sweep.sampler; the same each time. With tpe, which
 * draws as the sweep goes, it is a random one, as of a run that begins the search.
 */
void sweep_point(const struct sweep *sweep, size_t number, double *point);

/* The key that varies under this name ("train.lr"); NULL: none does. */
static inline const struct sweep_key *sweep_key_of(const struct sweep *sweep, const char *name)
{
    for (size_t k = 0; k < sweep->keys; k++)
        if (!strcmp(sweep->key[k].name, name))
            return &sweep->key[k];
    return NULL;
}

/* The value of a key at a point, as after -s; the caller frees. NULL without memory. */
char *sweep_value(const struct sweep_key *key, const double *point);

/* The point of {key: value, as after -s}; -1: it is none of this sweep. */
int sweep_point_of(const struct sweep *sweep, const json_t *values, double *point);

/* Fills in the run of a point (NULL: that of sweep_point()), which sweep_run_fini() releases. */
int sweep_run(const struct sweep *sweep, size_t number, const double *point, struct sweep_run *run,
              struct error *err);
void sweep_run_fini(struct sweep_run *run);

#endif
