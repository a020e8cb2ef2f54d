/* SPDX-License-Identifier: MIT */
#include "analysis/grams.h"

#include <stdlib.h>
#include <string.h>

#include "text/hash.h"

#define LEAST 1024     /* edges that there is room for */
#define FIRST_NODE 256 /* a byte is no node: an edge by a byte is none by a token */

static int out_of_memory(struct error *err)
{
    return error_set(err, STATUS_FAILED, "out of memory");
}

size_t grams_nodes(const struct grams *grams)
{
    return FIRST_NODE + (size_t)grams->count;
}

void grams_fini(struct grams *grams)
{
    free(grams->edge);
    free(grams->node);
    *grams = (struct grams){0};
}

/* The place of an edge, or where it belongs. */
static size_t place_of(const struct grams *g, uint64_t edge)
{
    size_t i = hash_number(edge) & (g->room - 1);
    while (g->edge[i] && g->edge[i] != edge)
        i = (i + 1) & (g->room - 1);
    return i;
}

/* Room for one more edge in a table that is half empty. */
static int grow(struct grams *g, struct error *err)
{
    if (2 * ((size_t)g->count + 1) <= g->room)
        return 0;
    struct grams more = {.room = g->room ? 2 * g->room : LEAST, .count = g->count};
    if (more.count >= UINT32_MAX - FIRST_NODE)
        return out_of_memory(err);
    more.edge = calloc(more.room, sizeof *more.edge);
    more.node = malloc(more.room * sizeof *more.node);
    if (!more.edge || !more.node) {
        grams_fini(&more);
        return out_of_memory(err);
    }
    for (size_t i = 0; i < g->room; i++) {
        if (!g->edge[i])
            continue;
        const size_t place = place_of(&more, g->edge[i]);
        more.edge[place] = g->edge[i];
        more.node[place] = g->node[i];
    }
    grams_fini(g);
    *g = more;
    return 0;
}

/* Goes on from a node by a byte or by the node of a token. */
static int follow(struct grams *g, uint32_t *node, uint32_t by, struct error *err)
{
    const uint64_t edge = (uint64_t)*node << 32 | by;
    if (grow(g, err))
        return -1;
    const size_t place = place_of(g, edge);
    if (!g->edge[place]) {
        g->edge[place] = edge;
        g->node[place] = FIRST_NODE + g->count++;
    }
    *node = g->node[place];
    return 0;
}

/* The tokens of a text; there is room for them. */
static int read_tokens(struct sentence *s, const char *text, struct grams *g, struct error *err)
{
    uint32_t node = 0;
    for (; *text; text++) {
        if (*text != ' ') {
            if (follow(g, &node, (unsigned char)*text, err))
                return -1;
        } else {
            s->token[s->tokens++] = node;
            node = 0;
        }
    }
    if (node)
        s->token[s->tokens++] = node;
    return 0;
}

static int by_node(const void *a, const void *b)
{
    const struct gram *x = a, *y = b;
    return (x->node > y->node) - (x->node < y->node);
}

/* Those that are the same become one; returns how many there are. */
static size_t merge(struct gram *gram, size_t count)
{
    size_t kept = 0;
    qsort(gram, count, sizeof *gram, by_node);
    for (size_t i = 0; i < count; i++)
        if (kept && gram[kept - 1].node == gram[i].node)
            gram[kept - 1].count++;
        else
            gram[kept++] = gram[i];
    return kept;
}

/* The n-grams are those of n - 1 tokens, which node[] has by where they begin, and a token more. */
static int count_grams(struct sentence *s, uint32_t *node, struct grams *g, struct error *err)
{
    memcpy(node, s->token, s->tokens * sizeof *node);
    for (size_t n = 1; n <= GRAMS_MOST; n++) {
        struct gram *to = s->gram + s->begin[n - 1];
        size_t count = 0;
        for (size_t i = 0; i + n <= s->tokens; i++) {
            if (n > 1 && follow(g, &node[i], s->token[i + n - 1], err))
                return -1;
            to[count++] = (struct gram){node[i], 1};
        }
        s->begin[n] = s->begin[n - 1] + merge(to, count);
    }
    return 0;
}

int sentence_init(struct sentence *s, const char *text, struct grams *grams, struct error *err)
{
    size_t most = 1;
    for (const char *at = text; *at; at++)
        most += *at == ' ';
    *s = (struct sentence){.token = malloc(most * sizeof *s->token),
                           .gram = malloc(GRAMS_MOST * most * sizeof *s->gram)};
    uint32_t *node = malloc(most * sizeof *node);
    const int failed = !s->token || !s->gram || !node
                           ? out_of_memory(err)
                           : read_tokens(s, text, grams, err) || count_grams(s, node, grams, err);
    free(node);
    if (failed)
        sentence_fini(s);
    return failed ? -1 : 0;
}

void sentence_fini(struct sentence *s)
{
    free(s->token);
    free(s->gram);
    *s = (struct sentence){0};
}

uint32_t sentence_count(const struct sentence *s, size_t n, uint32_t node)
{
    size_t low = s->begin[n - 1], high = s->begin[n];
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (s->gram[middle].node < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->begin[n] && s->gram[low].node == node ? s->gram[low].count : 0;
}
