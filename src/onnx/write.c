/* SPDX-License-Identifier: MIT */
/*
 * The file: a ModelProto. The lengths of all initialisers are known before their numbers are read,
 * so that one of them is in memory at a time.
 */
#include <stdlib.h>
#include <string.h>

#include "onnx/parts.h"

/* --- inputs and outputs */

static void put_port(struct proto *to, unsigned field, const struct onnx_port *p)
{
    const size_t port = proto_begin(to, field);
    proto_text(to, PORT_NAME, p->name);
    const size_t type = proto_begin(to, PORT_TYPE), tensor = proto_begin(to, TYPE_TENSOR);
    proto_whole(to, TYPE_ELEMENTS, p->type);
    const size_t shape = proto_begin(to, TYPE_SHAPE);
    for (size_t r = 0; r < p->rank; r++) {
        const size_t dim = proto_begin(to, SHAPE_DIM);
        if (p->named[r])
            proto_text(to, DIM_NAME, p->named[r]);
        else
            proto_whole(to, DIM_VALUE, p->dim[r]);
        proto_end(to, dim);
    }
    proto_end(to, shape);
    proto_end(to, tensor);
    proto_end(to, type);
    proto_end(to, port);
}

void onnx_input(struct onnx *o, const struct onnx_port *port)
{
    put_port(&o->inputs, GRAPH_INPUT, port);
}

void onnx_output(struct onnx *o, const struct onnx_port *port, const char *value)
{
    if (o->failed)
        return;
    o->node_count++;
    const size_t node = proto_begin(&o->nodes, GRAPH_NODE);
    proto_text(&o->nodes, NODE_INPUT, value);
    proto_text(&o->nodes, NODE_OUTPUT, port->name);
    proto_text(&o->nodes, NODE_NAME, port->name);
    proto_text(&o->nodes, NODE_TYPE, "Identity");
    proto_end(&o->nodes, node);
    put_port(&o->outputs, GRAPH_OUTPUT, port);
}

void onnx_tell(struct onnx *o, const char *key, const char *value)
{
    const size_t entry = proto_begin(&o->told, MODEL_METADATA);
    proto_text(&o->told, ENTRY_KEY, key);
    proto_text(&o->told, ENTRY_VALUE, value);
    proto_end(&o->told, entry);
}

/* --- lengths */

#define LENGTH 2 /* how a field is encoded that tells its length */

static uint64_t varint_size(uint64_t value)
{
    uint64_t n = 1;
    while (value >>= 7)
        n++;
    return n;
}

/* Bytes of a field of so many, with its tag (of a number below 16) and its length. */
static uint64_t field_size(uint64_t bytes)
{
    return 1 + varint_size(bytes) + bytes;
}

static void write_varint(uint64_t value, FILE *to)
{
    for (; value >= 0x80; value >>= 7)
        putc((int)(value & 0x7f) | 0x80, to);
    putc((int)value, to);
}

static void write_tag(unsigned field, uint64_t bytes, FILE *to)
{
    putc((int)(field << 3 | LENGTH), to);
    write_varint(bytes, to);
}

static void write_proto(const struct proto *p, FILE *to)
{
    fwrite(p->bytes, 1, p->size, to);
}

static uint64_t raw_bytes(const struct onnx_initial *t)
{
    return t->elems * (t->type == ONNX_FLOAT ? 4 : 8);
}

/* A TensorProto but for its numbers. */
static void put_head(struct proto *to, const struct onnx_initial *t)
{
    for (size_t r = 0; r < t->rank; r++)
        proto_whole(to, TENSOR_DIMS, t->dim[r]);
    proto_whole(to, TENSOR_TYPE, t->type);
    proto_text(to, TENSOR_NAME, t->name);
}

/* Bytes of the initialiser as a field of the graph; 0: no memory. */
static uint64_t initial_size(const struct onnx_initial *t, uint64_t *message)
{
    struct proto head = {0};
    put_head(&head, t);
    const int failed = head.failed;
    *message = head.size + field_size(raw_bytes(t));
    proto_fini(&head);
    return failed ? 0 : field_size(*message);
}

