#include "data/table.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "data/csv.h"

#define SECOND 1000
#define DAY ((int64_t)86400 * SECOND)
/* Years 0 to 9999, what ISO 8601 can write. */
#define EARLIEST (-719528 * DAY)
#define LATEST (2932897 * DAY - 1)

void table_free(struct table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->columns; i++) {
        if (table->name)
            free(table->name[i]);
        if (table->column)
            free(table->column[i]);
    }
    free(table->name);
    free(table->column);
    free(table->time);
    free(table->path);
    free(table);
}

const char *table_time(int64_t ms, char out[TABLE_TIME])
{
    int64_t fraction = (ms % SECOND + SECOND) % SECOND;
    time_t seconds = (time_t)((ms - fraction) / SECOND);
    struct tm tm;
    size_t n = gmtime_r(&seconds, &tm) ? strftime(out, TABLE_TIME, "%Y-%m-%dT%H:%M:%S", &tm) : 0;
    if (fraction)
        snprintf(out + n, TABLE_TIME - n, ".%03dZ", (int)fraction);
    else
        snprintf(out + n, TABLE_TIME - n, "Z");
    return out;
}

const char *table_duration(int64_t ms, char out[TABLE_TIME])
{
    static const struct {
        int64_t ms;
        const char *name;
    } unit[] = {{DAY, "d"}, {DAY / 24, "h"}, {60 * SECOND, "m"}, {SECOND, "s"}, {1, "ms"}};
    size_t used = 0;
    int parts = 0;
    snprintf(out, TABLE_TIME, "0s");
    for (size_t i = 0; i < sizeof unit / sizeof *unit && parts < 2; i++) {
        if (ms < unit[i].ms)
            continue;
        int n = snprintf(out + used, TABLE_TIME - used, "%s%lld%s", used ? " " : "",
                         (long long)(ms / unit[i].ms), unit[i].name);
        used += n > 0 ? (size_t)n : 0;
        ms %= unit[i].ms;
        parts++;
    }
    return out;
}

const char *table_where(const struct table *table, size_t row, char out[TABLE_WHERE])
{
    char at[TABLE_TIME];
    if (table->candle)
        snprintf(out, TABLE_WHERE, "%s: candle of %s", table->path,
                 table_time(table->time[row], at));
    else /* the header is line 1, and no line inside a file is blank */
        snprintf(out, TABLE_WHERE, "%s:%zu", table->path, row + 2);
    return out;
}

/* Exactly `count` decimal digits. */
static int take_digits(const char **at, int count, int *value)
{
    const char *p = *at;
    *value = 0;
    for (int i = 0; i < count; i++, p++) {
        if (*p < '0' || *p > '9')
            return 0;
        *value = *value * 10 + (*p - '0');
    }
    *at = p;
    return 1;
}

static int take(const char **at, char c)
{
    return **at == c ? (*at)++, 1 : 0;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar; *valid is 0 if there is no such. */
static int64_t days(int year, int month, int day, int *valid)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    *valid = month >= 1 && month <= 12 && day >= 1 &&
             day <= before[month] - before[month - 1] + (leap && month == 2);
    if (!*valid)
        return 0;
    int64_t past = year - 1; /* leap days of whole years: floor division, year 0 included */
    int64_t leaps = year ? past / 4 - past / 100 + past / 400 : -1;
    return past * 365 + leaps + before[month - 1] + (leap && month > 2) + day - 1 - 719162;
}

