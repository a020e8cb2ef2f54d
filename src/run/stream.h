/* SPDX-License-Identifier: MIT */
/*
 * stream: a trained model that rows come to, one after the other: each is answered with what the
 * model gives for the window that ends with it. A model that walks along the rows keeps its state
 * from row to row where data.eval_window says so. What comes out has the bits of a prediction over
 * a file with the same rows.
 *
 * It knows no command line, no text and no signal. A stream owns the checkpoint, the rows (a
 * struct live), the engine and, unless it is given one, the session; one thread at a time works
 * with it. Once it is open nothing is allocated for a row, but for times of forecasts
 * (data/live.h).
 */
#ifndef RUN_STREAM_H
#define RUN_STREAM_H

#include "data/live.h"
#include "log/log.h"
#include "train/checkpoint.h"
#include "train/engine.h"

struct stream_options {
    char *const *settings; /* [count] "section.key=value", over the checkpoint's configuration */
    size_t count;
    struct session *session; /* to stand on, beside others; NULL: one of its own */
    struct log *log;         /* that warnings go to */
    int is_guest;            /* in another program's process, which is left as it is */
    int (*check)(const struct live *, struct error *); /* before kernels are compiled; NULL: no */
};

struct stream {
    char *path;
    struct stream_options options;
    struct checkpoint checkpoint; /* the first; scaler, transforms and range are the latest's */
    struct live *live;
    struct engine *engine;
    struct session *own; /* NULL: it stands on another's */
    int by_row;          /* goes along the rows with a state */
    float *output;       /* [T, F] of the latest window */
};

/* Opens a checkpoint, or the best one of a run folder. STATUS_USAGE for what cannot be answered row
 * by row. */
struct stream *stream_open(const char *path, const struct stream_options *options,
                           struct error *err);
void stream_close(struct stream *stream);

/* The next row. LIVE_WINDOW: stream->output is the answer, and live_data() the window. LIVE_REFUSED
 * with STATUS_INPUT: the row is left out, and the stream goes on; with another status it is at its
 * end. */
enum live_taken stream_push(struct stream *stream, const struct live_row *row, struct error *err);

/*
 * Takes weights, scaler and transforms of the checkpoint that now lies where the stream's lay; the
 * rows and the state stay. -1 where that cannot be read, or is a model of other features, targets
 * or layers: then all stays as it was.
 */
int stream_reload(struct stream *stream, struct error *err);

#endif
