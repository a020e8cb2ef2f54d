/* SPDX-License-Identifier: MIT */
#include "data/cache.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/block.h"
#include "util/file.h"
#include "util/parallel.h"
#include "util/zone.h"

#define MAGIC "seqtrain columns 6\n"
#define KEY_MOST ((size_t)1 << 20)
#define NAMES_MOST ((size_t)1 << 24)
/* A file that changed so shortly before it was read may change again without a new mtime. */
#define SETTLED_SECONDS 2

/*
 * Native byte order: `order` reads otherwise on a machine with another one. Behind it lie the
 * times, lines and origins of the rows, as far as there are any, then the columns, then those
 * before values were carried forward, if some were, then names and cuts.
 */
struct cache_head {
    uint64_t order, rows, columns, timed, lined, moved, read, format, first_line, separator;
    uint64_t unfilled, gaps, cuts; /* gaps: bits, as gaps_of() has them */
    uint64_t left;                 /* tables of the file behind this one */
    uint64_t names, checksum;
};
#define ORDER UINT64_C(0x0102030405060708)
#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

/* FNV-1a (Fowler, Noll, Vo), by words of eight bytes; the last one is filled up with zeros. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    for (; count; at += 8) {
        uint64_t word = 0;
        size_t n = count < 8 ? count : 8;
        memcpy(&word, at, n);
        hash = (hash ^ word) * FNV_PRIME;
        hash ^= hash >> 32;
        count -= n;
    }
    return hash;
}

/* --- the columns, in pieces, which all cores read and hash */

/* Rows of a piece: a large page of the memory that it goes to, so that no two threads fill one.
 * STEP of them are looked at while they are still in the cache of the core that read them. */
#define PIECE ((size_t)1 << 18)
#define STEP ((size_t)1 << 15)
#define LANES 8
#define EXPONENT UINT64_C(0x7ff0000000000000)

struct pieces {
    const struct table *table;
    int fd;           /* from which columns are read; -1: they are there */
    uint64_t at;      /* where in the file */
    size_t by_column; /* pieces of a column */
    uint64_t *hash;   /* [count] */
    atomic_int failed;
};

/*
 * A word for each lane; the lanes do not wait for each other, and each is a hash like hash_bytes().
 * A step maps a lane's 2^64 states onto as many: damage to one word of a lane is always found, to
 * several but for chances of about 2^-64. Against forgery it is no help. The top bit of what is
 * returned is set if a word is a double that is not finite: its exponent's bits are all set, and
 * one more carries into the sign's.
 */
static inline uint64_t hash_block(uint64_t lane[LANES], const char *cells)
{
    uint64_t word, carry = 0;
    for (size_t j = 0; j < LANES; j++) {
        memcpy(&word, cells + j * 8, 8);
        uint64_t hash = (lane[j] ^ word) * FNV_PRIME;
        lane[j] = hash ^ hash >> 32;
        carry |= (word & EXPONENT) + (UINT64_C(1) << 52);
    }
    return carry;
}

/* Hashes on, the last block filled up with zeros; returns whether a word is not finite. */
static int hash_cells(uint64_t lane[LANES], const char *cells, size_t count)
{
    const size_t block = LANES * 8, whole = count / LANES;
    char rest[LANES * 8] = {0};
    uint64_t carry = 0;
    for (size_t i = 0; i < whole; i++)
        carry |= hash_block(lane, cells + i * block);
    if (count % LANES) {
        memcpy(rest, cells + whole * block, count % LANES * 8);
        carry |= hash_block(lane, rest);
    }
    return carry >> 63 != 0;
}

static int rises(const int64_t *time, size_t count)
{
    int falls = 0;
    for (size_t i = 1; i < count; i++)
        falls |= time[i] <= time[i - 1];
    return !falls;
}

/* Arrays of the table that a file holds. */
static size_t arrays_of(const struct cache_head *head)
{
    return (size_t)(head->columns * (1 + head->unfilled) + head->timed + head->lined + head->moved);
}