/* --- numbers */

/* The lowest byte first, on any machine. */
static void write_little(const void *value, size_t count, size_t size, FILE *to)
{
    const unsigned char *at = value;
    const int one = 1;
    if (*(const char *)&one) {
        fwrite(value, size, count, to);
        return;
    }
    for (size_t i = 0; i < count; i++, at += size)
        for (size_t b = size; b-- > 0;)
            putc(at[b], to);
}

static int write_numbers(struct onnx *o, const struct onnx_initial *t, FILE *to, struct error *err)
{
    if (t->value) {
        write_little(t->value, t->elems, t->type == ONNX_FLOAT ? 4 : 8, to);
        return 0;
    }
    float *value = malloc(t->elems * sizeof *value + 1);
    if (!value)
        return error_set(err, STATUS_FAILED, "%s: out of memory", t->name);
    const int failed = o->read(o->ctx, t->param, value, err);
    if (!failed)
        write_little(value, t->elems, 4, to);
    free(value);
    return failed;
}

static int write_initial(struct onnx *o, const struct onnx_initial *t, FILE *to, struct error *err)
{
    struct proto head = {0};
    uint64_t message;
    int failed = !initial_size(t, &message);
    put_head(&head, t);
    if (failed || head.failed) {
        proto_fini(&head);
        return error_set(err, STATUS_FAILED, "%s: out of memory", t->name);
    }
    write_tag(GRAPH_INITIAL, message, to);
    write_proto(&head, to);
    proto_fini(&head);
    write_tag(TENSOR_RAW, raw_bytes(t), to);
    return write_numbers(o, t, to, err);
}

/* --- the model */

/* What stands in front of the graph and behind it. */
static void put_model(struct proto *to, const char *producer, const char *version)
{
    proto_whole(to, MODEL_IR, ONNX_IR);
    proto_text(to, MODEL_PRODUCER, producer);
    proto_text(to, MODEL_VERSION, version);
    const size_t set = proto_begin(to, MODEL_OPSET);
    proto_whole(to, OPSET_VERSION, ONNX_OPSET);
    proto_end(to, set);
}

/* Bytes of the graph; 0 with an error. */
static uint64_t graph_size(const struct onnx *o, const struct proto *named, struct error *err)
{
    uint64_t bytes = o->nodes.size + named->size + o->inputs.size + o->outputs.size, message;
    for (size_t i = 0; i < o->initials; i++) {
        const uint64_t size = initial_size(o->initial[i], &message);
        if (!size) {
            error_set(err, STATUS_FAILED, "out of memory");
            return 0;
        }
        bytes += size;
    }
    if (bytes + o->told.size + 1024 <= ONNX_MOST)
        return bytes;
    error_set(err, STATUS_USAGE, "the model takes %.1f GiB, and a file of ONNX holds 2 GiB at most",
              (double)bytes / (1 << 30));
    return 0;
}

static int write_graph(struct onnx *o, const struct proto *named, uint64_t bytes, FILE *to,
                       struct error *err)
{
    write_tag(MODEL_GRAPH, bytes, to);
    write_proto(&o->nodes, to);
    write_proto(named, to);
    for (size_t i = 0; i < o->initials; i++)
        if (write_initial(o, o->initial[i], to, err))
            return -1;
    write_proto(&o->inputs, to);
    write_proto(&o->outputs, to);
    return 0;
}

int onnx_write(struct onnx *o, const char *name, const char *producer, const char *version,
               FILE *to, struct error *err)
{
    struct proto model = {0}, named = {0};
    if (onnx_check(o, err))
        return -1;
    put_model(&model, producer, version);
    proto_text(&named, GRAPH_NAME, name);
    int failed = model.failed || named.failed ? error_set(err, STATUS_FAILED, "out of memory") : 0;
    const uint64_t bytes = failed ? 0 : graph_size(o, &named, err);
    if (bytes) {
        write_proto(&model, to);
        failed = write_graph(o, &named, bytes, to, err);
        write_proto(&o->told, to);
    }
    proto_fini(&model);
    proto_fini(&named);
    return bytes ? failed : -1;
}
