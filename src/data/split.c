/* SPDX-License-Identifier: MIT */
#include "data/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/block.h"

uint64_t split_random(uint64_t seed, uint64_t index)
{
    uint64_t z = (seed + 1) * 0xd1342543de82ef95u + (index + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static size_t share_of(size_t whole, double share)
{
    return (size_t)floor(share * (double)whole + 0.5);
}

/*
 * Deals `left` items to the parts, wanted[part] to each: the next item goes to a part with a
 * probability of what the part still wants over what is left (selection sampling, Knuth 3.4.2 S),
 * so that the counts are exact, every deal is equally likely, and nothing need be sorted.
 */
static enum part deal(uint64_t seed, size_t index, size_t left, size_t wanted[PARTS])
{
    size_t pick = (size_t)(split_random(seed, index) % left);
    enum part part = PART_TRAIN;
    while (part + 1 < PARTS && pick >= wanted[part])
        pick -= wanted[part++];
    wanted[part]--;
    return part;
}

static void want(const struct split *split, size_t whole, size_t wanted[PARTS])
{
    size_t train = whole, validation = whole;
    if (split->kind == SPLIT_SPEC) {
        spec_cut(split->spec, whole, &train, &validation);
        wanted[PART_TRAIN] = train;
        wanted[PART_VALIDATION] = validation - train;
        wanted[PART_TEST] = whole - validation;
        return;
    }
    wanted[PART_VALIDATION] = share_of(whole, split->validation);
    wanted[PART_TEST] = share_of(whole, split->test);
    if (wanted[PART_TEST] > whole - wanted[PART_VALIDATION])
        wanted[PART_TEST] = whole - wanted[PART_VALIDATION];
    wanted[PART_TRAIN] = whole - wanted[PART_VALIDATION] - wanted[PART_TEST];
}

static int is_dealt(const struct split *split)
{
    return split->kind == SPLIT_SHUFFLED || split->kind == SPLIT_STRATIFIED;
}

/* The parts of a fold, and what lies before, between and behind them. */
static size_t cut_fold(const struct split *split, size_t file, size_t rows, struct block *to)
{
    const struct walk_cut *cut = &split->walk[file];
    const size_t begin[] = {cut->begin, cut->validation, cut->test};
    const size_t next[] = {cut->validation, cut->test, cut->end + split->gap};
    size_t count = 0, done = 0;
    for (enum part part = 0; part < PARTS && to; part++) {
        size_t end = next[part] - begin[part] > split->gap ? next[part] - split->gap : begin[part];
        to[count++] = (struct block){file, done, begin[part], 0, PART_NONE};
        to[count++] = (struct block){file, begin[part], end, 0, part};
        done = end;
    }
    if (to)
        to[count] = (struct block){file, done, rows, 0, PART_NONE};
    return 2 * PARTS + 1;
}

size_t split_cut(const struct split *split, size_t file, size_t rows, struct block *to)
{
    size_t count = 0;
    if (split->kind == SPLIT_WALK_FORWARD)
        return cut_fold(split, file, rows, to);
    if (split->kind == SPLIT_CHRONOLOGICAL || split->kind == SPLIT_SPEC) {
        size_t wanted[PARTS], begin = 0;
        want(split, rows, wanted);
        for (enum part part = 0; part < PARTS; begin += wanted[part++]) {
            if (to)
                to[count] = (struct block){file, begin, begin + wanted[part], 0, part};
            count++;
        }
        return count;
    }
    size_t step = is_dealt(split) && split->unit == SPLIT_BLOCK ? split->block : rows;
    for (size_t begin = 0; begin < rows; begin += step) {
        size_t end = rows - begin < step ? rows : begin + step;
        if (to)
            to[count] = (struct block){file, begin, end, 0, PART_TRAIN};
        count++;
    }
    return count;
}

/* Every part that has a share gets a block. */
static int want_blocks(const struct split *split, size_t count, size_t wanted[PARTS])
{
    want(split, count, wanted);
    for (enum part part = PART_VALIDATION; part < PARTS; part++) {
        double share = part == PART_TEST ? split->test : split->validation;
        if (share > 0 && !wanted[part] && wanted[PART_TRAIN]) {
            wanted[part]++;
            wanted[PART_TRAIN]--;
        }
    }
    return wanted[PART_TRAIN] ? 0 : -1;
}

static int by_figure(const void *a, const void *b)
{
    const struct block *x = *(struct block *const *)a, *y = *(struct block *const *)b;
    double u = isnan(x->figure) ? -INFINITY : x->figure,
           v = isnan(y->figure) ? -INFINITY : y->figure;
    if (u != v)
        return u < v ? -1 : 1;
    return (x > y) - (x < y); /* in the order of the rows */
}

/*
 * Strata of equal size, from the lowest figure to the highest. The first s of them together give
 * each part its share of what they hold, rounded; so each stratum gives within one block of its own
 * share, and all together give exactly what is wanted.
 */
static int deal_strata(const struct split *split, struct block *block, size_t count,
                       const size_t wanted[PARTS])
{
    struct block **sorted = malloc((count + 1) * sizeof *sorted);
    size_t given[PARTS] = {0}, index = 0;
    size_t strata = split->strata < count ? split->strata : count;
    if (!sorted)
        return -1;
    for (size_t i = 0; i < count; i++)
        sorted[i] = &block[i];
    qsort(sorted, count, sizeof *sorted, by_figure);
    for (size_t s = 0, begin = 0; s < strata; s++) {
        size_t end = (s + 1) * count / strata, left = end - begin, now[PARTS];
        now[PART_TRAIN] = left;
        for (enum part part = PART_VALIDATION; part < PARTS; part++) {
            double share = (double)wanted[part] / (double)count;
            size_t due = share_of(end, share);
            now[part] = due > given[part] ? due - given[part] : 0;
            now[part] = now[part] < now[PART_TRAIN] ? now[part] : now[PART_TRAIN];
            now[PART_TRAIN] -= now[part];
            given[part] += now[part];
        }
        for (; begin < end; begin++, left--)
            sorted[begin]->part = deal(split->seed, index++, left, now);
    }
    free(sorted);
    return 0;
}

int split_deal(const struct split *split, struct block *block, size_t count, size_t rows,
               struct error *err)
{
    size_t wanted[PARTS];
    if (split->validation + split->test >= 1)
        return error_set(err, STATUS_USAGE,
                         "[data] validation and test leave nothing for training");
    if (!is_dealt(split) || !count)
        return 0;
    if (want_blocks(split, count, wanted) && split->unit == SPLIT_SERIES)
        return error_set(err, STATUS_INPUT, "%zu series are too few to deal to the parts", count);
    if (!wanted[PART_TRAIN])
        return error_set(err, STATUS_INPUT,
                         "%zu rows make %zu blocks of %zu, too few to deal to the parts; lower "
                         "data.split_block",
                         rows, count, split->block);
    if (split->kind == SPLIT_STRATIFIED)
        return deal_strata(split, block, count, wanted)
                   ? error_set(err, STATUS_FAILED, "out of memory")
                   : 0;
    for (size_t i = 0; i < count; i++)
        block[i].part = deal(split->seed, i, count - i, wanted);
    return 0;
}

/* --- windows */

size_t windows_in(size_t rows, size_t span, size_t stride)
{
    return rows < span ? 0 : (rows - span) / stride + 1;
}

int windows_find(const struct windowing *windowing, const struct stretch *stretch, size_t stretches,
                 uint32_t *start[PARTS], size_t count[PARTS])
{
    size_t most[PARTS] = {0};
    int failed = 0;
    for (size_t i = 0; i < stretches; i++) {
        enum part part = stretch[i].part;
        most[part] += windows_in(stretch[i].end - stretch[i].begin, windowing->span[part],
                                 windowing->stride[part]);
    }
    for (enum part part = 0; part < PARTS; part++) {
        count[part] = 0;
        failed |= !(start[part] = block_new((most[part] + 1) * sizeof *start[part]));
    }
    for (size_t i = 0; i < stretches && !failed; i++) {
        enum part part = stretch[i].part;
        size_t stride = windowing->stride[part];
        size_t windows =
            windows_in(stretch[i].end - stretch[i].begin, windowing->span[part], stride);
        for (size_t w = 0; w < windows; w++) {
            size_t row = stretch[i].begin + w * stride;
            if (!windowing->keep || windowing->keep(windowing->ctx, row, part))
                start[part][count[part]++] = (uint32_t)row;
        }
    }
    for (enum part part = 0; part < PARTS; part++) {
        if (failed) {
            block_free(start[part]);
            start[part] = NULL;
            continue;
        }
        uint32_t *less = block_resize(start[part], (count[part] + 1) * sizeof *less);
        start[part] = less ? less : start[part];
    }
    return failed ? -1 : 0;
}

int windows_deal(const struct split *split, uint32_t *start[PARTS], size_t count[PARTS])
{
    size_t all = count[PART_TRAIN], wanted[PARTS];
    want(split, all, wanted);
    for (enum part part = PART_VALIDATION; part < PARTS; part++) {
        uint32_t *more = block_resize(start[part], (count[part] + wanted[part] + 1) * sizeof *more);
        if (!more)
            return -1;
        start[part] = more;
    }
    count[PART_TRAIN] = 0;
    for (size_t i = 0; i < all; i++) {
        enum part part = deal(split->seed, i, all - i, wanted);
        start[part][count[part]++] = start[PART_TRAIN][i];
    }
    return 0;
}

uint32_t *windows_rows(const uint32_t *start, size_t count, size_t first, size_t length,
                       size_t *rows)
{
    uint32_t *to = NULL;
    for (int pass = 0; pass < 2; pass++) {
        size_t done = 0; /* rows before are there already */
        *rows = 0;
        for (size_t i = 0; i < count; i++) {
            size_t row = start[i] + first, end = row + length;
            row = row < done ? done : row;
            for (; to && row < end; row++)
                to[(*rows)++] = (uint32_t)row;
            *rows += end > row ? end - row : 0;
            done = end > done ? end : done;
        }
        if (!to && !(to = block_new((*rows + 1) * sizeof *to)))
            return NULL;
    }
    return to;
}