/* ISO 8601: 2021-04-02 or 20210402, then maybe T or a blank, 00:03[:15[.250]], Z or +09[[:]00]. */
static int parse_iso(const char *text, int64_t *ms)
{
    const char *p = text;
    int year, month, day, hour = 0, minute = 0, second = 0, valid;
    if (!take_digits(&p, 4, &year))
        return -1;
    int dashes = take(&p, '-');
    if (!take_digits(&p, 2, &month) || (dashes && !take(&p, '-')) || !take_digits(&p, 2, &day))
        return -1;
    if (!dashes && (*p || year < 1800 || year > 2199)) /* else it is a number of seconds */
        return -1;
    int64_t date = days(year, month, day, &valid);
    if (!valid)
        return -1;
    *ms = date * DAY;
    if (!*p)
        return 0;

    if ((!take(&p, 'T') && !take(&p, ' ')) || !take_digits(&p, 2, &hour) || !take(&p, ':') ||
        !take_digits(&p, 2, &minute))
        return -1;
    if (take(&p, ':') && !take_digits(&p, 2, &second))
        return -1;
    if (hour > 23 || minute > 59 || second > 59)
        return -1;
    *ms += ((hour * 60 + minute) * 60 + second) * (int64_t)SECOND;
    if (take(&p, '.')) {
        int unit = 100, tenth;
        for (; take_digits(&p, 1, &tenth); unit /= 10)
            *ms += tenth * unit;
    }
    if (take(&p, 'Z') || !*p)
        return *p ? -1 : 0;
    int east = *p == '+';
    if (!take(&p, '+') && !take(&p, '-'))
        return -1;
    if (!take_digits(&p, 2, &hour))
        return -1;
    minute = 0;
    if (*p) {
        take(&p, ':');
        if (!take_digits(&p, 2, &minute))
            return -1;
    }
    if (*p || hour > 23 || minute > 59)
        return -1;
    int64_t zone = (hour * 60 + minute) * (int64_t)60 * SECOND;
    *ms += east ? -zone : zone;
    return 0;
}

static int parse_number(const struct csv_field *field, enum time_format format, int64_t *ms)
{
    double x;
    if (csv_parse_number(field->text, field->length, &x) != CSV_NUMBER)
        return -1;
    x = format == TIME_SECONDS ? x * SECOND : x;
    if (!(x >= (double)EARLIEST && x <= (double)LATEST))
        return -1;
    *ms = llround(x);
    return 0;
}

static enum time_format find_format(const struct csv_field *field)
{
    int64_t ms;
    double x;
    if (!parse_iso(field->text, &ms))
        return TIME_ISO8601;
    if (csv_parse_number(field->text, field->length, &x) != CSV_NUMBER)
        return TIME_NONE;
    return fabs(x) < 1e11 ? TIME_SECONDS : TIME_MILLISECONDS;
}

/* Reads the time of the row that `csv` is at; it must be later than the row before. */
static int read_time(struct table *table, const struct csv *csv, size_t column, struct error *err)
{
    static const char *const wants[] = {
        "is neither ISO 8601 nor a number of seconds or milliseconds",
        "is not a number of milliseconds (as the first row's is) up to the year 9999",
        "is not a number of seconds (as the first row's is) up to the year 9999",
        "is not ISO 8601, as the first row's is",
    };
    const struct csv_field *field = &csv->field[column];
    int64_t *at = &table->time[table->rows];
    char shown[CSV_SHOWN], now[TABLE_TIME], before[TABLE_TIME];

    if (!table->rows)
        table->format = find_format(field);
    if (table->format == TIME_NONE ||
        (table->format == TIME_ISO8601 ? parse_iso(field->text, at)
                                       : parse_number(field, table->format, at)))
        return error_set(err, STATUS_INPUT, "%s:%llu: time '%s' %s", csv->path,
                         (unsigned long long)csv->line, csv_show(field->text, shown),
                         wants[table->format]);
    if (!table->rows || at[0] > at[-1])
        return 0;
    if (at[0] == at[-1])
        return error_set(err, STATUS_INPUT, "%s:%llu: time %s appears twice", csv->path,
                         (unsigned long long)csv->line, table_time(at[0], now));
    return error_set(err, STATUS_INPUT, "%s:%llu: time %s lies before the previous row's %s",
                     csv->path, (unsigned long long)csv->line, table_time(at[0], now),
                     table_time(at[-1], before));
}

/* Gives every column room for `rows` rows; keeps what is there. */
static int set_room(struct table *table, int timed, size_t rows)
{
    if (rows > SIZE_MAX / sizeof(double))
        return -1;
    for (size_t i = 0; i < table->columns; i++) {
        double *more = realloc(table->column[i], rows * sizeof *more);
        if (!more)
            return -1;
        table->column[i] = more;
    }
    if (timed) {
        int64_t *more = realloc(table->time, rows * sizeof *more);
        if (!more)
            return -1;
        table->time = more;
    }
    return 0;
}

