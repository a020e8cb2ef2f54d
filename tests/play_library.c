/* SPDX-License-Identifier: MIT */
/*
 * play_library: a program of another that uses libseqtrain, for tests/test_library.sh.
 *
 *   play_library predict MODEL DEVICE FILE   predictions of a file's rows, as predict prints them
 *   play_library encode MODEL FILE           latent vectors of its windows, as encode prints them
 *   play_library threads MODEL FILE          several models and a shared one in threads at a time
 *   play_library fault MODEL DEVICE          the sentence of what cannot be opened
 *   play_library rows MODEL                  the sentences of rows that are no good
 *
 * Files have a header and plain numbers; a column "time" is in seconds. PLAY_LOCALE is the locale
 * in which predict calls the library.
 */
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "library/seqtrain.h"

enum { COLUMNS = 32, ROWS = 4096, THREADS = 4, SHARING = 2 };

struct file {
    char header[4096], *name[COLUMNS];
    size_t columns, rows;
    double x[ROWS][COLUMNS];
};

/* Predictions of all rows, and how many rows of them came. */
struct answers {
    double *y;
    size_t rows;
};

static int broken(const char *what)
{
    fprintf(stderr, "play_library: %s: %s (%d)\n", what, st_error(), st_status());
    return -1;
}

static int read_file(const char *path, struct file *f)
{
    char line[4096];
    FILE *in = fopen(path, "r");
    if (!in || !fgets(f->header, sizeof f->header, in))
        return -1;
    for (char *at = strtok(f->header, ",\n"); at && f->columns < COLUMNS; at = strtok(NULL, ",\n"))
        f->name[f->columns++] = at;
    while (f->rows < ROWS && fgets(line, sizeof line, in)) {
        char *at = line;
        for (size_t c = 0; c < f->columns; c++, at += *at == ',') {
            char *end;
            f->x[f->rows][c] = strtod(at, &end);
            if (end == at)
                f->x[f->rows][c] = NAN;
            at = end;
        }
        f->rows++;
    }
    return fclose(in);
}

static size_t column_of(const struct file *f, const char *name)
{
    for (size_t c = 0; c < f->columns; c++)
        if (!strcmp(f->name[c], name))
            return c;
    return 0;
}

/* Row i as a model takes it. */
static int64_t row_of(const struct file *f, const st_model *m, size_t i, double *to)
{
    for (size_t c = 0; c < st_inputs(m); c++)
        to[c] = f->x[i][column_of(f, st_input_name(m, c))];
    return (int64_t)llround(f->x[i][column_of(f, "time")] * 1000);
}

/* Rows from to - 1 of a file; -1 with a word on standard error. */
static int push_all(st_model *m, const struct file *f, size_t from, size_t to, struct answers *a)
{
    const size_t room = st_rows(m) * st_outputs(m);
    double row[COLUMNS];
    for (size_t i = from; i < to; i++) {
        const int64_t time = row_of(f, m, i, row);
        double *more = realloc(a->y, (a->rows * st_outputs(m) + room) * sizeof *more);
        if (!more)
            return -1;
        a->y = more;
        const int rows = st_push(m, row, time, a->y + a->rows * st_outputs(m), NULL);
        if (rows < 0)
            return broken("st_push");
        a->rows += (size_t)rows;
    }
    return 0;
}

/* --- predict */

static int predict(const char *model, const char *device, const char *path)
{
    static struct file f;
    struct answers a = {0};
    const int is_read = !read_file(path, &f);
    if (getenv("PLAY_LOCALE") && !setlocale(LC_ALL, getenv("PLAY_LOCALE")))
        return -1;
    st_model *m = st_open(model, *device ? device : NULL);
    if (!is_read || !m || push_all(m, &f, 0, f.rows, &a))
        return broken("predict");
    setlocale(LC_ALL, "C");
    for (size_t k = 0; k < st_outputs(m); k++)
        printf("%s%s", k ? "," : "", st_output_name(m, k));
    for (size_t i = 0; i < a.rows * st_outputs(m); i++)
        printf("%s%.9g", i % st_outputs(m) ? "," : "\n", a.y[i]);
    putchar('\n');
    free(a.y);
    st_free(m);
    return 0;
}

/* --- encode */

static int encode(const char *model, const char *path)
{
    static struct file f;
    double row[COLUMNS];
    st_model *m = st_open(model, NULL);
    if (!m || read_file(path, &f) || !st_latents(m))
        return broken("encode");
    float *z = calloc(st_latents(m), sizeof *z);
    double *y = calloc(st_rows(m) * st_outputs(m), sizeof *y);
    int failed = !z || !y || st_latent(m, z) != ST_MISUSE;
    for (size_t i = 0; !failed && i < f.rows; i++) {
        const int64_t time = row_of(&f, m, i, row);
        const int given = st_push(m, row, time, y, NULL);
        failed = given < 0 || (given > 0 && st_latent(m, z));
        for (size_t k = 0; given > 0 && k < st_latents(m); k++)
            printf("%s%.9g", k ? "," : "", (double)z[k]);
        if (given > 0)
            putchar('\n');
    }
    free(z);
    free(y);
    st_free(m);
    return failed ? broken("encode") : 0;
}

/* --- threads */

static struct file rows;
static struct answers wanted;
static const char *model_path;

