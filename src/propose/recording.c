/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "propose/kinds.h"

#define MOST_LAGS 2048
#define MOST_VALUES 131072 /* of a series that autocorrelations are made of, the last ones */

/* --- reading */

/* What an error of reading names that can be set without a wrong value: rows are left out, turned,
 * sorted or told apart, and values carried forward. How times and numbers are written is not ours
 * to choose. */
static const struct remedy {
    const char *named, *key, *value; /* value NULL: the word behind what is named */
    const char *done;
} remedies[] = {
    {"data.series = ", "data.series", NULL, "The file holds several series."},
    {"data.order = falling", "data.order", "falling", "The newest row comes first."},
    {"data.order = sort", "data.order", "sort", "Rows are sorted by their times."},
    {"data.missing_limit", "data.missing", "skip", "Rows without a value are left out."},
    {"data.missing", "data.missing", "previous", "A missing value is that of the row before."},
    {"data.duplicates", "data.duplicates", "last", "Of rows of one time the last one counts."},
    {"data.short_series = skip", "data.short_series", "skip", "Short series are left out."},
};

/* Whether the draft has the value already, or one that does more: it did not help. */
static int is_tried(const struct proposing *p, const char *key, const char *value)
{
    const char *now = draft_value(p->draft, key);
    return draft_asked(p->draft, key) ||
           (now && (!strcmp(now, value) || !strcmp(now, "skip") || !strcmp(now, "sort")));
}

/* The first line of an error, without the remedy behind it. */
static void first_cause(const char *text, char out[200])
{
    const char *end = strchr(text, ';');
    const size_t n = strcspn(text, "\n");
    const size_t length = end && (size_t)(end - text) < n ? (size_t)(end - text) : n;
    snprintf(out, 200, "%.*s", (int)length, text);
}

/* Sets what the error names; 1: something is set, and reading is worth another try. */
static int take_remedy(struct proposing *p, const struct error *err)
{
    char value[256], cause[200];
    if (strstr(err->text, "data.time_zone")) /* clocks that were put back: only their owner knows */
        return 0;
    for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++) {
        const struct remedy *r = &remedies[i];
        const char *at = strstr(err->text, r->named);
        if (!at)
            continue;
        const char *word = r->value ? r->value : at + strlen(r->named);
        const char *end = r->value ? NULL : strstr(word, " reads them");
        if (!r->value && !end)
            continue;
        snprintf(value, sizeof value, "%.*s", end ? (int)(end - word) : (int)strlen(word), word);
        if (is_tried(p, r->key, value))
            continue;
        first_cause(err->text, cause);
        draft_set(p->draft, r->key, "%s", value);
        draft_why(p->draft, r->key, "%s %s", r->done, cause);
        return 1;
    }
    return 0;
}

/* A column that turned out to be words further down in the file is left out; 1: it was there. */
static int leave_column(struct proposing *p, const struct error *err)
{
    if (!strstr(err->text, "not a number"))
        return 0;
    for (size_t i = 0; i < p->column.columns; i++) {
        char quoted[300];
        snprintf(quoted, sizeof quoted, "column '%s'", p->column.column[i].name);
        if (p->column.column[i].kind == COLUMN_NUMBERS && strstr(err->text, quoted)) {
            p->column.column[i].kind = COLUMN_WORDS;
            p->column.column[i].role = ROLE_NONE;
            log_warn(p->log, "a column is not used: %s", err->text);
            return 1;
        }
    }
    return 0;
}

/* Names the columns that a file without a header has. */
static void name_columns(struct proposing *p)
{
    char *text = NULL;
    size_t size;
    if (!p->column.bare)
        return;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; out && i < p->column.columns; i++)
        fprintf(out, "%s%s", i ? ", " : "", p->column.column[i].name);
    if (!out || fclose(out))
        draft_short(p->draft);
    else
        draft_set(p->draft, "data.columns", "%s", text);
    draft_why(p->draft, "data.columns", "%s",
              p->column.has_known_names
                  ? "The file has no header; it has as many columns as Binance's candles."
                  : "The file has no header: give its columns names that say what they are.");
    free(text);
}