/* One row of the file into the next of the table. */
static int read_row(struct table *table, const struct csv *csv, const size_t *where, size_t time,
                    struct error *err)
{
    if (table->time && read_time(table, csv, time, err))
        return -1;
    for (size_t i = 0; i < table->columns; i++) {
        if (csv_number(csv, where[i], &table->column[i][table->rows], err))
            return -1;
    }
    table->rows++;
    return 0;
}

static int read_rows(struct table *table, struct csv *csv, const size_t *where, int timed,
                     size_t time, struct log *log, struct error *err)
{
    size_t room = 0;
    uint64_t done, total;
    int more;
    while ((more = csv_next(csv, err)) > 0) {
        if (table->rows == room) {
            room = room ? room + room / 2 : 4096;
            if (set_room(table, timed, room))
                return error_set(err, STATUS_INPUT, "%s:%llu: out of memory", csv->path,
                                 (unsigned long long)csv->line);
        }
        if (read_row(table, csv, where, time, err))
            return -1;
        if (log && table->rows % (1 << 18) == 0) {
            csv_progress(csv, &done, &total);
            if (total && done < total)
                log_progress(log, "reading", done, total);
        }
    }
    if (log && table->rows >> 18)
        log_progress(log, "reading", 0, 0);
    if (!more && !table->rows)
        return error_set(err, STATUS_INPUT, "%s:1: no row follows the header", csv->path);
    if (!more) /* a smaller block can always be had; if not, the larger one serves */
        set_room(table, timed, table->rows);
    return more;
}

/* --- a large file in stretches, side by side */

#define STRETCHES 16

uint64_t table_stretch = (uint64_t)4 << 20;
unsigned table_threads;

static size_t cores(void)
{
#ifdef CPU_COUNT
    cpu_set_t set;
    if (!sched_getaffinity(0, sizeof set, &set))
        return (size_t)CPU_COUNT(&set);
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (size_t)online : 1;
}

struct stretch {
    const struct csv *csv; /* of the whole file */
    uint64_t from, to;
    const size_t *where;
    size_t time;
    int timed, last, failed;
    struct log *log;
    struct table *table;
};

/* Fails too where blank lines end a stretch that is not the last. */
static void *read_stretch(void *arg)
{
    struct stretch *s = arg;
    struct error ignored;
    struct csv *csv = s->table ? csv_open_part(s->csv, s->from, s->to, &ignored) : NULL;
    s->failed = !csv || read_rows(s->table, csv, s->where, s->timed, s->time, s->log, &ignored) ||
                (!s->last && csv->line != s->table->rows + 2);
    csv_close(csv);
    return NULL;
}

/* Whether stretch b may follow a: times are of one format and rise. */
static int follows(const struct table *a, const struct table *b)
{
    return a->format == b->format && (!a->time || a->time[a->rows - 1] < b->time[0]);
}

/* All rows into `table`, which has none. */
static int join_stretches(struct table *table, struct stretch *s, size_t count)
{
    size_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        if (s[i].failed || (i && !follows(s[i - 1].table, s[i].table)))
            return -1;
        rows += s[i].table->rows;
    }
    struct table *first = s[0].table;
    size_t at = first->rows;
    table->format = first->format;
    if (set_room(first, s->timed, rows))
        return -1;
    for (size_t i = 1; i < count; i++) {
        const struct table *from = s[i].table;
        for (size_t c = 0; c < table->columns; c++) {
            memcpy(first->column[c] + at, from->column[c], from->rows * sizeof(double));
            free(from->column[c]);
            from->column[c] = NULL;
        }
        if (s->timed)
            memcpy(first->time + at, from->time, from->rows * sizeof *from->time);
        at += from->rows;
    }
    for (size_t c = 0; c < table->columns; c++) {
        table->column[c] = first->column[c];
        first->column[c] = NULL;
    }
    table->time = first->time;
    first->time = NULL;
    table->rows = rows;
    return 0;
}

/*
 * 0 if it read the whole file. Whatever is odd about a file, from an error to blank lines at its
 * end or one core, is left to a reader that goes from line to line, and knows their numbers.
 */
