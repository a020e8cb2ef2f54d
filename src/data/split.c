#include "data/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows up to `end`, from the end of the piece before, belong to `part`. */
struct piece {
    size_t end;
    enum part part;
};

/* 64 random bits that are a function of seed and index (Steele et al., "SplitMix", 2014). */
static uint64_t random_bits(uint64_t seed, uint64_t index)
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
    size_t pick = (size_t)(random_bits(seed, index) % left);
    enum part part = PART_TRAIN;
    while (part + 1 < PARTS && pick >= wanted[part])
        pick -= wanted[part++];
    wanted[part]--;
    return part;
}

static void want(const struct split *split, size_t whole, size_t wanted[PARTS])
{
    wanted[PART_VALIDATION] = share_of(whole, split->validation);
    wanted[PART_TEST] = share_of(whole, split->test);
    if (wanted[PART_TEST] > whole - wanted[PART_VALIDATION])
        wanted[PART_TEST] = whole - wanted[PART_VALIDATION];
    wanted[PART_TRAIN] = whole - wanted[PART_VALIDATION] - wanted[PART_TEST];
}

static size_t deal_rows_in_order(const struct split *split, struct piece *piece)
{
    size_t rows[PARTS], end = 0;
    want(split, split->rows, rows);
    for (enum part part = 0; part < PARTS; part++)
        piece[part] = (struct piece){end += rows[part], part};
    return PARTS;
}

/* Neighbouring blocks of one part become one piece: no boundary lies between them. */
static size_t deal_blocks(const struct split *split, size_t blocks, size_t wanted[PARTS],
                          struct piece *piece)
{
    size_t pieces = 0;
    for (size_t i = 0; i < blocks; i++) {
        size_t end = i + 1 < blocks ? (i + 1) * split->block : split->rows;
        enum part part = deal(split->seed, i, blocks - i, wanted);
        if (pieces && piece[pieces - 1].part == part)
            piece[pieces - 1].end = end;
        else
            piece[pieces++] = (struct piece){end, part};
    }
    return pieces;
}

/* The pieces that the rows fall into, ascending, and their number; NULL with an error. */
static struct piece *cut(const struct split *split, size_t *pieces, struct split_told *told,
                         struct error *err)
{
    size_t blocks = split->rows / split->block + (split->rows % split->block != 0);
    size_t most = split->kind == SPLIT_SHUFFLED && blocks > PARTS ? blocks : PARTS;
    struct piece *piece = malloc(most * sizeof *piece);
    if (!piece) {
        error_set(err, STATUS_INPUT, "out of memory");
        return NULL;
    }
    if (split->kind == SPLIT_SHUFFLED_WINDOWS) {
        *piece = (struct piece){split->rows, PART_TRAIN};
        *pieces = 1;
        return piece;
    }
    if (split->kind == SPLIT_CHRONOLOGICAL) {
        *pieces = deal_rows_in_order(split, piece);
        return piece;
    }
    size_t wanted[PARTS];
    want(split, blocks, wanted);
    /* Every part that has a share gets a block. */
    for (enum part part = PART_VALIDATION; part < PARTS; part++) {
        double share = part == PART_TEST ? split->test : split->validation;
        if (share > 0 && !wanted[part] && wanted[PART_TRAIN]) {
            wanted[part]++;
            wanted[PART_TRAIN]--;
        }
    }
    if (!wanted[PART_TRAIN]) {
        error_set(err, STATUS_INPUT,
                  "%zu rows make %zu blocks of %zu, too few to deal to the parts; lower "
                  "data.split_block",
                  split->rows, blocks, split->block);
        free(piece);
        return NULL;
    }
    told->blocks = blocks;
    *pieces = deal_blocks(split, blocks, wanted, piece);
    return piece;
}

/* Windows in rows [begin, end). */
static size_t windows_in(const struct split *split, size_t begin, size_t end)
{
    return end - begin < split->window ? 0 : (end - begin - split->window) / split->stride + 1;
}

/*
 * Walks the stretches that lie in one run and one piece. Counts their windows, and writes where
 * they start if start[] is not NULL.
 */
static void walk(const struct split *split, const struct run *runs, size_t run_count,
                 const struct piece *piece, uint32_t *const start[PARTS], size_t count[PARTS])
{
    size_t p = 0;
    memset(count, 0, PARTS * sizeof *count);
    for (size_t r = 0; r < run_count; r++) {
        size_t begin = runs[r].begin, end;
        for (; begin < runs[r].end; begin = end) {
            while (piece[p].end <= begin)
                p++;
            end = piece[p].end < runs[r].end ? piece[p].end : runs[r].end;
            enum part part = piece[p].part;
            size_t windows = windows_in(split, begin, end);
            for (size_t i = 0; start && i < windows; i++)
                start[part][count[part] + i] = (uint32_t)(begin + i * split->stride);
            count[part] += windows;
        }
    }
}

/* Moves single windows from training, where all are, to the other parts. */
static int deal_windows(const struct split *split, uint32_t *start[PARTS], size_t count[PARTS])
{
    size_t all = count[PART_TRAIN], wanted[PARTS];
    want(split, all, wanted);
    for (enum part part = PART_VALIDATION; part < PARTS; part++) {
        uint32_t *more = realloc(start[part], (wanted[part] + 1) * sizeof *more);
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

int split_windows(const struct split *split, const struct run *runs, size_t run_count,
                  uint32_t *start[PARTS], size_t count[PARTS], struct split_told *told,
                  struct error *err)
{
    size_t pieces = 0, whole = windows_in(split, 0, split->rows), in_runs = 0, kept = 0;
    *told = (struct split_told){0};
    memset(start, 0, PARTS * sizeof *start);
    if (split->validation + split->test >= 1)
        return error_set(err, STATUS_USAGE,
                         "[data] validation and test leave nothing for training");
    struct piece *piece = cut(split, &pieces, told, err);
    if (!piece)
        return -1;

    int failed = 0;
    walk(split, runs, run_count, piece, NULL, count);
    for (enum part part = 0; part < PARTS; part++)
        failed |= !(start[part] = malloc((count[part] + 1) * sizeof *start[part]));
    if (!failed) {
        walk(split, runs, run_count, piece, start, count);
        for (size_t r = 0; r < run_count; r++)
            in_runs += windows_in(split, runs[r].begin, runs[r].end);
        for (enum part part = 0; part < PARTS; part++)
            kept += count[part];
        /* With a stride, cutting rows into stretches can even gain a window. */
        told->at_runs = whole > in_runs ? whole - in_runs : 0;
        told->at_parts = in_runs > kept ? in_runs - kept : 0;
    }
    free(piece);
    if (!failed && split->kind == SPLIT_SHUFFLED_WINDOWS)
        failed = deal_windows(split, start, count);
    if (!failed)
        return 0;
    for (enum part part = 0; part < PARTS; part++) {
        free(start[part]);
        start[part] = NULL;
    }
    return error_set(err, STATUS_INPUT, "out of memory");
}