/* What an array of a file holds. */
enum cells { CELLS_OF_ROWS, CELLS_FINITE, CELLS_WITH_GAPS };

/* Array i of them. */
static void *array_of(const struct table *table, size_t i, enum cells *cells)
{
    void *const rows[] = {table->time, table->line, table->origin};
    *cells = CELLS_OF_ROWS;
    for (size_t k = 0; k < 3; k++)
        if (rows[k] && !i--)
            return rows[k];
    *cells = table->gaps || i >= table->columns ? CELLS_WITH_GAPS : CELLS_FINITE;
    if (i < table->columns)
        return table->column[i];
    double *unfilled = table->unfilled[i - table->columns];
    return unfilled ? unfilled : table->column[i - table->columns];
}

/* Whether a column of a file can hold these: where values may be missing, any but an infinity. */
static int can_be(enum cells cells, int not_finite, const char *at, size_t count)
{
    double x;
    for (size_t i = 0; i < count && not_finite && cells == CELLS_WITH_GAPS; i++) {
        memcpy(&x, at + i * 8, 8);
        if (isinf(x))
            return 0;
    }
    return !not_finite || cells != CELLS_FINITE;
}

/* Reads a piece, if it is not there, and hashes it; what is read must be what a table can hold. */
static void do_piece(void *arg, size_t i)
{
    struct pieces *p = arg;
    const struct table *table = p->table;
    size_t column = i / p->by_column, from = i % p->by_column * PIECE, to = from + PIECE;
    int times = table->time && column == 0;
    enum cells kind;
    void *cells = array_of(table, column, &kind);
    uint64_t lane[LANES] = {1, 2, 3, 4, 5, 6, 7, 8};
    to = to < table->rows ? to : table->rows;
    for (size_t row = from; row < to && !atomic_load(&p->failed); row += STEP) {
        size_t rows = to - row < STEP ? to - row : STEP;
        char *here = (char *)cells + row * 8;
        if (p->fd >= 0 &&
            file_read_at(p->fd, p->at + (column * table->rows + row) * 8, rows * 8, here))
            atomic_store(&p->failed, 1);
        else if (!can_be(kind, hash_cells(lane, here, rows) && p->fd >= 0, here, rows))
            atomic_store(&p->failed, 1);
    }
    if (times && p->fd >= 0 && !atomic_load(&p->failed) && !rises(table->time + from, to - from))
        atomic_store(&p->failed, 1);
    p->hash[i] = hash_bytes(FNV_START, lane, sizeof lane);
}

/* The checksum of a file: of its head, pieces and names. Columns are read first, if fd >= 0, from
 * byte `at` on; -1 if they cannot be, or no table can hold them. */
static int hash_table(const struct cache_head *head, const struct table *table, const char *names,
                      int fd, uint64_t at, uint64_t *checksum)
{
    struct pieces p = {.table = table, .fd = fd, .at = at};
    size_t count = arrays_of(head) * (p.by_column = (table->rows + PIECE - 1) / PIECE);
    struct cache_head plain = *head;
    plain.checksum = 0;
    p.hash = malloc((count + 1) * sizeof *p.hash);
    if (!p.hash)
        return -1;
    parallel_run(count, table->rows < STEP, do_piece, &p); /* a small one is not worth threads */
    uint64_t hash = hash_bytes(FNV_START, &plain, sizeof plain);
    hash = hash_bytes(hash, p.hash, count * sizeof *p.hash);
    *checksum = hash_bytes(hash, names, head->names);
    free(p.hash);
    if (atomic_load(&p.failed))
        return -1;
    for (size_t row = PIECE; fd >= 0 && table->time && row < table->rows; row += PIECE)
        if (table->time[row] <= table->time[row - 1])
            return -1;
    for (size_t row = 0; fd >= 0 && table->origin && row < table->rows; row++)
        if (table->origin[row] >= table->read)
            return -1;
    return 0;
}

