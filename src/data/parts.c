/* SPDX-License-Identifier: MIT */
/* Deals the rows to the parts, warms features up, and finds the windows. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "data/load.h"
#include "util/block.h"

static int is_walk(const struct load *load)
{
    return load->config->data.split == SPLIT_WALK_FORWARD && !load->whole;
}

/* The split; a part that has files of its own gets nothing of the others. */
static struct split make_split(const struct load *load)
{
    const struct config *config = load->config;
    long block = config->data.split_block;
    return (struct split){
        .kind = config->data.split,
        .unit = config->data.split_unit,
        .block = block < 0 ? 20 * load_span(load, PART_TRAIN) : (size_t)block,
        .strata = (size_t)config->data.strata,
        .validation = config->data.validation_source.count ? 0 : config->data.validation,
        .test = config->data.test_source.count || is_walk(load) ? 0 : config->data.test,
        .seed = (uint64_t)config->run.seed,
        .spec = &load->spec,
    };
}

/* --- stratified */

/* Sets each block's figure to the mean of data.stratify over its rows, where that has a value.
 * `from` is where usable rows lie in the table. */
static int average(struct load *load, const struct input *input, struct block *block, size_t blocks)
{
    double *x = block_new((input->table->rows + 1) * sizeof *x), sum = 0;
    size_t at = 0, row = 0, count = 0;
    if (!x)
        return load_no_memory(load);
    for (size_t r = 0; r < input->runs; r++) {
        struct run run = input->run[r];
        if (feature_compute(load->stratify, input->table, run, x, load->err)) {
            block_free(x);
            return -1;
        }
        for (size_t i = load->warmup; i < run.end - run.begin; i++, row++) {
            if (!isnan(x[i])) {
                sum += x[i];
                count++;
            }
            if (row + 1 < block[at].end)
                continue;
            block[at++].figure = count ? sum / (double)count : NAN;
            sum = 0;
            count = 0;
            if (at == blocks)
                break;
        }
    }
    block_free(x);
    return 0;
}

/* --- segments and stretches */

static int add_segment(struct load *load, struct input *input, size_t from, size_t to)
{
    struct segment *more = realloc(input->segment, (input->segments + 1) * sizeof *more);
    if (!more)
        return load_no_memory(load);
    size_t rows = to - from - load->warmup, begin = input->rows;
    input->segment = more;
    more[input->segments++] = (struct segment){from, to, begin, begin + rows};
    input->rows += rows;
    return 0;
}

static int add_stretch(struct load *load, struct input *input, size_t begin, size_t end,
                       enum part part)
{
    struct stretch *more = realloc(input->stretch, (input->stretches + 1) * sizeof *more);
    if (!more)
        return load_no_memory(load);
    input->stretch = more;
    more[input->stretches++] = (struct stretch){begin, end, part};
    return 0;
}

/*
 * Lays out the rows of an input that the blocks deal. A piece is what neighbouring blocks of one
 * part have of one run. In the order of time, features may look back over a border between parts,
 * for what they see is the past; where blocks are dealt at random a piece behind such a border
 * warms up afresh, so that no row serves two parts.
 */
static int lay_out(struct load *load, struct input *input, const struct block *block, size_t blocks,
                   int afresh)
{
    size_t at = 0, row = 0; /* of usable rows */
    for (size_t r = 0; r < input->runs; r++) {
        struct run run = input->run[r];
        size_t first = row, last = row + run.end - run.begin - load->warmup, base = input->rows;
        if (!afresh && add_segment(load, input, run.begin, run.end))
            return -1;
        while (row < last) {
            while (block[at].end <= row)
                at++;
            size_t end = block[at].end;
            for (size_t next = at + 1; next < blocks && block[next].part == block[at].part; next++)
                end = block[next].end;
            end = end < last ? end : last;
            size_t from = run.begin + (row - first), to = run.begin + load->warmup + (end - first);
            enum part part = block[at].part;
            size_t begin = base + (row - first);
            if (!afresh && part != PART_NONE &&
                add_stretch(load, input, begin, begin + (end - row), part))
                return -1;
            /* Behind a border the first row is the first that may be seen. */
            from += row > first ? load->warmup : 0;
            if (afresh && to - from > load->warmup) {
                begin = input->rows;
                if (add_segment(load, input, from, to) ||
                    add_stretch(load, input, begin, input->rows, part))
                    return -1;
            }
            row = end;
        }
    }
    return 0;
}

/* All rows in one part. Predictions may reach beyond the last row of a stretch: there follow rows
 * without a target. */
