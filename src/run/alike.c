/* SPDX-License-Identifier: MIT */
#include "run/alike.h"

#include <stdlib.h>
#include <string.h>

#include "util/crc32c.h"
#include "util/lines.h"

enum { TEXT = 256, PIECE = 1 << 22 };

/* What must be the same, beside the configuration. */
struct facts {
    char version[32];
    uint64_t data, plan, weights, progress;
    uint64_t text; /* bytes of that of the configuration */
};

/* --- what this rank has */

/* Whether training depends on a line, which is one of this section. */
static int counts(const char *section, const char *line)
{
    static const char *const whole[] = {"[data]", "[model]", "[loss]", "[train]"};
    static const char *const files[] = {"source = ",
                                        "manifest = ",
                                        "validation_source = ",
                                        "test_source = ",
                                        "target_source = ",
                                        "validation_target_source = ",
                                        "test_target_source = ",
                                        "init = "};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!strncmp(line, files[i], strlen(files[i])))
            return 0; /* what is in them counts, wherever they lie */
    if (!strncmp(section, "[run]", 5))
        return !strncmp(line, "seed = ", 7);
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (!strncmp(section, whole[i], strlen(whole[i])))
            return 1;
    return 0;
}

/* The lines of the configuration that count, or NULL without memory. */
static char *text_of(const struct config *config)
{
    char *all = config_text(config), *text = NULL;
    const char *section = "";
    size_t size;
    FILE *out = all ? open_memstream(&text, &size) : NULL;
    int taken = 0;
    for (const char *line = all; out && *line;) {
        const size_t length = strcspn(line, "\n");
        if (*line == '[')
            section = line;
        if (*line != ' ') /* a line that goes on is taken as the one before */
            taken = length && counts(section, line);
        if (taken)
            fprintf(out, "%.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
    free(all);
    if (!out || !fclose(out))
        return text;
    free(text);
    return NULL;
}

/* The sum goes on with an arena. */
static int sum_arena(const struct arena *arena, char *room, uint32_t *sum, struct error *err)
{
    const size_t bytes = arena_bytes(arena);
    for (size_t at = 0; at < bytes; at += PIECE) {
        const size_t n = bytes - at < PIECE ? bytes - at : PIECE;
        if (arena_read(arena, at, n, room, err))
            return -1;
        *sum = crc32c(*sum, room, n);
    }
    return 0;
}

/* Of weights and of what the optimizer keeps. */
static int sum_weights(const struct engine *e, uint64_t *sum, struct error *err)
{
    char *room = malloc(PIECE);
    uint32_t crc = 0;
    if (!room)
        return error_set(err, STATUS_FAILED, "out of memory");
    int failed = sum_arena(e->params->values, room, &crc, err) ||
                 (e->judged != e->params && sum_arena(e->judged->values, room, &crc, err));
    for (size_t i = 0; i < OPTIM_MAX_SLOTS && !failed; i++)
        failed = e->optim.slot[i] && sum_arena(e->optim.slot[i], room, &crc, err);
    free(room);
    *sum = crc;
    return failed ? -1 : 0;
}

static uint64_t sum_progress(const struct progress *p)
{
    const int64_t whole[] = {p->epoch, p->step,          (int64_t)p->done, p->best_epoch,
                             p->stale, p->plateau_stale, p->finished,      p->collapsed};
    const double real[] = {p->best_epoch ? p->best : 0, p->factor};
    const uint32_t sum = crc32c(crc32c(0, whole, sizeof whole), real, sizeof real);
    return crc32c(sum, &p->metrics, sizeof p->metrics);
}

/* --- what another one has */

/* The first line in which two configurations differ. */
static void differ(const char *own, const char *first, char *to)
{
    char here[81], there[81];
    lines_differ(own, first, here, there, sizeof here);
    if (*here && *there)
        snprintf(to, TEXT, "'%s' in its configuration, where rank 0 has '%s'", here, there);
    else
        snprintf(to, TEXT, "another configuration than rank 0");
}

/* Sets what this rank has that rank 0 has not; "": nothing. */
static void compare(const struct facts *own, const struct facts *first, const char *text,
                    const char *first_text, char *to)
{
    *to = 0;
    if (strcmp(own->version, first->version) != 0)
        snprintf(to, TEXT, "version %s of seqtrain, where rank 0 has %s", own->version,
                 first->version);
    else if (strcmp(text, first_text) != 0)
        differ(text, first_text, to);
    else if (own->data != first->data)
        snprintf(to, TEXT, "other data than rank 0");
    else if (own->plan != first->plan)
        snprintf(to, TEXT, "other launches (another kind of device?) than rank 0");
    else if (own->progress != first->progress)
        snprintf(to, TEXT, "another checkpoint than rank 0");
    else if (own->weights != first->weights)
        snprintf(to, TEXT, "other weights (of the checkpoint or model.init) than rank 0");
}

/* What each rank has found goes to rank 0, and the number of the first that differs to all. */
static int conclude(const struct training *t, char why[TEXT], struct error *err)
{
    int who = 0;
    if (comm_rank(t->comm) && comm_send(t->comm, 0, why, TEXT, err))
        return -1;
    for (int from = 1; from < comm_size(t->comm) && !comm_rank(t->comm); from++) {
        char other[TEXT];
        if (comm_receive(t->comm, from, other, sizeof other, err))
            return -1;
        if (who || !*other)
            continue;
        who = from;
        memcpy(why, other, TEXT);
    }
    if (comm_share(t->comm, &who, sizeof who, err))
        return -1;
    const struct list *devices =
        &t->config->device.select; /* of all ranks, where rank 0 names them */
    if (who && devices->count > 1)
        return error_set(err, STATUS_FAILED, "device %s has %s", devices->item[who], why);
    if (who && (!comm_rank(t->comm) || comm_rank(t->comm) == who))
        return error_set(err, STATUS_FAILED, "rank %d has %s", who, why);
    return who ? error_set(err, STATUS_FAILED, "rank %d differs from rank 0, which tells how", who)
               : 0;
}

static int check(const struct training *t, char *text, struct error *err)
{
    struct facts facts = {.version = PACKAGE_VERSION,
                          .data = t->engine->data_hash,
                          .plan = crc32c(0, t->plan, strlen(t->plan)),
                          .progress = sum_progress(&t->progress),
                          .text = strlen(text) + 1};
    struct facts first;
    char why[TEXT] = "";
    if (sum_weights(t->engine, &facts.weights, err))
        return -1;
    first = facts;
    if (comm_share(t->comm, &first, sizeof first, err))
        return -1;
    char *first_text = malloc(first.text);
    if (!first_text)
        return error_set(err, STATUS_FAILED, "out of memory");
    if (!comm_rank(t->comm))
        memcpy(first_text, text, first.text);
    int failed = comm_share(t->comm, first_text, first.text, err);
    if (!failed) {
        compare(&facts, &first, text, first_text, why);
        failed = conclude(t, why, err);
    }
    free(first_text);
    return failed;
}

int alike_check(const struct training *t, struct error *err)
{
    if (!t->comm)
        return 0;
    char *text = text_of(t->config);
    int failed = text ? check(t, text, err) : error_set(err, STATUS_FAILED, "out of memory");
    free(text);
    return failed;
}
