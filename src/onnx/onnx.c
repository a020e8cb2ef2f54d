/* SPDX-License-Identifier: MIT */
/* The graph itself: its faults, names and nodes. */
#include "onnx/onnx.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "onnx/parts.h"
#include "util/array.h"

struct onnx *onnx_new(onnx_reader *read, void *ctx)
{
    struct onnx *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->read = read;
    o->ctx = ctx;
    return o;
}

void onnx_free(struct onnx *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->names; i++)
        free(o->name[i]);
    for (size_t i = 0; i < o->initials; i++) {
        free(o->initial[i]->name);
        free(o->initial[i]->value);
        free(o->initial[i]);
    }
    for (size_t i = 0; i < o->bounds; i++)
        free(o->bound[i]);
    free(o->path);
    free(o->name);
    free(o->initial);
    free(o->bound);
    free(o->next);
    proto_fini(&o->nodes);
    proto_fini(&o->inputs);
    proto_fini(&o->outputs);
    proto_fini(&o->told);
    free(o);
}

int onnx_check(const struct onnx *o, struct error *err)
{
    if (o->failed)
        *err = o->fault;
    else if (o->nodes.failed || o->inputs.failed || o->outputs.failed || o->told.failed)
        return error_set(err, STATUS_FAILED, "out of memory");
    return o->failed ? -1 : 0;
}

void onnx_fault(struct onnx *o, const char *format, ...)
{
    char text[512];
    va_list ap;
    if (o->failed)
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    o->failed = 1;
    error_set(&o->fault, STATUS_USAGE, "%s", text);
}

void onnx_no_memory(struct onnx *o)
{
    if (!o->failed)
        error_set(&o->fault, STATUS_FAILED, "out of memory");
    o->failed = 1;
}

void onnx_path(struct onnx *o, const char *path)
{
    char *copy = strdup(path);
    if (!copy) {
        onnx_no_memory(o);
        return;
    }
    free(o->path);
    o->path = copy;
}

const char *onnx_named(struct onnx *o, const char *format, ...)
{
    va_list ap;
    char *text = NULL;
    const size_t room = o->names + 1;
    va_start(ap, format);
    const int length = vasprintf(&text, format, ap);
    va_end(ap);
    char **more = length < 0 ? NULL : realloc(o->name, room * sizeof *more);
    if (more)
        o->name = more;
    if (!more) {
        if (length >= 0)
            free(text);
        onnx_no_memory(o);
        return "";
    }
    return o->name[o->names++] = text;
}

/* --- nodes */

static void put_attribute(struct proto *to, const struct onnx_attribute *a)
{
    /* AttributeProto.AttributeType */
    static const unsigned types[] = {
        [ONNX_WHOLE] = 2, [ONNX_REAL] = 1, [ONNX_TEXT] = 3, [ONNX_LIST] = 7};
    const size_t begun = proto_begin(to, NODE_ATTRIBUTE);
    proto_text(to, ATTRIBUTE_NAME, a->name);
    if (a->kind == ONNX_WHOLE)
        proto_whole(to, ATTRIBUTE_I, (uint64_t)a->whole);
    else if (a->kind == ONNX_REAL)
        proto_float(to, ATTRIBUTE_F, (float)a->real);
    else if (a->kind == ONNX_TEXT)
        proto_text(to, ATTRIBUTE_S, a->text);
    for (size_t i = 0; a->kind == ONNX_LIST && i < a->count; i++)
        proto_whole(to, ATTRIBUTE_INTS, (uint64_t)a->list[i]);
    proto_whole(to, ATTRIBUTE_TYPE, types[a->kind]);
    proto_end(to, begun);
}

const char *onnx_append(struct onnx *o, const struct onnx_node *node, const char **out)
{
    const char *made[ONNX_OUTPUTS] = {"", "", "", ""};
    const char *path = o->path ? o->path : "";
    const size_t number = o->node_count++;
    for (size_t i = 0; i < node->outputs && !o->failed; i++)
        made[i] = node->outputs > 1 ? onnx_named(o, "%s/%s_%zu.%zu", path, node->type, number, i)
                                    : onnx_named(o, "%s/%s_%zu", path, node->type, number);
    for (size_t i = 0; out && i < node->outputs; i++)
        out[i] = made[i];
    if (o->failed)
        return "";
    const size_t begun = proto_begin(&o->nodes, GRAPH_NODE);
    for (size_t i = 0; i < node->inputs; i++)
        proto_text(&o->nodes, NODE_INPUT, node->in[i]);
    for (size_t i = 0; i < node->outputs; i++)
        proto_text(&o->nodes, NODE_OUTPUT, made[i]);
    proto_text(&o->nodes, NODE_NAME, onnx_named(o, "%s/%s_%zu", path, node->type, number));
    proto_text(&o->nodes, NODE_TYPE, node->type);
    for (size_t i = 0; i < node->attributes; i++)
        put_attribute(&o->nodes, &node->attribute[i]);
    proto_end(&o->nodes, begun);
    return made[0];
}

size_t onnx_nodes(const struct onnx *o)
{
    return o->node_count;
}

static const char *plain(struct onnx *o, const char *type, size_t inputs, const char *const *in)
{
    return onnx_append(o, &(struct onnx_node){type, inputs, in, 0, NULL, 1}, NULL);
}

const char *onnx_one(struct onnx *o, const char *type, const char *x)
{
    return plain(o, type, 1, &x);
}

const char *onnx_two(struct onnx *o, const char *type, const char *a, const char *b)
{
    return plain(o, type, 2, (const char *[]){a, b});
}

const char *onnx_three(struct onnx *o, const char *type, const char *a, const char *b,
                       const char *c)
{
    return plain(o, type, 3, (const char *[]){a, b, c});
}

const char *onnx_along(struct onnx *o, const char *type, const char *name, int64_t value,
                       const char *a, const char *b, const char *c)
{
    const struct onnx_attribute with = {.name = name, .kind = ONNX_WHOLE, .whole = value};
    const size_t inputs = !b ? 1 : !c ? 2 : 3;
    return onnx_append(o, &(struct onnx_node){type, inputs, (const char *[]){a, b, c}, 1, &with, 1},
                       NULL);
}