static int lay_out_whole(struct load *load, struct input *input, enum part part, size_t padding)
{
    for (size_t r = 0; r < input->runs; r++) {
        size_t begin = input->rows;
        if (add_segment(load, input, input->run[r].begin, input->run[r].end) ||
            add_stretch(load, input, begin, input->rows, part))
            return -1;
        input->rows += padding;
    }
    return 0;
}

/* With data.split = spec the file has to reach beyond the validation part's end. */
static int check_spec(struct load *load, const struct input *input, size_t rows)
{
    size_t train, validation;
    return spec_cut(&load->spec, rows, &train, &validation)
               ? error_set(load->err, STATUS_INPUT,
                           "%s: %zu usable rows, but %s lets the validation part end at row %.0f",
                           input->source->path, rows, load->config->signal.spec,
                           load->spec.validation_end)
               : 0;
}

/* Where an input's blocks begin among all; those of a file for one part alone have none. */
static int cut_blocks(struct load *load, const struct split *split, struct block **block,
                      size_t *count, size_t *rows)
{
    *count = *rows = 0;
    for (int pass = 0; pass < 2; pass++) {
        size_t at = 0;
        for (size_t i = 0; i < load->inputs; i++) {
            size_t usable = load_usable(load, &load->input[i]);
            if (load->input[i].source->part != SOURCE_DEALT)
                continue;
            if (split->kind == SPLIT_SPEC && check_spec(load, &load->input[i], usable))
                return -1;
            at += split_cut(split, i, usable, pass ? *block + at : NULL);
            *rows += pass ? usable : 0;
        }
        *count = at;
        if (!pass && !(*block = malloc((at + 1) * sizeof **block)))
            return load_no_memory(load);
    }
    return 0;
}

/* Lays out the rows of all inputs, which the blocks deal. */
static int lay_out_all(struct load *load, const struct split *split, const struct block *block,
                       size_t count, int afresh)
{
    int result = 0;
    for (size_t i = 0, at = 0; i < load->inputs && !result; i++) {
        struct input *input = &load->input[i];
        size_t n = 0;
        if (input->source->part != SOURCE_DEALT) {
            result = lay_out_whole(load, input, (enum part)input->source->part, 0);
            continue;
        }
        while (at + n < count && block[at + n].file == i)
            n++;
        if (n)
            result = lay_out(load, input, block + at, n, afresh && split->unit == SPLIT_BLOCK);
        at += n;
    }
    return result;
}

static int deal(struct load *load, const struct split *split)
{
    struct block *block = NULL;
    size_t count, rows;
    int afresh = split->kind == SPLIT_SHUFFLED || split->kind == SPLIT_STRATIFIED;
    int result = cut_blocks(load, split, &block, &count, &rows);
    for (size_t i = 0, n; i < count && load->stratify && !result; i += n) {
        for (n = 1; i + n < count && block[i + n].file == block[i].file;)
            n++;
        result = average(load, &load->input[block[i].file], block + i, n);
    }
    if (!result && split_deal(split, block, count, rows, load->err))
        result = load->err->status == STATUS_INPUT ? error_prefix(load->err, "%s", load_label(load))
                                                   : -1;
    if (!result)
        result = lay_out_all(load, split, block, count, afresh);
    if (!result && afresh)
        tell_count(load, split->unit == SPLIT_BLOCK ? "split_blocks" : "split_series", count);
    free(block);
    return result;
}

/* The parts of a fold. */
static int deal_fold(struct load *load)
{
    struct split split = make_split(load);
    struct walk walk = walk_of(load->config, load_ahead(load));
    struct walk_cut *cut = calloc(load->inputs + 1, sizeof *cut);
    split.walk = cut;
    split.gap = walk.gap;
    int failed = cut ? walk_series(load, &walk, cut) || deal(load, &split) : load_no_memory(load);
    free(cut);
    if (!failed)
        walk_measure(load);
    return failed ? -1 : 0;
}

/* Places the series one behind the other. */
static int place(struct load *load)
{
    struct dataset *data = load->data;
    data->files = load->inputs * data->channels;
    data->by_series = load->how.series != NULL;
    data->file = calloc(data->files + 1, sizeof *data->file);
    if (!data->file)
        return load_no_memory(load);
    for (size_t i = 0; i < load->inputs; i++) {
        struct input *input = &load->input[i];
        if (input->rows > (UINT32_MAX - data->rows) / data->channels)
            return error_set(load->err, STATUS_INPUT, "%s: more than %u rows", load_label(load),
                             UINT32_MAX);
        for (size_t c = 0; c < data->channels; c++) {
            struct series *series = &data->file[i * data->channels + c];
            const char *name = input->name;
            *series = (struct series){.begin = data->rows, .channel = c, .file = input->file};
            series->end = data->rows += input->rows;
            if ((data->channels > 1 || load->config->data.channels == CHANNELS_APART
                     ? asprintf(&series->name, "%s: %s", name, load->feature[c]->text)
                     : asprintf(&series->name, "%s", name)) < 0) {
                series->name = NULL;
                return load_no_memory(load);
            }
        }
    }
    return 0;
}