static void name_time(struct proposing *p)
{
    const char *time = column_of_kind(&p->column, COLUMN_TIME);
    const char *clock = time ? column_of_kind(&p->column, COLUMN_CLOCK) : NULL;
    char *date = time ? column_expression(time) : NULL;
    char *of_day = clock ? column_expression(clock) : NULL;
    if ((time && !date) || (clock && !of_day))
        draft_short(p->draft);
    else if (date)
        draft_set(p->draft, "data.time", "%s%s%s", date, of_day ? ", " : "", of_day ? of_day : "");
    free(date);
    free(of_day);
}

/* Only to read: all columns of numbers, in one part. */
static int draft_reading(struct proposing *p, struct error *err)
{
    size_t count;
    char *features = columns_of_numbers(&p->column, &count);
    if (!count)
        return error_set(err, STATUS_INPUT, "%s: no column of it holds numbers alone", p->first);
    if (!features)
        draft_short(p->draft);
    draft_set(p->draft, "data.features", "%s", features ? features : "");
    draft_set(p->draft, "data.window", "2");
    draft_set(p->draft, "data.scaler", "none");
    draft_set(p->draft, "data.validation", "0");
    draft_set(p->draft, "data.test", "0");
    draft_set(p->draft, "model.type", "autoencoder");
    draft_set(p->draft, "train.monitor", "train/loss");
    free(features);
    return 0;
}