static int same(const st_model *m, const struct answers *a)
{
    return a->rows == wanted.rows &&
           !memcmp(a->y, wanted.y, a->rows * st_outputs(m) * sizeof *a->y);
}

/* A model of the thread's own, which another checkpoint of the same bits comes into. */
static void *alone(void *ctx)
{
    struct answers a = {0};
    double bad[COLUMNS], to[1];
    int *failed = ctx;
    st_model *m = st_open(model_path, NULL);
    *failed = !m || push_all(m, &rows, 0, rows.rows / 2, &a) || st_reload(m) ||
              push_all(m, &rows, rows.rows / 2, rows.rows, &a) || !same(m, &a);
    for (size_t i = 0; i < COLUMNS; i++)
        bad[i] = INFINITY;
    if (m && (st_push(m, bad, 0, to, NULL) != ST_INPUT || !strstr(st_error(), "not finite")))
        *failed = 1;
    st_free(m);
    free(a.y);
    return NULL;
}

struct shared {
    st_model *m;
    struct answers a;
    int failed;
};

/* Every thread pushes the same rows: of those of one time only the first is taken. */
static void *beside(void *ctx)
{
    struct shared *s = ctx;
    double row[COLUMNS], *to = calloc(st_rows(s->m) * st_outputs(s->m), sizeof *to);
    for (size_t i = 0; to && i < rows.rows; i++) {
        const int64_t time = row_of(&rows, s->m, i, row);
        const int got = st_push(s->m, row, time, to, NULL);
        s->failed |= got < 0 && (got != ST_INPUT || !*st_error());
        s->a.rows += got > 0 ? (size_t)got : 0;
    }
    s->failed |= !to;
    free(to);
    return NULL;
}

static int share(void)
{
    pthread_t thread[SHARING];
    struct shared s[SHARING] = {{0}};
    struct answers again = {0};
    st_model *m = st_open(model_path, NULL);
    if (!m)
        return broken("st_open");
    for (int i = 0; i < SHARING; i++) {
        s[i].m = m;
        if (pthread_create(&thread[i], NULL, beside, &s[i]))
            return -1;
    }
    for (int i = 0; i < SHARING; i++)
        pthread_join(thread[i], NULL);
    int failed = s[0].failed || s[1].failed;
    if (st_timed(m) && !failed) /* a row that came too late is none of them */
        failed = s[0].a.rows + s[1].a.rows > wanted.rows || !(s[0].a.rows + s[1].a.rows);
    failed = failed || st_reset(m) || push_all(m, &rows, 0, rows.rows, &again) || !same(m, &again);
    free(again.y);
    st_free(m);
    return failed ? broken("a shared model") : 0;
}

static int threads(const char *model, const char *path)
{
    pthread_t thread[THREADS];
    int failed[THREADS], any;
    model_path = model;
    st_model *m = st_open(model, NULL);
    if (!m || read_file(path, &rows) || push_all(m, &rows, 0, rows.rows, &wanted) || !wanted.rows)
        return broken("threads");
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, alone, &failed[i]))
            return -1;
    any = share();
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        any |= failed[i];
    }
    st_free(m);
    free(wanted.y);
    printf("%zu rows of predictions, %s\n", wanted.rows, any ? "NOT the same" : "the same");
    return any ? -1 : 0;
}

/* --- what fails */

static int fault(const char *model, const char *device)
{
    st_model *m = st_open(model, *device ? device : NULL);
    printf("%d %s\n", st_status(), st_error());
    st_free(m);
    return m ? -1 : 0;
}

static int bad_rows(const char *model)
{
    double row[COLUMNS] = {1, 1, 1, 1, 1, 1, 1, 1}, *to;
    st_model *m = st_open(model, NULL);
    if (!m || !(to = calloc(st_rows(m) * st_outputs(m), sizeof *to)))
        return broken("rows");
    const int64_t time = INT64_C(1600000000000);
    printf("%d\n", st_push(m, row, time, to, NULL));
    row[0] = NAN;
    printf("%d %s\n", st_push(m, row, time + 60000, to, NULL), st_error());
    row[0] = INFINITY;
    printf("%d %s\n", st_push(m, row, time + 60000, to, NULL), st_error());
    row[0] = 1;
    printf("%d %s\n", st_push(m, row, time, to, NULL), st_error());
    printf("%d %s\n", st_push(m, row, time - 1, to, NULL), st_error());
    printf("%d %s\n", st_push(m, row, INT64_MIN, to, NULL), st_error());
    printf("%d %s\n", st_push(m, NULL, 0, to, NULL), st_error());
    printf("%d\n", st_push(m, row, time + 60000, to, NULL));
    printf("%d\n", st_reset(m));
    printf("%d\n", st_push(m, row, time - 1, to, NULL));
    free(to);
    st_free(m);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = -1;
    if (argc == 5 && !strcmp(argv[1], "predict"))
        failed = predict(argv[2], argv[3], argv[4]);
    if (argc == 4 && !strcmp(argv[1], "encode"))
        failed = encode(argv[2], argv[3]);
    if (argc == 4 && !strcmp(argv[1], "threads"))
        failed = threads(argv[2], argv[3]);
    if (argc == 4 && !strcmp(argv[1], "fault"))
        failed = fault(argv[2], argv[3]);
    if (argc == 3 && !strcmp(argv[1], "rows"))
        failed = bad_rows(argv[2]);
    return failed ? 1 : 0;
}