/* --- reading */

static int read_key(FILE *in, const char *key)
{
    char magic[sizeof MAGIC];
    uint64_t bytes;
    size_t wanted = strlen(key);
    if (fread(magic, sizeof magic, 1, in) != 1 || memcmp(magic, MAGIC, sizeof magic) ||
        fread(&bytes, sizeof bytes, 1, in) != 1 || bytes != wanted || wanted > KEY_MOST)
        return -1;
    char *there = malloc(wanted + 1);
    int same = there && fread(there, 1, wanted, in) == wanted && !memcmp(there, key, wanted);
    free(there);
    return same ? 0 : -1;
}

/* The file is as long as the head says, so that what is allocated for it is there to be read. */
static int plausible(FILE *in, const struct cache_head *head, int timed, size_t columns)
{
    struct stat st;
    long at = ftell(in);
    if (head->order != ORDER || head->columns != columns || head->timed != (uint64_t)timed ||
        head->lined > 1 || head->moved > 1 || head->unfilled > 1 || head->gaps > 7 ||
        head->cuts > NAMES_MOST / 8 || head->read > SIZE_MAX || !head->rows ||
        head->rows > SIZE_MAX / 8 || head->names > NAMES_MOST || head->format >= TIME_FORMATS ||
        head->separator > 127 || at < 0 || fstat(fileno(in), &st) || st.st_size < 0)
        return 0;
    uint64_t size = (uint64_t)st.st_size, cells = arrays_of(head);
    uint64_t rest = size - (uint64_t)at - head->names;
    return size >= (uint64_t)at + head->names && head->rows <= size / 8 &&
           (!cells || head->rows <= UINT64_MAX / 8 / cells) &&
           (head->left ? rest >= head->rows * 8 * cells : rest == head->rows * 8 * cells);
}

/* One text of the names; "" is none. */
static int read_text(const char **at, const char *end, char **to)
{
    const char *stop = memchr(*at, 0, (size_t)(end - *at));
    if (!stop || (stop > *at && !(*to = strdup(*at))))
        return -1;
    *at = stop + 1;
    return 0;
}

/* Rows that do not go on from the row before. */
static int read_cuts(struct table *table, const char *at, size_t cuts)
{
    uint64_t before = 0, cut;
    table->cut = cuts ? block_new(cuts * sizeof *table->cut) : NULL;
    for (; table->cuts < cuts && table->cut; before = cut, at += 8) {
        memcpy(&cut, at, 8);
        if (cut <= before || cut >= table->rows)
            return -1;
        table->cut[table->cuts++] = (size_t)cut;
    }
    return table->cuts == cuts ? 0 : -1;
}

static int read_names(struct table *table, const char *names, size_t bytes, size_t cuts)
{
    if (bytes < cuts * 8 || read_cuts(table, names + bytes - cuts * 8, cuts))
        return -1;
    const char *at = names, *end = names + bytes - cuts * 8;
    for (size_t i = 0; i < table->columns; i++) {
        const char *stop = memchr(at, 0, (size_t)(end - at));
        if (!stop || !(table->name[i] = strdup(at)))
            return -1;
        at = stop + 1;
    }
    if (!(table->comma = malloc(table->columns + 1)) || end - at < (ptrdiff_t)table->columns)
        return -1;
    memcpy(table->comma, at, table->columns);
    at += table->columns;
    int failed = read_text(&at, end, &table->series) || read_text(&at, end, &table->told) ||
                 read_text(&at, end, &table->told_of_file);
    return failed || at != end ? -1 : 0;
}

/* Columns before values were carried forward, to be read. */
static int allocate_unfilled(struct table *table)
{
    if (!(table->unfilled = calloc(table->columns + 1, sizeof *table->unfilled)))
        return -1;
    for (size_t i = 0; i < table->columns; i++)
        if (!(table->unfilled[i] = block_new(table->rows * sizeof **table->unfilled)))
            return -1;
    return 0;
}