int parts_deal(struct load *load)
{
    int result = 0;
    /* A target of the last window lies so many rows behind the last row. */
    size_t window = load_window(load, PART_TEST), reach = load->data->target_first;
    reach += load->data->target_rows;
    size_t padding = load->data->targets && reach > window ? reach - window : 0;
    for (size_t i = 0; i < load->inputs && load->whole && !result; i++)
        result = lay_out_whole(load, &load->input[i], PART_TEST, padding);
    const struct split split = make_split(load);
    if (!load->whole)
        result = is_walk(load) ? deal_fold(load) : deal(load, &split);
    if (result || place(load))
        return -1;
    tell_warmup(load);
    if (is_walk(load))
        tell_fold(load);
    return 0;
}

/* --- windows */

/* What keep() looks at: for each row of the dataset, how many rows before it lack a target. */
struct choice {
    struct load *load;
    uint32_t *lacking;
};

static int lacks_target(const struct choice *choice, size_t row, size_t rows)
{
    return choice->lacking[row + rows] != choice->lacking[row];
}

/* A window needs its targets and, where these lie behind it, those at its end as well: the forecast
 * that nothing changes is what a model is held against. */
static int keep(void *ctx, size_t start, enum part part)
{
    struct choice *choice = ctx;
    struct load *load = choice->load;
    size_t first, rows = load_target_rows(load, part, &first), s = 0,
                  window = load_window(load, part);
    if (choice->lacking && (lacks_target(choice, start + first, rows) ||
                            (first && lacks_target(choice, start + window - 1, 1)))) {
        load->lost.no_target++;
        return 0;
    }
    if (!load->where)
        return 1;
    s = load_series(load, start);
    size_t last = start + window - 1 - load->data->file[s].begin;
    if (load_input(load, s)->where[last])
        return 1;
    load->lost.where++;
    return 0;
}

static int count_lacking(struct load *load, struct choice *choice)
{
    const struct dataset *data = load->data;
    if (!data->targets || load->whole)
        return 0;
    if (!(choice->lacking = block_new((data->rows + 1) * sizeof *choice->lacking)))
        return load_no_memory(load);
    *choice->lacking = 0;
    for (size_t row = 0; row < data->rows; row++) {
        int lacks = 0;
        for (size_t k = 0; k < data->targets; k++)
            lacks |= isnan(data->raw_target[row * data->targets + k]);
        choice->lacking[row + 1] = choice->lacking[row] + (uint32_t)lacks;
    }
    return 0;
}

int parts_meet(struct load *load, const struct condition *condition, const struct input *input,
               unsigned char **met)
{
    size_t warmup = load->warmup;
    if (!(*met = block_zeros(input->rows + warmup + 1)))
        return load_no_memory(load);
    for (size_t s = 0; s < input->segments; s++) {
        struct segment segment = input->segment[s];
        unsigned char *to = *met + segment.begin;
        struct run run = {segment.from, segment.to};
        if (condition_compute(condition, input->table, run, to, load->err))
            return -1;
        memmove(to, to + warmup, segment.end - segment.begin);
    }
    return 0;
}

/* In which rows data.where is fulfilled. */
static int find_where(struct load *load)
{
    for (size_t i = 0; i < load->inputs && load->where; i++)
        if (parts_meet(load, load->where, &load->input[i], &load->input[i].where))
            return -1;
    return 0;
}

/* Where windows of a stretch may begin: with data.look_back so early that their first target is the
 * first row of the stretch, unless a hole lies between. */
static size_t look_back(const struct load *load, const struct input *input, struct stretch stretch)
{
    size_t first, from = 0;
    load_target_rows(load, stretch.part, &first);
    if (!load->config->data.look_back || stretch.part == PART_TRAIN || load->whole)
        return stretch.begin;
    for (size_t i = 0; i < input->segments && input->segment[i].begin <= stretch.begin; i++)
        from = input->segment[i].begin;
    return stretch.begin - from > first ? stretch.begin - first : from;
}

