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

#include "config/choices.h"
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

/* A choice with arguments; what the choice does not take is 0, but for minmax's bounds 0 and 1. */
struct method {
    int kind;         /* index of the choice */
    double low, high; /* low < high */
    char *column;     /* an expression; NULL */
};

/* Values of CHOICE and METHOD keys, then CHOICES_section_key: how many. What loss.reconstruction
 * shares with loss.target is told by AGAIN in options.def; option_table.c holds it to that. */
#define VALUE(enumerator, name) enumerator,
#define AGAIN(enumerator, name) enumerator##_AGAIN,
#define CHOICE(s, key, resume, def, values, help) enum { values CHOICES_##s##_##key };
#define METHOD(s, key, resume, def, values, help) enum { values CHOICES_##s##_##key };
#include "config/options.def"

struct config {
    const char *renamed;      /* tells of an old name that was read; NULL: none */
    char *unused;             /* tells of variables that no value holds; NULL: none */
    struct config_made *made; /* of what it was made */
#define SECTION(name, help) struct {
#define END(name) \
    }             \
    name;
#define TEXT(s, key, resume, def, help) char *key;
#define DEVICES(s, key, resume, def, help) struct list key; /* at least one */
#define INPUT(s, key, resume, def, help) char *key;
#define INPUTS(s, key, resume, def, help) struct list key;
#define OUTPUT(s, key, resume, def, help) char *key;
#define LIST(s, key, resume, def, help) struct list key;
#define EXPRESSION(s, key, resume, def, help) char *key;
#define FIGURE(s, key, resume, def, help) char *key;
#define EXPRESSIONS(s, key, resume, def, help) struct list key;
#define SET(s, key, resume, def, choices, help) struct list key;
#define FLAG(s, key, resume, def, help) int key;
#define INTEGER(s, key, resume, def, min, max, help) long key;
#define AUTO(s, key, resume, def, min, max, help) long key;
#define REAL(s, key, resume, def, min, max, help) double key;
#define CHOICE(s, key, resume, def, choices, help) int key;
#define METHOD(s, key, resume, def, choices, help) struct method key;
#define DURATION(s, key, resume, def, help) int64_t key;
#define SPAN(s, key, resume, def, help) struct span key;
#define BYTES(s, key, resume, def, help) uint64_t key;
#include "config/options.def"
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

/*
 * The same for those who ask more of a configuration than that its keys go together (model_check()
 * does): `also` tells what it finds wrong by config_clash(), and all faults are told together.
 */
struct config_making;
typedef void config_checker(struct config_making *making, const struct config *config);
struct config *config_load_with(const char *path, char *const *settings, size_t count,
                                config_checker *also, struct error *err);
struct config *config_parse_with(const char *text, const char *name, char *const *settings,
                                 size_t count, config_checker *also, struct error *err);

/* The values of the keys "section.key" `a` and `b` do not go together: told at the one that was set
 * last, `a` if in doubt. */
void config_clash(struct config_making *making, const char *a, const char *b, const char *text, ...)
    __attribute__((format(printf, 4, 5)));

/* What the key `name` is where nobody has set it, and nothing has been derived: `value`, as an INI
 * file has it. */
void config_default(struct config_making *making, const char *name, const char *value);

/* The same where `by`, which asks for it, lets it have no other value: another one that was set is
 * a clash. One that was set to auto counts as not set. */
void config_must(struct config_making *making, const char *name, const char *value, const char *by);

/* Memory ran out in a checker. */
void config_short(struct config_making *making);

void config_free(struct config *config);

/* The file that it was read from, as it was named; NULL: none. */
const char *config_name(const struct config *config);

/* Whether the file or a setting says what the key is. */
int config_is_set(const struct config *config, const char *section, const char *key);

/* A key of [sweep] that varies, which no setting has fixed. */
struct config_varied {
    const char *name, *text; /* "train.lr", "1e-3, 1e-4" */
    int is_number, is_whole; /* what the option takes */
};

/* Fills in number `index`; -1 behind the last one. */
int config_varied(const struct config *config, size_t index, struct config_varied *to);