static int read_body(FILE *in, const struct cache_head *head, struct table *table)
{
    size_t rows = table->rows = (size_t)head->rows, cells = arrays_of(head);
    uint64_t checksum, at = (uint64_t)ftell(in); /* plausible() has asked too */
    char *names = malloc(head->names + 1);
    table->read = (size_t)head->read;
    table->gaps = head->gaps & 1;
    table->left_before = head->gaps >> 1 & 1;
    table->left_behind = head->gaps >> 2 & 1;
    if (head->lined)
        table->line = block_new(rows * sizeof *table->line);
    if (head->moved)
        table->origin = block_new(rows * sizeof *table->origin);
    int good = names && !table_allocate(table, head->timed != 0, rows) &&
               (!head->unfilled || !allocate_unfilled(table)) && !head->lined == !table->line &&
               !head->moved == !table->origin &&
               !file_read_at(fileno(in), at + (uint64_t)rows * 8 * cells, head->names, names) &&
               !hash_table(head, table, names, fileno(in), at, &checksum) &&
               checksum == head->checksum && !read_names(table, names, head->names, head->cuts);
    free(names);
    return good && !fseek(in, (long)(at + (uint64_t)rows * 8 * cells + head->names), SEEK_SET) ? 0
                                                                                               : -1;
}

/* The next table of a file; NULL if it is not what is wanted, or damaged. */
static struct table *read_table(FILE *in, const char *path, int timed, size_t columns,
                                uint64_t *left)
{
    struct cache_head head;
    if (fread(&head, sizeof head, 1, in) != 1 || !plausible(in, &head, timed, columns))
        return NULL;
    struct table *table = table_new(path, columns);
    if (!table)
        return NULL;
    table->format = (enum time_format)head.format;
    table->first_line = head.first_line;
    table->separator = (char)head.separator;
    *left = head.left;
    if (!read_body(in, &head, table))
        return table;
    table_free(table);
    return NULL;
}

struct table *cache_read(const char *cache, const char *key, const char *path, int timed,
                         size_t columns)
{
    struct stat state;
    struct error ignored;
    int fd = file_open_regular(cache, &state, &ignored);
    FILE *in = fd < 0 ? NULL : fdopen(fd, "rb");
    if (!in) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    struct table *table = NULL, **end = &table;
    uint64_t left = 0, before = 0;
    int good = !read_key(in, key);
    do {
        before = left;
        good = good && (*end = read_table(in, path, timed, columns, &left)) &&
               (end == &table || left == before - 1);
        end = good ? &(*end)->next : end;
    } while (good && left);
    fclose(in);
    if (good)
        return table;
    table_free(table);
    return NULL;
}

/* --- writing */

/* Names, signs of decimals, and texts, "" for those that there are not; then cuts. */
static char *join_names(const struct table *table, size_t *bytes)
{
    const char *const texts[] = {table->series, table->told, table->told_of_file};
    char *names = NULL;
    FILE *out = open_memstream(&names, bytes);
    if (!out)
        return NULL;
    for (size_t i = 0; i < table->columns; i++)
        fwrite(table->name[i], strlen(table->name[i]) + 1, 1, out);
    for (size_t i = 0; i < table->columns; i++)
        putc(table->comma && table->comma[i], out);
    for (size_t i = 0; i < 3; i++)
        fwrite(texts[i] ? texts[i] : "", texts[i] ? strlen(texts[i]) + 1 : 1, 1, out);
    for (size_t i = 0; i < table->cuts; i++)
        fwrite(&(uint64_t){table->cut[i]}, 8, 1, out);
    if (!fclose(out))
        return names;
    free(names);
    return NULL;
}

static uint64_t gaps_of(const struct table *table)
{
    return (uint64_t)(table->gaps != 0) | (uint64_t)(table->left_before != 0) << 1 |
           (uint64_t)(table->left_behind != 0) << 2;
}