static void drop_reading(struct proposing *p)
{
    static const char *const keys[] = {"data.window",  "data.scaler", "data.validation",
                                       "data.test",    "model.type",  "train.monitor",
                                       "data.features"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        draft_drop(p->draft, keys[i]);
}

static struct dataset *read_all(struct proposing *p, struct error *err)
{
    struct dataset *data = NULL;
    draft_only_reads(p->draft, 1);
    for (int tries = 0; !data && tries < 40; tries++) {
        if (draft_reading(p, err))
            break;
        data = draft_load(p->draft, p->silent, err);
        if (!data && !take_remedy(p, err) && !leave_column(p, err))
            break;
    }
    draft_only_reads(p->draft, 0);
    return data;
}

/* --- what was read */

/* The feature that is the column `of`; the first where it is NULL. */
static size_t feature_of(const struct dataset *data, const char *of)
{
    for (size_t i = 0; of && i < data->features; i++)
        if (!strcmp(data->names[i], of))
            return i;
    return 0;
}

/* Values of feature f in the longest series, the last ones. */
static double *longest_values(const struct recording *seen, size_t f, size_t *n)
{
    const struct dataset *data = seen->data;
    const struct series *longest = &data->file[0];
    for (size_t i = 0; i < data->files; i++)
        if (data->file[i].end - data->file[i].begin > longest->end - longest->begin)
            longest = &data->file[i];
    *n = longest->end - longest->begin;
    *n = *n > MOST_VALUES ? MOST_VALUES : *n;
    double *x = malloc((*n + 1) * sizeof *x);
    for (size_t i = 0; x && i < *n; i++)
        x[i] = (double)data->series[(longest->end - *n + i) * data->features + f];
    return x;
}

/* Rows where a series begins. */
static unsigned char *series_begins(const struct dataset *data)
{
    unsigned char *cut = calloc(data->rows + 1, 1);
    for (size_t i = 0; cut && i < data->files; i++)
        cut[data->file[i].begin] = 1;
    return cut;
}

/* The largest relative change of feature f within a series. */
static double largest_leap(const struct dataset *data, size_t f)
{
    double leap = 0;
    for (size_t s = 0; s < data->files; s++)
        for (size_t row = data->file[s].begin + 1; row < data->file[s].end; row++) {
            const double x = data->series[(row - 1) * data->features + f];
            const double y = data->series[row * data->features + f];
            if (!(fmin(x, y) > 0))
                return 0;
            leap = fmax(leap, fabs(y / x - 1));
        }
    return leap;
}

static int measure(struct recording *seen, const char *of, int changes, struct error *err)
{
    const struct dataset *data = seen->data;
    const size_t f = feature_of(data, of);
    size_t n;
    unsigned char *cut = series_begins(data);
    double *x = longest_values(seen, f, &n);
    int failed = !cut || !x ? error_set(err, STATUS_FAILED, "out of memory") : 0;
    seen->series = data->files;
    seen->leap = largest_leap(data, f);
    for (size_t i = 0; i < data->files; i++)
        seen->rows += data->file[i].end - data->file[i].begin;
    if (!failed && data->time)
        failed = rhythm_of_times(&seen->rhythm, data->time, cut, data->rows, err);
    if (!failed)
        failed = rhythm_of_values(&seen->rhythm, x, n, changes, MOST_LAGS, err);
    free(cut);
    free(x);
    return failed;
}

int recording_read(struct recording *seen, struct proposing *p, const char *of, int changes,
                   struct error *err)
{
    memset(seen, 0, sizeof *seen);
    name_columns(p);
    name_time(p);
    char *name = of ? column_expression(of) : NULL;
    seen->data = read_all(p, err);
    const int failed = !seen->data || measure(seen, name, changes, err);
    drop_reading(p);
    free(name);
    if (failed) {
        recording_fini(seen);
        return -1;
    }
    if (seen->rhythm.step)
        draft_why(p->draft, "data.time", "The usual step from row to row is %s.",
                  span_of(seen->rhythm.step).text);
    return 0;
}

void recording_fini(struct recording *seen)
{
    dataset_free(seen->data);
    memset(seen, 0, sizeof *seen);
}

struct span_text span_of(int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {
        {INT64_C(86400000), "day"}, {3600000, "hour"}, {60000, "minute"}, {1000, "second"}};
    struct span_text span;
    size_t i = 0;
    while (i < 4 && ms % units[i].ms)
        i++;
    if (i == 4)
        snprintf(span.text, sizeof span.text, "%lld ms", (long long)ms);
    else
        snprintf(span.text, sizeof span.text, "%lld %s%s", (long long)(ms / units[i].ms),
                 units[i].name, ms / units[i].ms == 1 ? "" : "s");
    return span;
}

/* --- keys of series */

void recording_gap(const struct recording *seen, struct proposing *p)
{
    static const int64_t usual[] = {1,    2,    3,    5,    10,    15,    30, /* minutes */
                                    60,   120,  240,  480,  720,              /* hours */
                                    1440, 2880, 4320, 5760, 10080, 14400, 20160, 44640};
    const struct rhythm *r = &seen->rhythm;
    const size_t count = sizeof usual / sizeof *usual;
    size_t i = 0;
    if (!r->step)
        return;
    while (i < count && usual[i] * 60000 < 2 * r->usual)
        i++;
    if (i == count)
        return;
    const int64_t minutes = usual[i];
    if (minutes % 1440 == 0)
        draft_set(p->draft, "data.gap", "%lldd", (long long)(minutes / 1440));
    else if (minutes % 60 == 0)
        draft_set(p->draft, "data.gap", "%lldh", (long long)(minutes / 60));
    else
        draft_set(p->draft, "data.gap", "%lldm", (long long)minutes);
    draft_why(p->draft, "data.gap",
              "No window reaches across a longer hole. Nearly all steps are at most %s%s%s.",
              span_of(r->usual).text, r->longest > r->usual ? "; the longest is " : "",
              r->longest > r->usual ? span_of(r->longest).text : "");
}

/* The smallest usual number of rows that is not below. */
static size_t round_rows(size_t rows)
{
    static const size_t usual[] = {16, 24, 32, 48, 64, 96, 128};
    size_t i = 0;
    while (i < sizeof usual / sizeof *usual - 1 && usual[i] < rows)
        i++;
    return usual[i];
}

void recording_window(const struct recording *seen, struct proposing *p, const char *of,
                      size_t horizon)
{
    const struct rhythm *r = &seen->rhythm;
    const size_t longest = seen->rows / seen->series; /* the mean of all, 15% of which are a part */
    size_t window, most = longest * 15 / 100 / 2;
    char why[300];
    most = most > horizon + 4 ? most - horizon : 4;
    if (r->season) {
        window = r->season <= 128 ? 2 * r->season : r->season <= 512 ? r->season : 512;
        snprintf(why, sizeof why,
                 "%s repeats itself after %zu rows (autocorrelation of its differences %.2f).", of,
                 r->season, r->repeats);
    } else if (r->memory) {
        window = round_rows(r->memory < 16 ? 16 : r->memory);
        snprintf(why, sizeof why,
                 "%s%s is remembered for %zu rows: behind them its autocorrelation has fallen to "
                 "1/e of that of neighbours, or to chance.",
                 r->of_changes ? "The size of changes of " : "", of, r->memory);
    } else {
        window = 32;
        snprintf(why, sizeof why,
                 "%s has no memory that its autocorrelation shows: a usual number.", of);
    }
    if (window > most) {
        window = most;
        draft_why(p->draft, "data.window", "Series of %zu rows allow no more.", longest);
    } else {
        draft_why(p->draft, "data.window", "%s", why);
    }
    draft_set(p->draft, "data.window", "%zu", window);
}

void recording_split(const struct recording *seen, struct proposing *p)
{
    draft_set(p->draft, "data.split", "chronological");
    draft_why(p->draft, "data.split",
              "The test comes after what was trained on, as forecasts do%s.",
              seen->rhythm.step ? "" : "; the rows of a file count as in the order of time");
    draft_set(p->draft, "data.validation", "0.15");
    draft_set(p->draft, "data.test", "0.15");
}

void recording_train(struct proposing *p, size_t windows, size_t steps)
{
    size_t batch = 256;
    while (batch > 16 && windows / batch < 50)
        batch /= 2;
    const size_t pass = (windows + batch - 1) / batch;
    size_t epochs = (steps + pass - 1) / (pass ? pass : 1);
    epochs = epochs < 3 ? 3 : epochs > 200 ? 200 : epochs;
    draft_set(p->draft, "train.effective_batch", "%zu", batch);
    draft_why(p->draft, "train.effective_batch",
              "%zu windows make %zu steps of %zu an epoch. The device's memory decides how many of "
              "them are computed at a time.",
              windows, pass, batch);
    draft_set(p->draft, "train.batch", "auto");
    draft_set(p->draft, "train.accumulate", "auto");
    draft_set(p->draft, "train.epochs", "%zu", epochs);
    draft_why(p->draft, "train.epochs", "%zu steps in all, where nothing ends them earlier.",
              pass * epochs);
    draft_set(p->draft, "train.patience", "%zu", epochs < 9 ? 3 : epochs / 3);
}

struct dataset *recording_load(struct proposing *p, struct log *log, struct error *err)
{
    static const char *const names[] = {"training", "validation", "test"};
    struct dataset *data = draft_load(p->draft, log, err);
    for (int part = 0; data && part < PARTS; part++) {
        if (data->count[part])
            continue;
        dataset_free(data);
        error_set(err, STATUS_INPUT, "%s: its rows are too few: the %s part has no window", p->data,
                  names[part]);
        return NULL;
    }
    return data;
}

int recording_try(struct proposing *p, struct log *log, size_t *windows, struct error *err)
{
    struct dataset *data = recording_load(p, log, err);
    if (!data)
        return -1;
    *windows = data->count[PART_TRAIN];
    dataset_free(data);
    return 0;
}
