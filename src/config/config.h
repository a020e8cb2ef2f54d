/* SPDX-License-Identifier: MIT */
/*
 * config: the effective configuration of a run.
 *
 * options.def declares every key once; this header turns it into `struct config`, config.c into the
 * table that parses, validates and prints it. A config is made by config_load() from the defaults,
 * an INI file and `section.key=value` settings, in that order, and never changes afterwards. It
 * owns its strings; config_free() releases them. All faults are collected and told at once.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "error.h"

enum span_unit { SPAN_EPOCHS, SPAN_STEPS, SPAN_PERCENT, SPAN_MINUTES };

struct span {
    double value;
    enum span_unit unit;
};

struct list {
    char **item; /* [count], trimmed */
    size_t count;
};

/* Values of CHOICE keys, in the order of the table. */
enum { TUNING_TABLE, TUNING_MEASURE };
enum { GEMM_AUTO, GEMM_CLBLAST, GEMM_CBLAS, GEMM_OWN, GEMM_BF16 };
enum { SCALER_NONE, SCALER_STANDARD, SCALER_MINMAX, SCALER_ROBUST, SCALER_WINDOW };
enum { CHANNELS_TOGETHER, CHANNELS_APART };
enum { TARGET_HORIZON, TARGET_EACH, TARGET_WINDOW };
enum { SPLIT_CHRONOLOGICAL, SPLIT_SHUFFLED, SPLIT_STRATIFIED, SPLIT_SHUFFLED_WINDOWS };
enum { SPLIT_BLOCK, SPLIT_SERIES };
enum { BALANCE_NONE, BALANCE_SELECT, BALANCE_WEIGHT };
enum { SHORT_ERROR, SHORT_SKIP };
enum { MODEL_AUTOENCODER, MODEL_RECURRENT, MODEL_CNN_RECURRENT, MODEL_TRANSFORMER, MODEL_DGRU };
enum { CELL_LSTM, CELL_GRU, CELL_RNN };
enum { HEAD_LAST, HEAD_MEAN, HEAD_ATTENTION, HEAD_FLATTEN };
enum { ATTENTION_FULL, ATTENTION_CAUSAL };
enum { ACTIVATION_GELU, ACTIVATION_RELU, ACTIVATION_RRELU };
enum { POSITIONS_LEARNED, POSITIONS_SINUSOIDAL, POSITIONS_ROTARY, POSITIONS_NONE };
enum { CONV_NORM_NONE, CONV_NORM_BATCH, CONV_NORM_LAYER };
enum {
    DRAW_PYTORCH,
    DRAW_XAVIER_UNIFORM,
    DRAW_XAVIER_NORMAL,
    DRAW_KAIMING_UNIFORM,
    DRAW_KAIMING_NORMAL
};
enum { RECURRENT_PYTORCH, RECURRENT_ORTHOGONAL };
enum { LOSS_MSE, LOSS_MAE, LOSS_HUBER, LOSS_BCE };
enum { CONTRASTIVE_NONE, CONTRASTIVE_MEAN_SIMILARITY, CONTRASTIVE_NT_XENT };
enum { SCHEDULE_CONSTANT, SCHEDULE_LINEAR, SCHEDULE_COSINE, SCHEDULE_PLATEAU };
enum { MONITOR_VAL_LOSS, MONITOR_VAL_RECONSTRUCTION, MONITOR_VAL_CONTRASTIVE, MONITOR_TRAIN_LOSS };
enum { MODE_MIN, MODE_MAX };
enum { NONFINITE_STOP, NONFINITE_SKIP };

struct config {
#define SECTION(name, help) struct {
#define END(name) \
    }             \
    name;
#define TEXT(s, key, def, help) char *key;
#define INPUT(s, key, def, help) char *key;
#define INPUTS(s, key, def, help) struct list key;
#define OUTPUT(s, key, def, help) char *key;
#define LIST(s, key, def, help) struct list key;
#define SET(s, key, def, choices, help) struct list key;
#define FLAG(s, key, def, help) int key;
#define INTEGER(s, key, def, min, max, help) long key;
#define AUTO(s, key, def, min, max, help) long key;
#define REAL(s, key, def, min, max, help) double key;
#define CHOICE(s, key, def, choices, help) int key;
#define DURATION(s, key, def, help) int64_t key;
#define SPAN(s, key, def, help) struct span key;
#define BYTES(s, key, def, help) uint64_t key;
#include "config/options.def"
#undef SECTION
#undef END
#undef TEXT
#undef INPUT
#undef INPUTS
#undef OUTPUT
#undef LIST
#undef SET
#undef FLAG
#undef INTEGER
#undef AUTO
#undef REAL
#undef CHOICE
#undef DURATION
#undef SPAN
#undef BYTES
};

/*
 * Makes a config from the defaults, then `path` (NULL: no file), then `settings` (each
 * "section.key=value", as -s gives them). Names of INPUT and INPUTS keys become relative to the
 * folder of `path` (settings: to the current directory). Returns NULL with every fault in `err`,
 * one a line, each "path:line: [section] key: what" or "-s section.key: what".
 */
struct config *config_load(const char *path, char *const *settings, size_t count,
                           struct error *err);

/* The same from text that holds an INI (a checkpoint's metadata); `name` stands for the path. */
struct config *config_parse(const char *text, const char *name, char *const *settings, size_t count,
                            struct error *err);

void config_free(struct config *config);

/* Writes a complete INI that config_load() reads back to the same values; input paths absolute. */
int config_print(const struct config *config, FILE *out);

/* The same as a string that the caller frees; NULL if memory runs out. */
char *config_text(const struct config *config);

/* Text of a choice: config_choice("train", "schedule", SCHEDULE_COSINE) is "cosine". */
const char *config_choice(const char *section, const char *key, int value);

/*
 * Compares two configs key by key. Returns the first differing key that is not in `allowed` (a
 * NULL-terminated list of "section.key" or "section.*"), written as "section.key: 'a' in the
 * checkpoint, 'b' here" into `out`; 0 if there is none, 1 if there is, -1 where memory runs out.
 */
int config_differs(const struct config *old, const struct config *now, const char *const *allowed,
                   char *out, size_t size);

/* Writes the key reference of seqtrain.ini(5) in man(7) markup (used when seqtrain is built). */
int config_reference(FILE *out);

#endif
