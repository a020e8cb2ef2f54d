/* SPDX-License-Identifier: MIT */
/*
 * sight: what the frozen encoder of a captioner reads of a clip, and what it makes of that.
 * encoder.base says of which kind it is:
 *
 *   sight_images.c  a Hugging Face folder: the frames of a clip are images
 *   sight_series.c  a checkpoint of ours: they are windows of a file of series
 *
 * An open sight knows its extents by configuration files alone. Once it was started on a session it
 * can be run; on a device that only plans it tells its work. What a frame gives depends neither on
 * the batch nor on its place in it. It owns all but configuration and session, which outlive it.
 */
#ifndef RUN_SIGHT_H
#define RUN_SIGHT_H

#include <stdio.h>

#include "config/config.h"
#include "exec/session.h"
#include "image/clip.h"

struct sight_shape {
    size_t numbers;       /* of a frame, as it is read */
    size_t rows, columns; /* [R, C] that are made of it */
    size_t pooled;        /* numbers of its vector that is compared with texts; 0: there is none */
    double flops;         /* of a frame, once it was started, */
    uint64_t bytes;       /* and what it then takes of the device */
};

struct sight;

/* A kind of sights; each function is that of the same name below. */
struct sight_class {
    void *(*open)(const struct config *config, int reads, struct sight_shape *to,
                  struct error *err);
    void (*close)(void *own);
    int (*list)(const void *own, const char *path, struct clip *to, struct error *err);
    int (*tell)(const void *own, FILE *to, struct error *err);
    int (*read)(const void *own, const struct clip *clip, float *to, struct error *err);
    int (*start)(void *own, struct session *session, size_t batch, struct sight_shape *to,
                 struct error *err);
    void (*stop)(void *own);
    int (*run)(void *own, const float *frames, size_t n, float *rows, float *pooled,
               struct error *err);
};

extern const struct sight_class sight_images, sight_series;

/* Gives keys what a checkpoint in encoder.base says of them; those of folders are the model's. */
void sight_settle(struct config_making *making, const struct config *config);

/* The encoder of a configuration. `reads`: frames are to be read, so that what is done to them must
 * be known. */
struct sight *sight_open(const struct config *config, int reads, struct error *err);
void sight_close(struct sight *sight);

/* Whether it sees series. */
int sight_is_series(const struct sight *sight);

const struct sight_shape *sight_shape(const struct sight *sight);

/* The files of a clip, data.frames of them or one that holds all frames. */
int sight_list(const struct sight *sight, const char *path, struct clip *to, struct error *err);

/* Writes lines "name = value": all on which the features depend, but their shape. */
int sight_tell(const struct sight *sight, FILE *to, struct error *err);

/* Reads a clip: [frames, numbers]. Any thread may. STATUS_INPUT with the file and the cause. */
int sight_read(const struct sight *sight, const struct clip *clip, float *to, struct error *err);

/* Makes it ready to take `batch` frames at a time. STATUS_USAGE with CAUSE_BUDGET where the
 * device's budget does not hold it. */
int sight_start(struct sight *sight, struct session *session, size_t batch, struct error *err);

/* Gives back what it has taken of the session, before that is closed. */
void sight_stop(struct sight *sight);

/* Frames [n, numbers], any number: rows [n, R, C] and pooled [n, pooled], which may be NULL. */
int sight_run(struct sight *sight, const float *frames, size_t n, float *rows, float *pooled,
              struct error *err);

#endif
