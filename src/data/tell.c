/* SPDX-License-Identifier: MIT */
/* What was found in the data, to the console and as one event. */
#include <string.h>

#include "data/aggregate.h"
#include "data/csv.h"
#include "data/load.h"
#include "data/time_form.h"

/* Of one file all is said; of several, their sum and each kind of finding, and all with -v. */
typedef void say_fn(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

static say_fn *say_of(const struct load *load)
{
    return load->several ? log_detail : log_say;
}

#define SAY(load, ...) say_of(load)((load)->log, __VA_ARGS__)

#define SERIES_TOLD 1000
#define FINDINGS 16 /* kinds that are told of several series */

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

void tell_count(struct load *load, const char *key, size_t count)
{
    json_object_set_new(load->told, key, json_integer((json_int_t)count));
}

void tell_text(struct load *load, const char *key, const char *text)
{
    json_object_set_new(load->told, key, json_string(text));
}

/* --- files */

static void tell_rows(struct load *load, const struct input *input)
{
    char first[TABLE_TIME], last[TABLE_TIME], apart[TABLE_TIME];
    const char *path = input->label;
    if (!input->table->time) {
        SAY(load, "data: %s: %zu rows, without time (data.time is not set)", path,
            input->file.rows);
        return;
    }
    table_time(input->first_time, first);
    table_time(input->last_time, last);
    SAY(load, "data: %s: %zu rows, %s to %s, %s%s (time in %s)", path, input->file.rows, first,
        last, input->step ? "every " : "at no regular distance",
        input->step ? table_duration(input->step, apart) : "",
        time_format_name(input->table->format));
}

/* "open first, volume sum": how each column was merged; a warning if no name told it. */
static void tell_aggregates(struct load *load, const struct input *input)
{
    const struct list *rules = &load->config->data.aggregate;
    const struct table *table = input->table;
    char text[1024] = "", shown[CSV_SHOWN];
    size_t known = 0, used = 0;
    for (size_t i = 0; i < table->columns; i++) {
        enum aggregate rule = aggregate_of(rules, table->name[i]);
        known += rule != AGGREGATE_LAST || aggregate_is_known(table->name[i]);
        int n = snprintf(text + used, sizeof text - used, "%s%s %s", i ? ", " : "",
                         csv_show(table->name[i], shown), aggregate_name(rule));
        used += n > 0 && (size_t)n < sizeof text - used ? (size_t)n : 0;
    }
    SAY(load, "data: in each candle: %s", text);
    if (!known && table->columns && rules->count < 2)
        log_warn(load->log,
                 "%s: no column has a name that says how rows are merged, so each candle has the "
                 "values of its last row; data.aggregate changes this",
                 input->label);
}

/* Rare steps that are longer than the usual one, where no data.gap makes cuts of them; those of
 * nights and weekends are not rare. */
static int are_crossed_holes(const struct load *load, size_t gaps, size_t rows)
{
    return !load->config->data.gap && gaps && gaps * 100 < rows;
}

/* The holes of a series, or of all. */
struct holes {
    size_t cut, steps, rows;       /* steps: longer ones than the usual */
    int64_t longest, longest_step; /* ms */
};

static void say_holes(const struct load *load, say_fn *say, const struct holes *h)
{
    int64_t gap = load->config->data.gap;
    char shown[TABLE_TIME], longest[TABLE_TIME];
    if (gap)
        say(load->log, "data: %zu hole%s in time longer than %s%s%s", h->cut, plural(h->cut),
            table_duration(gap, shown), h->longest ? ", the longest " : "",
            h->longest ? table_duration(h->longest, longest) : "");
    if (are_crossed_holes(load, h->steps, h->rows))
        say(load->log,
            "data: %zu hole%s in time, the longest %s, which windows and features reach across "
            "(data.gap is none)",
            h->steps, plural(h->steps), table_duration(h->longest_step, longest));
}

/* What became of rows, as candles. */
static void say_candles(const struct load *load, say_fn *say, size_t rows, size_t candles,
                        size_t cut, size_t partial)
{
    char shown[TABLE_TIME];
    say(load->log,
        "data: resampled to %s: %zu rows became %zu candles; %zu incomplete one%s at the ends "
        "left out, %zu with missing rows kept",
        table_duration(load->config->data.resample, shown), rows, candles, cut, plural(cut),
        partial);
}

/* What data.from, data.to and data.days have cut off, in one line; nothing of what was not. */
static void say_range(const struct load *load, say_fn *say, size_t before, size_t behind)
{
    const struct config *c = load->config;
    const struct range range = range_of_candles(&load->range, c->data.resample);
    char from[TABLE_TIME], to[TABLE_TIME], front[96] = "", back[96] = "";
    if (before && c->data.days)
        snprintf(front, sizeof front, "%zu row%s before the last %ld day%s", before, plural(before),
                 c->data.days, c->data.days == 1 ? "" : "s");
    else if (before)
        snprintf(front, sizeof front, "%zu row%s before %s", before, plural(before),
                 table_time(range.from, from));
    if (behind)
        snprintf(back, sizeof back, "%zu row%s from %s on", behind, plural(behind),
                 table_time(range.to, to));
    if (before || behind)
        say(load->log, "data: %s%s%s left out", front, before && behind ? ", " : "", back);
}

void tell_input(struct load *load, const struct input *input)
{
    int64_t length = load->config->data.resample;
    char shown[TABLE_TIME], apart[TABLE_TIME];
    const struct resampling *told = &input->resampling;
    const struct file_rows *file = &input->file;
    tell_rows(load, input);
    say_range(load, say_of(load), input->cut.before, input->cut.behind);
    for (const char *at = input->table->told, *end; at && *at; at = end + 1) {
        end = strchr(at, '\n');
        SAY(load, "data: %s: %.*s", input->label, (int)(end - at), at);
    }
    say_holes(
        load, say_of(load),
        &(struct holes){input->holes, file->gaps, file->rows, input->longest_hole, file->longest});
    if (!length)
        return;
    say_candles(load, say_of(load), told->rows, input->table->rows, told->cut, told->partial);
    tell_aggregates(load, input);
    if (input->step && length % input->step)
        log_warn(load->log, "%s: candles of %s do not hold a whole number of rows of %s",
                 input->label, table_duration(length, shown), table_duration(input->step, apart));
}

/* Sums over all files. */
struct sums {
    size_t rows, before, behind, holes, gaps, candles, cut, partial;
    int64_t first, last, longest, longest_gap, step; /* step: 0 unless it is that of all */
};

static struct sums add_up(const struct load *load)
{
    const struct input *first = &load->input[0];
    struct sums sums = {.first = first->first_time, .last = first->last_time, .step = first->step};
    for (size_t i = 0; i < load->inputs; i++) {
        const struct input *input = &load->input[i];
        sums.rows += input->file.rows;
        sums.before += input->cut.before;
        sums.behind += input->cut.behind;
        sums.holes += input->holes;
        if (input->file.gaps) {
            sums.gaps += input->file.gaps;
            sums.longest_gap =
                input->file.longest > sums.longest_gap ? input->file.longest : sums.longest_gap;
        }
        sums.candles += input->table->rows;
        sums.cut += input->resampling.cut;
        sums.partial += input->resampling.partial;
        sums.first = input->first_time < sums.first ? input->first_time : sums.first;
        sums.last = input->last_time > sums.last ? input->last_time : sums.last;
        sums.longest = input->longest_hole > sums.longest ? input->longest_hole : sums.longest;
        sums.step = input->step == sums.step ? sums.step : 0;
    }
    return sums;
}

/* A line that was told of one or more series. */
struct finding {
    const char *label; /* of the first series */
    const char *text;
    size_t length, series, last; /* last: the series that was counted last */
};

/* Whether two lines differ in nothing but figures. */
static int is_alike(const struct finding *a, const struct finding *b)
{
    static const char digits[] = "0123456789";
    size_t i = 0, k = 0;
    while (i < a->length && k < b->length) {
        size_t in_a = strspn(a->text + i, digits), in_b = strspn(b->text + k, digits);
        if (!in_a != !in_b || (!in_a && a->text[i] != b->text[k]))
            return 0;
        i += in_a ? in_a : 1;
        k += in_b ? in_b : 1;
    }
    return i == a->length && k == b->length;
}

/* Counts a line of series `s` among those of its kind; a kind too many is left to -v. */
static void count_finding(struct finding *list, size_t *count, struct finding line, size_t s)
{
    size_t i = 0;
    while (i < *count && !is_alike(&list[i], &line))
        i++;
    if (i == *count && i == FINDINGS)
        return;
    if (i == *count)
        list[(*count)++] = line;
    list[i].series += !list[i].series || list[i].last != s;
    list[i].last = s;
}

/* Each kind of finding once, of the first series that has it. */
static void say_findings(struct load *load)
{
    struct finding list[FINDINGS];
    size_t count = 0;
    for (size_t s = 0; s < load->inputs; s++) {
        const struct input *input = &load->input[s];
        for (const char *at = input->table->told, *end; at && *at; at = end + 1) {
            end = strchr(at, '\n');
            struct finding line = {input->label, at, (size_t)(end - at), 0, 0};
            count_finding(list, &count, line, s);
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct finding *f = &list[i];
        if (f->series == 1)
            log_say(load->log, "data: %s: %.*s", f->label, (int)f->length, f->text);
        else
            log_say(load->log, "data: %s: %.*s; and so in %zu more series", f->label,
                    (int)f->length, f->text, f->series - 1);
    }
}

/* The form of times that all series have; NULL: they have several. */
static const char *common_form(const struct load *load)
{
    for (size_t i = 1; i < load->inputs; i++)
        if (load->input[i].table->format != load->input[0].table->format)
            return NULL;
    return time_format_name(load->input[0].table->format);
}

/* Whether a series is something else than a file. */
static int is_regrouped(const struct load *load)
{
    return load->config->data.join || load->how.series;
}

static void say_sums(struct load *load, const struct sums *sums)
{
    char what[96];
    size_t files = load->sources.count;
    if (is_regrouped(load))
        snprintf(what, sizeof what, "%zu series in %zu file%s", load->inputs, files, plural(files));
    else
        snprintf(what, sizeof what, "%zu files", load->inputs);
    char first[TABLE_TIME], last[TABLE_TIME], apart[TABLE_TIME];
    const char *form = common_form(load);
    if (load->input[0].table->time)
        log_say(load->log, "data: %s: %zu rows, %s to %s, %s%s (time in %s)", what, sums->rows,
                table_time(sums->first, first), table_time(sums->last, last),
                sums->step ? "every " : "at no common distance",
                sums->step ? table_duration(sums->step, apart) : "",
                form ? form : "several forms, see -v");
    else
        log_say(load->log, "data: %s: %zu rows, without time (data.time is not set)", what,
                sums->rows);
    say_range(load, log_say, sums->before, sums->behind);
    say_findings(load);
    say_holes(
        load, log_say,
        &(struct holes){sums->holes, sums->gaps, sums->rows, sums->longest, sums->longest_gap});
    if (load->config->data.resample)
        say_candles(load, log_say, sums->rows, sums->candles, sums->cut, sums->partial);
}

void tell_files(struct load *load)
{
    const struct config *config = load->config;
    const struct sums sums = add_up(load);
    char shown[TABLE_TIME];
    if (load->several)
        say_sums(load, &sums);
    if (load->sources.passed_over)
        log_say(load->log, "data: %zu file%s of the folder passed over: not .csv or .csv.gz",
                load->sources.passed_over, plural(load->sources.passed_over));
    if (load->lost.files)
        log_say(load->log, "data: %zu %s%s too short for a window left out", load->lost.files,
                is_regrouped(load) ? "series" : "file",
                is_regrouped(load) ? "" : plural(load->lost.files));
    if (load->jump)
        log_say(load->log,
                "data: %zu jump%s of %s beyond %g%%, %zu row%s where it is not above 0: cut there",
                load->jumps, plural(load->jumps), config->data.jump_column, 100 * config->data.jump,
                load->lost.prices, plural(load->lost.prices));
    tell_text(load, "file", load_label(load));
    tell_count(load, "files", is_regrouped(load) ? load->sources.count : load->inputs);
    tell_count(load, "files_left_out", load->lost.files);
    tell_count(load, "rows", sums.rows);
    if (range_is_set(&load->range)) {
        tell_count(load, "rows_before_range", sums.before);
        tell_count(load, "rows_behind_range", sums.behind);
    }
    tell_count(load, "columns", load->columns.count + load->target_columns.count);
    if (load->input[0].table->time) {
        tell_text(load, "time_format", time_format_name(load->input[0].table->format));
        tell_text(load, "time_first", table_time(sums.first, shown));
        tell_text(load, "time_last", table_time(sums.last, shown));
        json_object_set_new(load->told, "step_ms",
                            sums.step ? json_integer(sums.step) : json_null());
    }
    if (config->data.gap) {
        json_object_set_new(load->told, "gap_ms", json_integer(config->data.gap));
        tell_count(load, "holes", sums.holes);
        json_object_set_new(load->told, "longest_hole_ms", json_integer(sums.longest));
    }
    if (config->data.resample) {
        json_object_set_new(load->told, "resample_ms", json_integer(config->data.resample));
        tell_count(load, "candles", sums.candles);
        tell_count(load, "candles_left_out", sums.cut);
        tell_count(load, "candles_with_missing_rows", sums.partial);
    }
    if (load->jump) {
        tell_count(load, "jumps", load->jumps);
        tell_count(load, "prices_not_above_0", load->lost.prices);
    }
}

/* --- rows and windows */

void tell_warmup(struct load *load)
{
    size_t rows = 0, kept = 0, runs = 0;
    for (size_t i = 0; i < load->inputs; i++) {
        const struct input *input = &load->input[i];
        rows += input->table->rows;
        runs += input->segments;
        for (size_t s = 0; s < input->segments; s++)
            kept += input->segment[s].end - input->segment[s].begin;
    }
    rows -= load->lost.prices;
    if (load->warmup)
        log_say(load->log,
                "data: %zu rows left out while features warm up (%zu in each of %zu run%s)",
                rows - kept, load->warmup, runs, plural(runs));
    tell_count(load, "warmup_rows", rows - kept);
    tell_count(load, "rows_used", kept);
}

/* Where the parts of a fold lie. */
void tell_fold(struct load *load)
{
    static const char *const names[PARTS] = {"training", "validation", "test"};
    const struct config *c = load->config;
    const struct fold *fold = &load->data->fold;
    const size_t gap = walk_of(c, load_ahead(load)).gap, embargo = (size_t)c->data.embargo;
    const char *window = c->data.fold_window == FOLD_ROLLING ? "rolling" : "expanding";
    char text[512] = "", first[TABLE_TIME], last[TABLE_TIME];
    json_t *told = json_pack("{s:I, s:I, s:s, s:I, s:I}", "fold", (json_int_t)fold->fold, "folds",
                             (json_int_t)fold->folds, "window", window, "purge",
                             (json_int_t)(gap - embargo), "embargo", (json_int_t)embargo);
    for (enum part part = 0; part < PARTS; part++) {
        const struct span_of_part *span = &fold->part[part];
        const int timed = span->first != DATASET_NO_TIME;
        const size_t used = strlen(text);
        table_time(span->first, first);
        table_time(span->last, last);
        snprintf(text + used, sizeof text - used, "%s%s %zu row%s%s%s%s%s", used ? "; " : "",
                 names[part], span->rows, plural(span->rows), timed ? ", " : "", timed ? first : "",
                 timed ? " to " : "", timed ? last : "");
        json_t *own = json_pack("{s:I}", "rows", (json_int_t)span->rows);
        if (timed) {
            json_object_set_new(own, "first", json_string(first));
            json_object_set_new(own, "last", json_string(last));
        }
        json_object_set_new(told, names[part], own);
    }
    log_say(load->log, "data: fold %zu of %zu, %s: %s", fold->fold, fold->folds, window, text);
    log_say(load->log, "data: %zu row%s between two parts left out: purge %zu, embargo %zu", gap,
            plural(gap), gap - embargo, embargo);
    json_object_set_new(load->told, "fold", told);
}

static void tell_lost(struct load *load)
{
    const struct lost *lost = &load->lost;
    const struct dataset *data = load->data;
    if (load->jump)
        log_say(load->log, "data: %zu windows dropped at jumps", lost->jumps);
    if (data->targets && !load->whole)
        log_say(load->log, "data: %zu windows dropped for want of a target", lost->no_target);
    if (load->where)
        log_say(load->log, "data: %zu windows dropped by where = %s", lost->where,
                load->config->data.where);
    if (data->eval_window)
        log_say(load->log,
                "data: windows of validation and test have %zu rows; %zu rows after the last "
                "window are left out",
                data->eval_window, lost->tail);
    json_object_set_new(load->told, "windows_dropped",
                        json_pack("{s:I, s:I, s:I, s:I, s:I}", "holes", (json_int_t)lost->holes,
                                  "jumps", (json_int_t)lost->jumps, "parts",
                                  (json_int_t)lost->parts, "target", (json_int_t)lost->no_target,
                                  "where", (json_int_t)lost->where));
    if (data->eval_window)
        tell_count(load, "eval_rows_left_out", lost->tail);
}

/* Windows of each series and part. */
static void tell_series(struct load *load)
{
    const struct dataset *data = load->data;
    json_t *list = json_array();
    size_t at[PARTS] = {0};
    for (size_t s = 0; s < data->files; s++) {
        json_int_t windows[PARTS] = {0};
        for (enum part part = 0; part < PARTS; part++)
            for (; at[part] < data->count[part] && data->start[part][at[part]] < data->file[s].end;
                 at[part]++)
                windows[part]++;
        log_detail(load->log, "data: %s: %zu rows; %lld training, %lld validation, %lld test",
                   data->file[s].name, data->file[s].end - data->file[s].begin,
                   (long long)windows[PART_TRAIN], (long long)windows[PART_VALIDATION],
                   (long long)windows[PART_TEST]);
        json_array_append_new(
            list, json_pack("{s:s, s:I, s:I, s:I, s:I}", "name", data->file[s].name, "rows",
                            (json_int_t)(data->file[s].end - data->file[s].begin), "training",
                            windows[PART_TRAIN], "validation", windows[PART_VALIDATION], "test",
                            windows[PART_TEST]));
    }
    json_object_set_new(load->told, "series", list);
}

void tell_windows(struct load *load)
{
    const struct config *config = load->config;
    const struct dataset *data = load->data;
    const size_t *count = data->count;
    json_object_set_new(load->told, "windows",
                        json_pack("{s:I, s:I, s:I}", "training", (json_int_t)count[PART_TRAIN],
                                  "validation", (json_int_t)count[PART_VALIDATION], "test",
                                  (json_int_t)count[PART_TEST]));
    log_say(load->log,
            "data: %zu usable rows; windows of %zu: %zu training, %zu validation, %zu test; "
            "%zu dropped at holes, %zu %s",
            data->rows, data->window, count[PART_TRAIN], count[PART_VALIDATION], count[PART_TEST],
            load->lost.holes, load->lost.parts,
            data->fold.folds ? "outside of the fold's parts" : "between parts");
    tell_lost(load);
    if (data->files > 1 && data->files <= SERIES_TOLD)
        tell_series(load);
    if (load->whole)
        return;
    tell_text(load, "split", config_choice("data", "split", config->data.split));
    if (config->data.split == SPLIT_SHUFFLED_WINDOWS &&
        dataset_stride(config) < (size_t)config->data.window)
        log_warn(load->log,
                 "data.split = shuffled_windows deals windows that share rows to different parts: "
                 "validation and test figures look better than they are");
}
