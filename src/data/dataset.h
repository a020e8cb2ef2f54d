/*
 * data: from a file to windows of scaled features.
 *
 *   file -> csv -> table -> (resample) -> features -> split -> scaler -> dataset
 *
 * Windows are never materialised: the dataset holds the series once, [rows, features] in fp32, and
 * for each part the first rows of its windows. It owns everything it points to.
 */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "error.h"
#include "log/log.h"

enum part { PART_TRAIN, PART_VALIDATION, PART_TEST, PARTS };

/* scaled = (x - offset) / scale, per feature. For SCALER_NONE and SCALER_WINDOW 0 and 1. */
struct scaler {
    int kind; /* SCALER_... */
    size_t features;
    double *offset; /* [features] */
    double *scale;  /* [features], never 0 */
};

struct dataset {
    size_t rows, features, window;
    float *series; /* [rows, features], scaled (raw for SCALER_NONE and SCALER_WINDOW) */
    int64_t *time; /* [rows], ms since 1970 UTC of each row; NULL without a time column */
    char **names;  /* [features], as written in the INI: "ma(close,10)" */
    struct scaler scaler;
    uint32_t *start[PARTS]; /* first rows of the windows of each part, ascending */
    size_t count[PARTS];
};

/*
 * Reads config->data.source and does everything up to the windows of each part. With `fitted` (a
 * checkpoint's scaler) nothing is fitted. What was found is told to `log`: rows, the time's format
 * and step, resampling, holes, windows dropped, windows per part. Fails with STATUS_INPUT and
 * "file:line: cause". A part whose share is 0 is empty; the training part must hold a window.
 */
struct dataset *dataset_load(const struct config *config, const struct scaler *fitted,
                             struct log *log, struct error *err);

/*
 * The same for encode and predict: reads `path` and gives every window of the whole file (no split)
 * in PART_TEST.
 */
struct dataset *dataset_load_all(const struct config *config, const char *path,
                                 const struct scaler *fitted, struct log *log, struct error *err);

void dataset_free(struct dataset *data);

/* Deep copy into a zeroed `to`; 0 or -1 (memory). */
int scaler_copy(struct scaler *to, const struct scaler *from);
void scaler_fini(struct scaler *scaler);

#endif