static int write_table(FILE *out, const struct table *table, uint64_t left)
{
    size_t bytes = 0;
    char *names = join_names(table, &bytes);
    struct cache_head head = {.order = ORDER,
                              .rows = table->rows,
                              .columns = table->columns,
                              .timed = table->time != NULL,
                              .lined = table->line != NULL,
                              .moved = table->origin != NULL,
                              .read = table->read,
                              .format = table->format,
                              .first_line = table->first_line,
                              .separator = (unsigned char)table->separator,
                              .unfilled = table->unfilled != NULL,
                              .gaps = gaps_of(table),
                              .cuts = table->cuts,
                              .left = left,
                              .names = bytes};
    int failed =
        !names || bytes > NAMES_MOST || hash_table(&head, table, names, -1, 0, &head.checksum);
    enum cells kind;
    if (!failed) {
        fwrite(&head, sizeof head, 1, out);
        for (size_t i = 0; i < arrays_of(&head); i++)
            fwrite(array_of(table, i, &kind), 8, table->rows, out);
        fwrite(names, 1, bytes, out);
    }
    free(names);
    return failed ? -1 : 0;
}

int cache_write(const char *cache, const char *key, const struct table *tables)
{
    struct error ignored;
    const uint64_t keys = strlen(key);
    uint64_t left = 0;
    file_sweep(cache, 24 * 3600);
    struct file_draft *draft = file_begin(cache, &ignored);
    if (!draft)
        return -1;
    for (const struct table *t = tables->next; t; t = t->next)
        left++;
    FILE *out = draft->stream;
    fwrite(MAGIC, sizeof MAGIC, 1, out);
    fwrite(&keys, sizeof keys, 1, out);
    fwrite(key, 1, keys, out);
    int failed = 0;
    for (const struct table *t = tables; t && !failed; t = t->next)
        failed = write_table(out, t, left--);
    if (!failed)
        return file_commit(draft, &ignored);
    file_abort(draft);
    return -1;
}

/* --- which file, and whether it is still the same */