static int read_side_by_side(struct table *table, const struct csv *csv, const size_t *where,
                             int timed, size_t time, struct log *log)
{
    struct stretch s[STRETCHES];
    pthread_t thread[STRETCHES];
    int threaded[STRETCHES];
    uint64_t begin, end;
    if (!csv_extent(csv, &begin, &end))
        return -1;
    uint64_t fit = (end - begin) / table_stretch;
    size_t most = table_threads ? table_threads : cores(), count;
    most = most < STRETCHES ? most : STRETCHES;
    count = fit < most ? (size_t)fit : most;
    if (count < 2)
        return -1;
    for (size_t i = 0; i < count; i++) {
        s[i] = (struct stretch){.csv = csv,
                                .from = begin + (end - begin) / count * i,
                                .to = begin + (end - begin) / count * (i + 1),
                                .where = where,
                                .time = time,
                                .timed = timed,
                                .last = i + 1 == count,
                                .log = i ? NULL : log,
                                .table = table_new(csv->path, table->columns)};
        if (s[i].last)
            s[i].to = UINT64_MAX;
    }
    for (size_t i = 1; i < count; i++)
        threaded[i] = !pthread_create(&thread[i], NULL, read_stretch, &s[i]);
    read_stretch(&s[0]);
    for (size_t i = 1; i < count; i++) {
        if (threaded[i])
            pthread_join(thread[i], NULL);
        else
            read_stretch(&s[i]);
    }
    int result = join_stretches(table, s, count);
    for (size_t i = 0; i < count; i++)
        table_free(s[i].table);
    return result;
}

/* Finds the columns, then reads. */
static int read_table(struct table *table, struct csv *csv, const char *time, char *const *names,
                      struct log *log, struct error *err)
{
    size_t time_column = 0;
    size_t *where = calloc(table->columns + 1, sizeof *where);
    int result = where ? 0 : error_set(err, STATUS_INPUT, "%s: out of memory", csv->path);
    if (!result && *time)
        result = csv_find(csv, time, &time_column, err);
    for (size_t i = 0; i < table->columns && !result; i++) {
        result = csv_find(csv, names[i], &where[i], err);
        if (!result && !(table->name[i] = strdup(csv->name[where[i]])))
            result = error_set(err, STATUS_INPUT, "%s: out of memory", csv->path);
    }
    if (!result && read_side_by_side(table, csv, where, *time != 0, time_column, log))
        result = read_rows(table, csv, where, *time != 0, time_column, log, err);
    free(where);
    return result;
}

struct table *table_new(const char *path, size_t columns)
{
    struct table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    table->path = strdup(path);
    table->name = calloc(columns + 1, sizeof *table->name);
    table->column = calloc(columns + 1, sizeof *table->column);
    if (table->path && table->name && table->column) {
        table->columns = columns;
        return table;
    }
    table_free(table);
    return NULL;
}

struct table *table_read(const char *path, const char *time, char *const *names, size_t columns,
                         struct log *log, struct error *err)
{
    struct csv *csv = csv_open(path, err);
    if (!csv)
        return NULL;
    struct table *table = table_new(path, columns);
    int result = table ? read_table(table, csv, time, names, log, err)
                       : error_set(err, STATUS_INPUT, "%s: out of memory", path);
    csv_close(csv);
    if (!result)
        return table;
    table_free(table);
    return NULL;
}

/* A value that more than half of a sequence has survives when unlike ones are struck out in pairs
 * (Boyer and Moore, "MJRTY", 1981). */
int64_t table_step(const struct table *table)
{
    int64_t step = 0;
    size_t lead = 0, votes = 0;
    for (size_t i = 1; table->time && i < table->rows; i++) {
        int64_t distance = table->time[i] - table->time[i - 1];
        if (!lead)
            step = distance;
        lead = distance == step ? lead + 1 : lead - 1;
    }
    for (size_t i = 1; table->time && i < table->rows; i++)
        votes += table->time[i] - table->time[i - 1] == step;
    return votes * 2 >= table->rows && votes ? step : 0;
}