/* The stretches of all series, in rows of the dataset. */
static struct stretch *all_stretches(const struct load *load, size_t *count)
{
    const struct dataset *data = load->data;
    size_t n = 0;
    for (size_t i = 0; i < load->inputs; i++)
        n += load->input[i].stretches * data->channels;
    struct stretch *stretch = malloc((n + 1) * sizeof *stretch);
    *count = 0;
    for (size_t s = 0; stretch && s < data->files; s++) {
        const struct input *input = load_input(load, s);
        for (size_t i = 0; i < input->stretches; i++) {
            struct stretch local = input->stretch[i];
            size_t begin = data->file[s].begin + look_back(load, input, local);
            stretch[(*count)++] =
                (struct stretch){begin, data->file[s].begin + local.end, local.part};
        }
    }
    return stretch;
}

static void name_key(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void name_key(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    va_list ap;
    va_start(ap, format);
    vsnprintf(text + used, size - used, format, ap);
    va_end(ap);
}

void parts_why_short(const struct load *load, const struct input *input, size_t inputs, size_t span,
                     char *text, size_t size)
{
    const struct config *c = load->config;
    size_t most = 0, holes = 0, skips = 0;
    char gap[TABLE_TIME], step[TABLE_TIME];
    for (size_t i = 0; i < inputs; i++) {
        most = input[i].table->rows > most ? input[i].table->rows : most;
        holes += input[i].holes;
        skips += input[i].table->cuts;
    }
    *text = 0;
    const int is_eval = load->data->eval_window && span != load_span(load, PART_TRAIN);
    const char *key = is_eval ? "eval_window" : "window";
    if (most < span)
        name_key(text, size, "; data.%s = %ld is too long for them%s", key,
                 is_eval ? c->data.eval_window : c->data.window,
                 c->data.horizon > 1 && load->data->targets && !load->whole ? " with data.horizon"
                                                                            : "");
    else if (most < span + load->warmup)
        name_key(text, size,
                 "; data.%s with the %zu rows over which data.features warm up is "
                 "too long for them",
                 key, load->warmup);
    if (*text)
        return;
    if (holes && c->data.gap)
        name_key(text, size, "; data.gap = %s parts them at %zu holes",
                 table_duration(c->data.gap, gap), holes);
    if (holes && c->data.gap && input->step > c->data.gap)
        name_key(text, size, ", for the times of data.time are %s apart",
                 table_duration(input->step, step));
    if (load->jumps)
        name_key(text, size, "; data.jump parts them at %zu places", load->jumps);
    if (skips)
        name_key(text, size, "; data.missing = skip parts them at %zu places", skips);
}

/* A part that has a share must hold a window. */
static int check_parts(struct load *load)
{
    static const char *const names[PARTS] = {"training part", "validation part", "test part"};
    static const char *const remedies[PARTS] = {"a smaller data.validation and data.test",
                                                "a larger data.validation", "a larger data.test"};
    static const char *const in_folds[PARTS] = {"fewer data.folds, a smaller data.purge",
                                                "a larger data.validation", "fewer data.folds"};
    const struct dataset *data = load->data;
    const struct config *config = load->config;
    const int wanted[PARTS] = {
        1,
        config->data.validation > 0 || config->data.validation_source.count > 0,
        config->data.test > 0 || config->data.test_source.count > 0 || is_walk(load),
    };
    size_t longest = 0, rows = 0;
    for (size_t i = 0; i < load->inputs; i++) {
        for (size_t s = 0; s < load->input[i].segments; s++) {
            size_t length = load->input[i].segment[s].end - load->input[i].segment[s].begin;
            longest = length > longest ? length : longest;
            rows += length;
        }
    }
    for (enum part part = 0; part < PARTS; part++) {
        int needed = load->whole ? part == PART_TEST : wanted[part];
        char also[128] = "", with[64] = "", why[512] = "";
        size_t window = load_window(load, part), span = load_span(load, part);
        if (!needed || data->count[part])
            continue;
        if (span > window)
            snprintf(with, sizeof with, " and the %zu row%s up to its last target", span - window,
                     span - window == 1 ? "" : "s");
        if (load->lost.no_target + load->lost.where)
            snprintf(also, sizeof also,
                     "; %zu windows have no target, %zu are not what "
                     "data.where wants",
                     load->lost.no_target, load->lost.where);
        if (longest < span)
            parts_why_short(load, load->input, load->inputs, span, why, sizeof why);
        else if (!load->whole && !load->lost.no_target && !load->lost.where)
            snprintf(why, sizeof why, "; %s or a shorter data.%s helps",
                     (is_walk(load) ? in_folds : remedies)[part],
                     data->eval_window && part != PART_TRAIN ? "eval_window" : "window");
        return error_set(load->err, STATUS_INPUT,
                         "%s: too few rows: no window of %zu%s fits into the %s (%zu usable rows, "
                         "at most %zu without a hole%s)%s",
                         load_label(load), window, with, load->whole ? "file" : names[part], rows,
                         longest, also, why);
    }
    return 0;
}

/* What parting the runs has cost, counted in windows of training. */
static void count_lost(struct load *load, const struct stretch *stretch, size_t stretches)
{
    size_t runs = 0, parted = 0, span = load_span(load, PART_TRAIN);
    size_t stride = dataset_stride(load->config);
    for (size_t i = 0; i < load->inputs; i++) {
        const struct input *input = &load->input[i];
        for (size_t r = 0; r < input->runs; r++)
            runs +=
                load->data->channels *
                windows_in(input->run[r].end - input->run[r].begin - load->warmup, span, stride);
    }
    for (size_t i = 0; i < stretches; i++) {
        size_t length = stretch[i].end - stretch[i].begin, window = load->data->eval_window;
        parted += windows_in(length, span, stride);
        if (window && stretch[i].part != PART_TRAIN) {
            size_t windows = windows_in(length, load_span(load, stretch[i].part), window);
            load->lost.tail += length - windows * window;
        }
    }
    /* With a stride, cutting rows into stretches can even gain a window. */
    load->lost.parts = runs > parted ? runs - parted : 0;
    load->lost.holes *= load->data->channels;
    load->lost.jumps *= load->data->channels;
}

/* Windows of the training part that are as long as those of validation. */
static int find_long(struct load *load, const struct windowing *windowing,
                     const struct stretch *stretch, size_t stretches)
{
    struct stretch *training = malloc((stretches + 1) * sizeof *training);
    const struct lost lost = load->lost; /* what evaluation leaves out does not count */
    uint32_t *start[PARTS];
    size_t count[PARTS], n = 0;
    for (size_t i = 0; training && i < stretches; i++) {
        training[n] = stretch[i];
        training[n].part = PART_VALIDATION;
        n += stretch[i].part == PART_TRAIN;
    }
    int failed = !training || windows_find(windowing, training, n, start, count);
    load->lost = lost;
    free(training);
    if (failed)
        return -1;
    block_free(start[PART_TRAIN]);
    block_free(start[PART_TEST]);
    load->data->long_start = start[PART_VALIDATION];
    load->data->long_count = count[PART_VALIDATION];
    return 0;
}

static int find_windows(struct load *load, const struct stretch *stretch, size_t stretches)
{
    struct dataset *data = load->data;
    struct choice choice = {.load = load};
    struct windowing windowing = {.keep = keep, .ctx = &choice};
    for (enum part part = 0; part < PARTS; part++) {
        int follow = data->eval_window && part != PART_TRAIN;
        windowing.span[part] = load_span(load, part);
        windowing.stride[part] = follow ? data->eval_window : dataset_stride(load->config);
    }
    if (count_lacking(load, &choice) || find_where(load)) {
        block_free(choice.lacking);
        return -1;
    }
    if (!choice.lacking && !load->where)
        windowing.keep = NULL;
    int failed = windows_find(&windowing, stretch, stretches, data->start, data->count);
    if (!failed && data->eval_window)
        failed = find_long(load, &windowing, stretch, stretches);
    block_free(choice.lacking);
    return failed ? load_no_memory(load) : 0;
}

int parts_windows(struct load *load)
{
    struct dataset *data = load->data;
    const struct split split = make_split(load);
    size_t stretches;
    struct stretch *stretch = all_stretches(load, &stretches);
    if (!stretch)
        return load_no_memory(load);
    data->border = malloc((stretches + 1) * sizeof *data->border);
    for (size_t i = 0; data->border && i < stretches; i++)
        data->border[data->borders++] = (uint32_t)stretch[i].begin;
    if (!data->border) {
        free(stretch);
        return load_no_memory(load);
    }
    count_lost(load, stretch, stretches);
    int failed = find_windows(load, stretch, stretches);
    free(stretch);
    if (failed)
        return -1;
    if (split.kind == SPLIT_SHUFFLED_WINDOWS && !load->whole &&
        windows_deal(&split, data->start, data->count))
        return load_no_memory(load);
    tell_windows(load);
    return check_parts(load);
}