/* Path and what is asked of it into a name; that and the state of the file into a key. */
static char *make_key(const char *path, const struct table_how *how, char *const *names,
                      size_t columns, const struct stat *st, uint64_t name[2])
{
    const int once = !S_ISREG(st->st_mode); /* nothing but the run tells it from other data */
    char *full = once ? strdup(path) : realpath(path, NULL), *key = NULL;
    size_t size = 0;
    FILE *out = full ? open_memstream(&key, &size) : NULL;
    if (out) {
        fprintf(out, "%s\nrun %s\n", full, once ? how->run : "");
        for (int i = 0; i < 2 && how->time[i]; i++)
            fprintf(out, "time %s\n", how->time[i]);
        fprintf(out, "series %s\n", how->series ? how->series : "");
        fprintf(out, "format %d %s\nzone %s\ndecimal %d\norder %d\nduplicates %d\n",
                (int)how->time_format, how->time_pattern ? how->time_pattern : "",
                how->zone ? zone_name(how->zone) : "UTC", how->decimal, how->order,
                how->duplicates);
        fprintf(out, "encoding %s\nseparator %d\nskip %d %ld %ld\n",
                how->csv.encoding ? how->csv.encoding : "auto", how->csv.separator,
                how->csv.has_skip, how->csv.skip_lines, how->csv.skip_footer);
        for (size_t i = 0; i < how->csv.columns; i++)
            fprintf(out, "name %s\n", how->csv.column[i]);
        fprintf(out, "missing %d %ld\n", how->missing, how->missing_limit);
        for (size_t i = 0; i < how->missing_values; i++)
            fprintf(out, "missing value %s\n", how->missing_value[i]);
        fprintf(out, "kept %d %d\n", how->csv.kept, (int)how->kept_time);
        for (size_t i = 0; i < columns; i++)
            fprintf(out, "column %d %d %s\n", how->only_target && how->only_target[i],
                    how->kept_decimal ? how->kept_decimal[i] : 0, names[i]);
        fflush(out);
        name[0] = hash_bytes(FNV_START, key, size);
        name[1] = hash_bytes(~FNV_START, key, size);
        if (!once)
            fprintf(out, "size %lld\nmtime %lld.%09ld\nctime %lld.%09ld\n", (long long)st->st_size,
                    (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
                    (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
        int failed = ferror(out);
        if (fclose(out) || failed) {
            free(key);
            key = NULL;
        }
    }
    free(full);
    return key;
}

static char *cache_path(const uint64_t name[2])
{
    struct error ignored;
    char *folder = file_cache("data", &ignored), *path = NULL;
    char file[64];
    snprintf(file, sizeof file, "%016" PRIx64 "%016" PRIx64 ".columns", name[0], name[1]);
    if (folder)
        path = file_join(folder, file);
    free(folder);
    return path;
}

/* The file is what it was before it was read, and has been so for a while. */
static int settled(const char *path, const struct stat *before)
{
    struct stat st;
    struct timespec now;
    return !stat(path, &st) && file_same(&st, before) &&
           st.st_ctim.tv_sec == before->st_ctim.tv_sec &&
           st.st_ctim.tv_nsec == before->st_ctim.tv_nsec && !clock_gettime(CLOCK_REALTIME, &now) &&
           now.tv_sec - st.st_mtim.tv_sec > SETTLED_SECONDS;
}

/* Every table has rows. */
static int can_be_kept(const struct table *table)
{
    for (; table; table = table->next)
        if (!table->rows)
            return 0;
    return 1;
}

int cache_refuse(const char *path, struct error *err)
{
    return error_set(
        err, STATUS_USAGE,
        "%s: the run in this folder has already read it, it can be read only once, and its columns "
        "are not in the cache: write the data into a file, and start again",
        path);
}

/* A file that can be read only once, of a run: where the run goes on, from the cache or not at all.
 */
static struct table *read_once(const char *path, const struct table_how *how, char *const *names,
                               size_t columns, const char *cache, const char *key, struct log *log,
                               struct error *err)
{
    struct table *table = NULL;
    if (!how->again) {
        table = table_read(path, how, names, columns, log, err);
        if (table && cache && can_be_kept(table))
            cache_write(cache, key, table);
        return table;
    }
    if (cache)
        table = cache_read(cache, key, path, how->time[0] && *how->time[0], columns);
    if (table)
        log_say(log, "data: %s: the columns that this run read before, from the cache", path);
    else
        cache_refuse(path, err);
    return table;
}

static struct table *read_file(const char *path, const struct table_how *how, char *const *names,
                               size_t columns, const struct stat *st, const char *cache,
                               const char *key, struct log *log, struct error *err)
{
    int timed = how->time[0] && *how->time[0];
    struct table *table = cache ? cache_read(cache, key, path, timed, columns) : NULL;
    if (table) {
        log_detail(log, "data: %s: from the cache, %s", path, cache);
        return table;
    }
    table = table_read(path, how, names, columns, log, err);
    if (table && cache && can_be_kept(table) && settled(path, st))
        cache_write(cache, key, table);
    return table;
}

struct table *cache_table(const char *path, const struct table_how *how, char *const *names,
                          size_t columns, struct log *log, struct error *err)
{
    struct stat st;
    uint64_t name[2] = {0};
    char *key = NULL, *cache = NULL;
    int there = !(strcmp(path, "-") ? stat(path, &st) : fstat(STDIN_FILENO, &st));
    int once = there && !S_ISREG(st.st_mode) && how->run;
    if (once || (there && S_ISREG(st.st_mode) && st.st_size >= CACHE_LEAST && strcmp(path, "-")))
        key = make_key(path, how, names, columns, &st, name);
    if (key)
        cache = cache_path(name);
    struct table *table = once ? read_once(path, how, names, columns, cache, key, log, err)
                               : read_file(path, how, names, columns, &st, cache, key, log, err);
    free(cache);
    free(key);
    return table;
}