struct run *table_runs(const struct table *table, int64_t gap, size_t *count)
{
    int cuts = gap > 0 && table->time;
    size_t runs = 1;
    for (size_t i = 1; cuts && i < table->rows; i++)
        runs += table->time[i] - table->time[i - 1] > gap;
    struct run *run = malloc(runs * sizeof *run);
    *count = 0;
    if (!run)
        return NULL;
    for (size_t i = 0, begin = 0; i < table->rows; i++) {
        int last = i + 1 == table->rows;
        if (last || (cuts && table->time[i + 1] - table->time[i] > gap)) {
            run[(*count)++] = (struct run){begin, i + 1};
            begin = i + 1;
        }
    }
    return run;
}

static int64_t floor_to(int64_t time, int64_t length)
{
    int64_t rest = time % length;
    return time - (rest < 0 ? rest + length : rest);
}

enum rule { RULE_LAST, RULE_FIRST, RULE_HIGHEST, RULE_LOWEST, RULE_SUM };

static enum rule rule_of(const char *name)
{
    static const struct {
        const char *name;
        enum rule rule;
    } rules[] = {{"open", RULE_FIRST},
                 {"high", RULE_HIGHEST},
                 {"low", RULE_LOWEST},
                 {"close", RULE_LAST},
                 {"volume", RULE_SUM}};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (csv_same_name(name, rules[i].name))
            return rules[i].rule;
    }
    return RULE_LAST;
}

static double merge(enum rule rule, const double *x, size_t count)
{
    double y = rule == RULE_LAST ? x[count - 1] : x[0];
    for (size_t i = 1; i < count; i++) {
        if (rule == RULE_HIGHEST ? x[i] > y : rule == RULE_LOWEST && x[i] < y)
            y = x[i];
        if (rule == RULE_SUM)
            y += x[i];
    }
    return y;
}

/*
 * Merges the rows of one run, which become the candles from `to` on (to <= run.begin, so that
 * nothing unread is written over). Returns the row behind the last candle.
 */
static size_t resample_run(struct table *table, struct run run, int64_t length, int64_t step,
                           size_t to, const enum rule *rule, struct resampling *told)
{
    int64_t *time = table->time;
    /* One more row would be due at begins - step, and at ends; without a step, a ms away. */
    int64_t due = step ? step : 1, begins = time[run.begin], ends = time[run.end - 1] + due;
    for (size_t i = run.begin, next; i < run.end; i = next) {
        int64_t candle = floor_to(time[i], length);
        for (next = i + 1; next < run.end && time[next] < candle + length;)
            next++;
        if (begins - due >= candle || ends < candle + length) {
            told->cut++;
            continue;
        }
        told->partial += step && (int64_t)(next - i) < length / step;
        for (size_t c = 0; c < table->columns; c++)
            table->column[c][to] = merge(rule[c], table->column[c] + i, next - i);
        time[to++] = candle;
    }
    return to;
}

int table_resample(struct table *table, int64_t length, struct run *runs, size_t *count,
                   struct resampling *told, struct error *err)
{
    int64_t step = table_step(table);
    char apart[TABLE_TIME], wanted[TABLE_TIME];
    *told = (struct resampling){.rows = table->rows};
    if (step > length)
        return error_set(err, STATUS_INPUT, "%s: rows are %s apart, too far for candles of %s",
                         table->path, table_duration(step, apart), table_duration(length, wanted));
    enum rule *rule = malloc((table->columns + 1) * sizeof *rule);
    if (!rule)
        return error_set(err, STATUS_INPUT, "%s: out of memory", table->path);
    for (size_t c = 0; c < table->columns; c++)
        rule[c] = rule_of(table->name[c]);

    size_t rows = 0, kept = 0;
    for (size_t i = 0; i < *count; i++) {
        size_t begin = rows;
        rows = resample_run(table, runs[i], length, step, rows, rule, told);
        if (rows > begin)
            runs[kept++] = (struct run){begin, rows};
    }
    free(rule);
    table->rows = rows;
    table->candle = length;
    *count = kept;
    if (rows) /* a smaller block can always be had; if not, the larger one serves */
        set_room(table, 1, rows);
    return 0;
}
