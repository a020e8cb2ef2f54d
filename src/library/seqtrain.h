/* SPDX-License-Identifier: MIT */
/*
 * seqtrain: predictions of a trained model in other programs, see seqtrain-library(3).
 *
 * A model is opened from a checkpoint or a run folder, on a device. Rows are pushed one after the
 * other; each is answered with what `seqtrain predict` prints for it, and the model keeps its state
 * from row to row. Any number of models may be used in any number of threads at a time; a model
 * that several threads share takes their calls one by one. Nothing is printed, no signal is caught
 * and the process is never ended. Texts that functions return belong to the library: those of a
 * model live as long as it, st_error()'s until the thread's next call that fails.
 */
#ifndef SEQTRAIN_H
#define SEQTRAIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ST_API __attribute__((visibility("default")))
#else
#define ST_API
#endif

/* A trained model with its state. */
typedef struct st_model st_model;

/* Why a call failed; all are below 0. */
enum {
    ST_FAILED = -1, /* no memory, a broken system */
    ST_MISUSE = -2, /* what was asked for cannot be had of this model, or not in this way */
    ST_INPUT = -3,  /* a file or a row is missing, broken or does not fit */
    ST_DEVICE = -4  /* the device or its driver */
};

/* The time of a row that has none. */
#define ST_NO_TIME INT64_MIN

/* "0.1.0" */
ST_API const char *st_version(void);

/* The sentence and the status of this thread's latest failure; "" and 0 before there is one. */
ST_API const char *st_error(void);
ST_API int st_status(void);

/*
 * Opens a checkpoint, or the best one of a run folder. `device` is as for seqtrain(1): "auto",
 * "cpu", "gpu", an index or a part of a name; NULL: what the model was trained with. NULL where it
 * fails. Programs are compiled, which may take seconds. st_free() takes NULL, too; no other thread
 * may use the model any longer.
 */
ST_API st_model *st_open(const char *path, const char *device);
ST_API void st_free(st_model *model);

/* The name of the device. */
ST_API const char *st_device(const st_model *model);

/* The columns of a row that is pushed. NULL for a number that there is not. */
ST_API size_t st_inputs(const st_model *model);
ST_API const char *st_input_name(const st_model *model, size_t number);

/* The columns of a prediction, likewise. */
ST_API size_t st_outputs(const st_model *model);
ST_API const char *st_output_name(const st_model *model, size_t number);

/* Whether rows have times. */
ST_API int st_timed(const st_model *model);

/* The rows of predictions that a push gives at most; how many rows come before the first prediction
 * is given, its own row counted; and that one comes every so many rows from then on. */
ST_API size_t st_rows(const st_model *model);
ST_API size_t st_needs(const st_model *model);
ST_API size_t st_stride(const st_model *model);

/*
 * The next row: [st_inputs()], NaN where a value is missing; `time` in ms since 1970 UTC, of rows
 * without times anything. `predictions` is room for st_rows() rows of st_outputs() numbers, row
 * behind row; `times` for the time of each, ST_NO_TIME where that is not known, or NULL. Returns
 * how many rows of predictions these are: 0 where none is given for the row. Below 0: a failure.
 * With ST_INPUT and ST_MISUSE the row is left out and the next one may come; after another one the
 * model answers no more.
 */
ST_API int st_push(st_model *model, const double *row, int64_t time, double *predictions,
                   int64_t *times);

/* Numbers of a latent vector; 0 for a model without one. */
ST_API size_t st_latents(const st_model *model);

/* The latent vector [st_latents()] of the latest window that was answered, as `seqtrain encode`
 * prints it. 0, or a failure: ST_MISUSE where no window has been answered. */
ST_API int st_latent(st_model *model, float *latent);

/* As if no row had come yet. 0, or a failure. */
ST_API int st_reset(st_model *model);

/* Takes the checkpoint that now lies where the model's lay; rows and state stay. 0, or a failure:
 * then all is as it was. */
ST_API int st_reload(st_model *model);

#ifdef __cplusplus
}
#endif

#endif