/* The text of slot.N of [sweep], in the order of the file, and its key; NULL behind the last. */
const char *config_slot(const struct config *config, size_t index, const char **key);

/* Tells what is wrong with it: "file.ini:42: [sweep] train.lr: what". -1. */
int config_varied_fault(const struct config *config, size_t index, struct error *err,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Whether that key takes this value, as far as can be told of one key alone; else -1 with why. */
int config_try(const struct config *base, size_t index, const char *value, struct error *err);

/*
 * Makes a config of what `base` was made of, with a value in place of each key that varies (NULL:
 * as it is in base), which stands there as if it stood in its line of the file, and with more
 * settings. Nothing of it varies any more but where value[i] is NULL.
 */
struct config *config_vary(const struct config *base, const char *const *value,
                           char *const *settings, size_t count, config_checker *also,
                           struct error *err);

/* What settings and values of keys that vary have made of a config, as settings that say the same
 * from anywhere. The strings and their array are the caller's. */
char **config_settings(const struct config *config, size_t *count, struct error *err);

/* Puts another value, as an INI file would have it, in the place of a key's: what was asked for is
 * known more exactly. "[section] key: what" where it is none. */
int config_set(struct config *config, const char *section, const char *key, const char *value,
               struct error *err);

/* The devices that device.select names in `text`, which a setting would have; config_free_list()
 * releases them. "[device] select: what" where it names none. */
int config_read_devices(const char *text, struct list *to, struct error *err);
void config_free_list(struct list *list);

/* The device that this process works on: the first that device.select names. */
const char *config_device(const struct config *config);

/* Whether the layers of one model lie on several devices. */
int config_splits(const struct config *config);

/* Rows and columns of what encoder.base makes of a clip, [R, C], once both are known. */
static inline void config_clip(const struct config *config, size_t *rows, size_t *columns)
{
    const int all = config->encoder.frames == FRAMES_ALL;
    *rows = (all ? (size_t)config->data.frames : 1) * (size_t)config->encoder.rows;
    *columns = (size_t)config->encoder.columns;
}

/* Any one device in place of what device.select names. */
int config_set_device(struct config *config, const char *device, struct error *err);

/* Text in quotes, as an INI file or a setting has it whatever it holds. NULL without memory; the
 * caller frees. */
char *config_quote(const char *text);

/* Writes text as it stands in an INI file: what would be replaced there is not. */
void config_put(const char *text, FILE *out);

/* Writes a complete INI that config_load() reads back to the same values; input paths absolute. */
int config_print(const struct config *config, FILE *out);

/* The same as a string that the caller frees; NULL if memory runs out. */
char *config_text(const struct config *config);

/* All keys as a JSON object of sections: numbers, booleans and lists as such, all else as text that
 * an INI file would have. NULL if memory runs out (util/jsonmem.h). */
struct json_t *config_json(const struct config *config);

/* What tells this run from others, as one JSON object of texts, numbers and truths by
 * "section.key": the keys that a sweep varies, else all that are not as their defaults have them.
 */
struct json_t *config_hparams(const struct config *config);

/* Text of a choice: config_choice("train", "schedule", SCHEDULE_COSINE) is "cosine". */
const char *config_choice(const char *section, const char *key, int value);

/*
 * Compares two configs key by key; of a run that is `resuming`, those keys that options.def calls
 * FIXED. Writes the first that differs as "section.key: 'a' in the checkpoint, 'b' here" into
 * `out`. 0 if there is none, 1 if there is, -1 where memory runs out.
 */
int config_differs(const struct config *old, const struct config *now, int resuming, char *out,
                   size_t size);

/* A key for those who help to write it: its sentence, what it takes but free text. */
struct config_key {
    const char *section, *name, *help;
    const char *words;   /* "auto", "all | none" beside the choices; NULL without any */
    const char *choices; /* "a | b | c"; NULL without any */
    int is_path;         /* of a file or folder */
};

/* Fills in key number `index`; -1 behind the last one. */
int config_key(size_t index, struct config_key *key);

/* Writes the key reference of seqtrain.ini(5) in man(7) markup (used when seqtrain is built). */
int config_reference(FILE *out);

#endif
