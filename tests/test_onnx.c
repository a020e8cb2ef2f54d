/* SPDX-License-Identifier: MIT */
/*
 * Models as files of ONNX, read here by their fields: each value is made before it is read, names
 * are made once, operators are of opset 17, parameters are there with their numbers, and the nodes
 * of small models are those that were written down by hand. Whether they compute what they should,
 * peer/onnx_export.py tries in onnxruntime.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/scaler.h"
#include "export/as_onnx.h"
#include "models/model.h"
#include "ok.h"
#include "onnx/onnx.h"
#include "train/planned.h"
#include "util/proto.h"

/* --- a reader */

enum { MOST = 4096, ROOM = 1 << 16 };

/* What is in a file. */
struct seen {
    char *bytes;
    size_t size;
    char *name[MOST]; /* of values that are there, initialisers first */
    size_t names, initials;
    const unsigned char *raw[MOST];                          /* numbers of an initialiser */
    double sum[MOST];                                        /* of the numbers of an initialiser */
    char nodes[ROOM], inputs[512], outputs[512], told[ROOM]; /* types, "NAME shape" */
    unsigned opset, version;
};

static int is_there(const struct seen *s, const char *name)
{
    for (size_t i = 0; i < s->names; i++)
        if (!strcmp(s->name[i], name))
            return 1;
    return 0;
}

static void make_name(struct seen *s, const struct proto_field *f)
{
    char *name = strndup((const char *)f->bytes, f->size);
    assert_non_null(name);
    if (is_there(s, name))
        fail_msg("%s is made twice", name);
    assert_true(s->names < MOST);
    s->name[s->names++] = name;
}

static void add(char *to, size_t room, const char *format, ...)
{
    va_list ap;
    const size_t used = strlen(to);
    va_start(ap, format);
    vsnprintf(to + used, room - used, format, ap);
    va_end(ap);
    assert_true(strlen(to) + 1 < room);
}

/* TensorProto: its type, its shape and as many bytes as that has. */
static void read_initial(struct seen *s, const struct proto_field *message)
{
    const unsigned char *at = message->bytes, *end = at + message->size;
    struct proto_field f, raw = {0};
    uint64_t elems = 1, type = 0;
    const size_t number = s->names;
    while (proto_read(&at, end, &f) > 0) {
        if (f.number == 1)
            elems *= f.whole;
        else if (f.number == 2)
            type = f.whole;
        else if (f.number == 8)
            make_name(s, &f);
        else if (f.number == 9)
            raw = f;
    }
    assert_ptr_equal(at, end);
    assert_int_equal(s->names, number + 1);
    assert_true(type == ONNX_FLOAT || type == ONNX_INT64);
    assert_int_equal(raw.size, elems * (type == ONNX_FLOAT ? 4 : 8));
    s->raw[number] = raw.bytes;
    for (uint64_t i = 0; type == ONNX_FLOAT && i < elems; i++) {
        float x;
        memcpy(&x, raw.bytes + 4 * i, sizeof x);
        s->sum[number] += (double)x;
    }
}

/* Operators of opset 17 that models are made of. */
static const char *const operators =
    " Abs Add Clip Concat Conv Div Equal Erf Exp GRU Gather Greater Identity LSTM "
    "LayerNormalization LeakyRelu LessOrEqual MatMul Max MaxPool Mul Pow RNN Range ReduceL2 "
    "ReduceMean Relu Reshape Shape Sigmoid Sign Sinh Slice Softmax Split Sqrt Squeeze Sub Tanh "
    "Transpose Unsqueeze Where ";

static void read_node(struct seen *s, const struct proto_field *message)
{
    const unsigned char *at = message->bytes, *end = at + message->size;
    struct proto_field f;
    char type[64] = "", word[80];
    while (proto_read(&at, end, &f) > 0) {
        char name[512];
        snprintf(name, sizeof name, "%.*s", (int)f.size, (const char *)f.bytes);
        if (f.number == 1 && f.size && !is_there(s, name))
            fail_msg("%s is read before it is made", name);
        else if (f.number == 2)
            make_name(s, &f);
        else if (f.number == 4)
            snprintf(type, sizeof type, "%.*s", (int)f.size, (const char *)f.bytes);
    }
    assert_ptr_equal(at, end);
    snprintf(word, sizeof word, " %s ", type);
    if (!strstr(operators, word))
        fail_msg("%s is none of the operators", type);
    add(s->nodes, sizeof s->nodes, "%s ", type);
}

/* The bytes of the only field of a message. */
static struct proto_field inside(struct proto_field f, unsigned number)
{
    const unsigned char *at = f.bytes, *end = at + f.size;
    struct proto_field in = {0};
    while (proto_read(&at, end, &in) > 0 && in.number != number)
        ;
    assert_int_equal(in.number, number);
    return in;
}

/* ValueInfoProto: "input [batch, 5, 3]" */
static void read_port(struct seen *s, const struct proto_field *message, char to[512], int makes)
{
    const struct proto_field name = inside(*message, 1);
    const struct proto_field shape = inside(inside(inside(*message, 2), 1), 2);
    const unsigned char *at = shape.bytes, *end = at + shape.size;
    struct proto_field dim;
    if (makes)
        make_name(s, &name);
    add(to, 512, "%s%.*s [", *to ? ", " : "", (int)name.size, (const char *)name.bytes);
    for (const char *comma = ""; proto_read(&at, end, &dim) > 0; comma = ", ") {
        const unsigned char *from = dim.bytes;
        struct proto_field f;
        assert_int_equal(proto_read(&from, dim.bytes + dim.size, &f), 1);
        if (f.number == 2)
            add(to, 512, "%s%.*s", comma, (int)f.size, (const char *)f.bytes);
        else
            add(to, 512, "%s%zu", comma, (size_t)f.whole);
    }
    add(to, 512, "]");
}

/* Fields of the graph with this number, in order. */
static void read_graph(struct seen *s, const struct proto_field *graph, unsigned number)
{
    const unsigned char *at = graph->bytes, *end = at + graph->size;
    struct proto_field f;
    int more;
    while ((more = proto_read(&at, end, &f)) > 0) {
        if (f.number != number)
            continue;
        if (number == 5)
            read_initial(s, &f);
        else if (number == 1)
            read_node(s, &f);
        else
            read_port(s, &f, number == 11 ? s->inputs : s->outputs, number == 11);
    }
    assert_int_equal(more, 0);
}

static void read_model(struct seen *s)
{
    const unsigned char *at = (unsigned char *)s->bytes, *end = at + s->size;
    struct proto_field f, graph = {0};
    int more;
    while ((more = proto_read(&at, end, &f)) > 0) {
        if (f.number == 1)
            s->version = (unsigned)f.whole;
        else if (f.number == 7)
            graph = f;
        else if (f.number == 8)
            s->opset = (unsigned)inside(f, 2).whole;
        else if (f.number == 14)
            add(s->told, sizeof s->told, "%.*s=%.*s\n", (int)inside(f, 1).size,
                (const char *)inside(f, 1).bytes, (int)inside(f, 2).size,
                (const char *)inside(f, 2).bytes);
    }
    assert_int_equal(more, 0);
    assert_int_equal(s->version, ONNX_IR);
    assert_int_equal(s->opset, ONNX_OPSET);
    read_graph(s, &graph, 5);
    s->initials = s->names;
    read_graph(s, &graph, 11);
    read_graph(s, &graph, 1);
    read_graph(s, &graph, 12);
}

static void seen_fini(struct seen *s)
{
    for (size_t i = 0; i < s->names; i++)
        free(s->name[i]);
    free(s->bytes);
    free(s);
}

/* --- models that were never trained */

/* Numbers of a parameter that tell it from others. */
static float number_of(const char *name, size_t i)
{
    unsigned hash = 5381;
    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return (float)((hash + 7 * i) % 1009) / 1009 - 0.5f;
}

static int read_numbers(const struct exported *e, const struct tensor *param, float *to,
                        struct error *error)
{
    (void)e;
    (void)error;
    for (size_t i = 0; i < param->elems; i++)
        to[i] = number_of(param->name, i);
    return 0;
}

struct opened {
    struct exported e;
    struct fitted fitted;
    struct config *config;
    struct log *log;
};

static void open_data(struct opened *m, size_t scaled, size_t targets)
{
    struct scaler *s = &m->fitted.scaler;
    assert_int_equal(scaler_init(s, m->config->data.scaler.kind, scaled), 0);
    for (size_t i = 0; i < scaled && s->kind == SCALER_STANDARD; i++) {
        s->offset[i] = 10.0 + (double)i;
        s->scale[i] = 2.0 + (double)i;
    }
    m->fitted.targets = targets;
    assert_non_null(m->fitted.transform = calloc(targets + 1, sizeof *m->fitted.transform));
    for (size_t k = 0; k < targets; k++) {
        struct transform *t = &m->fitted.transform[k];
        OK(transform_parse(t, &m->config->data.target_transform, &err));
        for (size_t i = 0; i < t->steps; i++)
            t->step[i].offset = 3.0 + (double)k;
    }
    m->e.data = dataset_blank(m->config, &m->fitted, 1, m->log, &err);
    if (!m->e.data)
        fail_msg("%s", err.text);
}

/* A model of these settings, with so many scaled columns and transforms. */
static struct opened *opened(char *const *settings, size_t scaled, size_t targets)
{
    struct opened *m = calloc(1, sizeof *m);
    size_t count = 0;
    while (settings[count])
        count++;
    assert_non_null(m);
    assert_non_null(m->log = log_new(LOG_QUIET));
    if (!(m->config = config_load_with(NULL, settings, count, model_check, &err)))
        fail_msg("%s", err.text);
    m->e.config = m->config;
    m->e.fitted = &m->fitted;
    m->e.read = read_numbers;
    m->e.by_row = model_of(m->config)->reads_tokens ||
                  (targets && m->config->data.target_rows == TARGET_WINDOW);
    if (scaled) {
        open_data(m, scaled, targets);
        m->e.shape = planned_shape(m->e.data, m->config, m->e.data->window);
    } else {
        m->e.shape = (struct model_shape){.window = (size_t)m->config->data.window,
                                          .vocabulary = 37,
                                          .prefix = model_prefix(m->config)};
        model_clip(m->config, &m->e.shape.clip_rows, &m->e.shape.clip_columns);
    }
    assert_non_null(m->e.params = planned_params(m->config, 0));
    assert_non_null(m->e.graph =
                        model_bare(m->e.params, m->config, EXPORTED_BATCH, &m->e.shape, &m->e.io));
    OK(graph_check_built(m->e.graph, &err));
    return m;
}

static void opened_close(struct opened *m)
{
    struct error late;
    exported_close(&m->e);
    scaler_fini(&m->fitted.scaler);
    free(m->fitted.transform);
    config_free(m->config);
    log_close(m->log, &late);
    free(m);
}

static struct seen *written(struct opened *m)
{
    struct seen *s = calloc(1, sizeof *s);
    char told[256];
    assert_non_null(s);
    FILE *to = open_memstream(&s->bytes, &s->size);
    assert_non_null(to);
    OK(export_onnx.write(&m->e, to, told, &err));
    assert_int_equal(fclose(to), 0);
    assert_non_null(strstr(told, " nodes, "));
    read_model(s);
    return s;
}

/* The sum of what read_numbers() gives for the parameters whose names begin and end so. */
static double sum_of(const struct params *p, const char *name)
{
    double sum = 0;
    size_t found = 0;
    for (size_t k = 0; k < p->count; k++) {
        const struct tensor *t = &p->list[k]->value;
        if (strcmp(t->name, name) != 0)
            continue;
        found++;
        for (size_t i = 0; i < t->elems; i++)
            sum += (double)number_of(t->name, i);
    }
    return found ? sum : (double)NAN;
}

/* The numbers of an initialiser are those of parameters: its own; of a recurrent layer with those
 * of the other direction; of its biases with the recurrent ones. */
static double wanted_sum(const struct params *p, const char *name, int both)
{
    char other[300];
    const char *bias = strstr(name, "bias_l");
    double sum = 0;
    for (int d = 0; d <= both; d++) {
        const char *back = d ? "_reverse" : "";
        if (!bias || bias == name) {
            snprintf(other, sizeof other, "%s%s", name, back);
            sum += sum_of(p, other);
            continue;
        }
        for (int hidden = 0; hidden < 2; hidden++) {
            snprintf(other, sizeof other, "%.*sbias_%s%s%s", (int)(bias - name), name,
                     hidden ? "hh" : "ih", bias + 4, back);
            sum += sum_of(p, other);
        }
    }
    return sum;
}

/* Each parameter is there with its numbers; so many initialisers are parameters. */
static void hold_numbers(const struct seen *s, const struct opened *m)
{
    size_t found = 0, params = 0, merged = 0;
    for (size_t i = 0; i < s->initials; i++) {
        const int recurrent =
            strstr(s->name[i], "_l") && strchr("0123456789", *(strstr(s->name[i], "_l") + 2));
        const double sum =
            wanted_sum(m->e.params, s->name[i], recurrent && m->config->model.bidirectional);
        if (isnan(sum))
            continue;
        found++;
        if (fabs(sum - s->sum[i]) > 1e-5)
            fail_msg("%s: the sum is %.9g, not %.9g", s->name[i], s->sum[i], sum);
    }
    for (size_t k = 0; k < m->e.params->count; k++) {
        const char *name = m->e.params->list[k]->value.name;
        merged += strstr(name, "bias_hh") || strstr(name, "_reverse");
        params +=
            !strstr(name, "num_batches") && !strstr(name, "bias_hh") && !strstr(name, "_reverse");
    }
    if (found != params)
        fail_msg("%zu initialisers are parameters, not %zu (%zu more are in others)", found, params,
                 merged);
}

#define SERIES "data.source=none.csv", "data.features=a,b,c", "model.dropout=0.1"

/* What is written of a model has these inputs and outputs and, unless NULL, nodes. */
static void hold(char *const *settings, size_t scaled, size_t targets, const char *inputs,
                 const char *outputs, const char *nodes)
{
    struct opened *m = opened(settings, scaled, targets);
    struct seen *s = written(m);
    assert_string_equal(s->inputs, inputs);
    assert_string_equal(s->outputs, outputs);
    if (nodes)
        assert_string_equal(s->nodes, nodes);
    hold_numbers(s, m);
    seen_fini(s);
    opened_close(m);
}

static void autoencoders(void **state)
{
    (void)state;
    char *plain[] = {SERIES,          "data.window=5",  "data.scaler=standard", "model.d_model=8",
                     "model.heads=2", "model.layers=1", "model.latent=4",       NULL};
    char *apart[] = {SERIES,
                     "data.window=5",
                     "data.scaler=window",
                     "data.channels=apart",
                     "model.d_model=8",
                     "model.heads=2",
                     "model.layers=1",
                     "model.latent=4",
                     "loss.contrastive=nt_xent",
                     NULL};
    hold(plain, 3, 0, "input [batch, 5, 3]", "reconstruction [batch, 5, 3], latent [batch, 4]",
         NULL);
    hold(apart, 3, 0, "input [batch, 5, 3]", "reconstruction [batch, 5, 3], latent [batch, 3, 4]",
         NULL);
}

#define TARGET "data.targets=a,b", "data.target_transform=signed_log, standard"

static void recurrent(void **state)
{
    (void)state;
    char *gru[] = {SERIES,
                   TARGET,
                   "data.window=5",
                   "data.scaler=none",
                   "model.type=recurrent",
                   "model.cell=gru",
                   "model.hidden=4",
                   "model.layers=1",
                   "data.target_rows=window",
                   "data.target_transform=none",
                   NULL};
    char *lstm[] = {SERIES,
                    TARGET,
                    "data.window=5",
                    "model.type=recurrent",
                    "model.cell=lstm",
                    "model.hidden=4",
                    "model.layers=2",
                    "model.layer_norm=yes",
                    "model.head=mean",
                    "model.bidirectional=yes",
                    NULL};
    char *rnn[] = {SERIES,
                   TARGET,
                   "data.window=5",
                   "data.horizon=2",
                   "data.target_rows=each",
                   "model.type=recurrent",
                   "model.cell=rnn",
                   "model.hidden=4",
                   "model.layers=2",
                   "model.head=attention",
                   "model.attention_layers=1",
                   "model.heads=2",
                   NULL};
    hold(gru, 3, 2, "input [batch, rows, 3]", "output [batch, rows, 2]",
         "Transpose GRU Transpose Reshape Transpose MatMul Add Identity ");
    hold(lstm, 3, 2, "input [batch, 5, 3]", "output [batch, 1, 2]", NULL);
    hold(rnn, 3, 2, "input [batch, 5, 3]", "output [batch, 2, 2]", NULL);
}

/* Block k of an initialiser begins with the number of a parameter at order[k] `block`. */
static void hold_gates(const struct seen *s, const char *name, const char *param, size_t block,
                       size_t first, const size_t *order, size_t gates)
{
    size_t at = 0;
    while (at < s->initials && strcmp(s->name[at], name) != 0)
        at++;
    assert_true(at < s->initials);
    for (size_t k = 0; k < gates; k++) {
        float x;
        memcpy(&x, s->raw[at] + (first + k) * block * sizeof x, sizeof x);
        assert_float_equal(x, number_of(param, order[k] * block), 0);
    }
}

/* ONNX has i o f c and z r h, PyTorch i f g o and r z n. */
static void gates(void **state)
{
    (void)state;
    static const size_t lstm_order[] = {0, 3, 1, 2}, gru_order[] = {1, 0, 2};
    char *lstm[] = {SERIES,
                    TARGET,
                    "data.window=5",
                    "model.type=recurrent",
                    "model.cell=lstm",
                    "model.hidden=4",
                    "model.layers=1",
                    NULL};
    char *gru[] = {SERIES,           TARGET,           "data.window=5",  "model.type=recurrent",
                   "model.cell=gru", "model.hidden=4", "model.layers=1", NULL};
    struct opened *m = opened(lstm, 3, 2);
    struct seen *s = written(m);
    hold_gates(s, "lstm.weight_ih_l0", "lstm.weight_ih_l0", 4 * 3, 0, lstm_order, 4);
    hold_gates(s, "lstm.weight_hh_l0", "lstm.weight_hh_l0", 4 * 4, 0, lstm_order, 4);
    hold_gates(s, "lstm.bias_l0", "lstm.bias_ih_l0", 4, 0, lstm_order, 4);
    hold_gates(s, "lstm.bias_l0", "lstm.bias_hh_l0", 4, 4, lstm_order, 4);
    seen_fini(s);
    opened_close(m);
    m = opened(gru, 3, 2);
    s = written(m);
    hold_gates(s, "gru.weight_ih_l0", "gru.weight_ih_l0", 4 * 3, 0, gru_order, 3);
    hold_gates(s, "gru.bias_l0", "gru.bias_hh_l0", 4, 3, gru_order, 3);
    seen_fini(s);
    opened_close(m);
}

static void convolutions(void **state)
{
    (void)state;
    char *tcn[] = {SERIES,
                   TARGET,
                   "data.window=9",
                   "data.scaler=none",
                   "model.type=tcn",
                   "model.hidden=4",
                   "model.layers=1",
                   "data.target_rows=window",
                   "data.target_transform=none",
                   NULL};
    char *cnn[] = {SERIES,
                   TARGET,
                   "data.window=12",
                   "model.type=cnn_recurrent",
                   "model.conv_channels=4, 6",
                   "model.conv_norm=batch",
                   "model.conv_pool=2",
                   "model.hidden=4",
                   "model.layers=1",
                   "model.head=flatten",
                   "model.reversible_norm=yes",
                   NULL};
    hold(tcn, 3, 2, "input [batch, rows, 3]", "output [batch, rows, 2]",
         "Transpose Conv Transpose Add Relu Transpose Conv Transpose Add Relu " /* conv1, conv2 */
         "Transpose Conv Transpose Add Add Relu "                               /* downsample */
         "Transpose MatMul Add Identity ");
    hold(cnn, 3, 2, "input [batch, 12, 3]", "output [batch, 1, 2]", NULL);
}

static void attention(void **state)
{
    (void)state;
    char *turned[] = {SERIES,
                      TARGET,
                      "data.window=6",
                      "model.type=transformer",
                      "model.d_model=12",
                      "model.heads=4",
                      "model.kv_heads=2",
                      "model.layers=1",
                      "model.attention=causal",
                      "model.positions=rotary",
                      "model.norm=rms",
                      "data.target_rows=window",
                      NULL};
    char *dgru[] = {"data.source=none.csv", "data.features=I,Q",
                    "data.targets=I,Q",     "data.target_rows=window",
                    "data.window=6",        "data.scaler=none",
                    "model.type=dgru",      "model.hidden=5",
                    "model.layers=1",       NULL};
    hold(turned, 3, 2, "input [batch, rows, 3]", "output [batch, rows, 2]", NULL);
    hold(dgru, 2, 2, "input [batch, rows, 2]", "output [batch, rows, 2]", NULL);
}

#define TEXT                                                                            \
    "data.source=none.txt", "data.tokenizer=bytes", "data.window=7", "model.d_model=8", \
        "model.heads=2", "model.layers=1"

static void texts(void **state)
{
    (void)state;
    char *gpt2[] = {TEXT, "model.type=language", NULL};
    char *qwen[] = {TEXT, "model.type=language", "model.shape=qwen3", NULL};
    char *captions[] = {TEXT,
                        "model.type=captioner",
                        "encoder.rows=3",
                        "encoder.columns=5",
                        "model.projector=queries",
                        "model.queries=2",
                        NULL};
    hold(gpt2, 0, 0, "tokens [batch, rows]", "logits [batch, rows, 37]", NULL);
    hold(qwen, 0, 0, "tokens [batch, rows]", "logits [batch, rows, 37]", NULL);
    hold(captions, 0, 0, "tokens [batch, rows], clip [batch, 3, 5]",
         "logits [batch, clip_and_rows, 37]", NULL);
}

static void streams(void **state)
{
    (void)state;
    char *lstm[] = {SERIES,
                    TARGET,
                    "data.window=5",
                    "data.scaler=none",
                    "model.type=recurrent",
                    "model.cell=lstm",
                    "model.hidden=4",
                    "model.layers=2",
                    "data.target_rows=window",
                    NULL};
    char *last[] = {SERIES, TARGET, "data.window=5", "model.type=recurrent", NULL};
    struct opened *m = opened(lstm, 3, 2);
    OK(exported_stream(&m->e, "--state", &err));
    struct seen *s = written(m);
    assert_string_equal(s->inputs, "input [batch, rows, 3], state [4, batch, 4]");
    assert_string_equal(s->outputs, "output [batch, rows, 2], next_state [4, batch, 4]");
    assert_non_null(strstr(s->nodes, "Slice Slice LSTM "));
    seen_fini(s);
    opened_close(m);
    m = opened(last, 3, 2);
    assert_int_equal(exported_stream(&m->e, "--state", &err), -1);
    assert_non_null(strstr(err.text, "begins each window anew"));
    opened_close(m);
}

static void metadata(void **state)
{
    (void)state;
    char *gru[] = {SERIES,
                   TARGET,
                   "data.window=5",
                   "data.scaler=standard",
                   "model.type=recurrent",
                   "model.hidden=4",
                   "model.layers=1",
                   NULL};
    struct opened *m = opened(gru, 3, 2);
    struct seen *s = written(m);
    assert_non_null(strstr(s->told,
                           "model.type=recurrent\nwindow=5\nfeatures=[\"a\", \"b\", \"c\"]\n"
                           "targets=[\"a\", \"b\"]\nscaler={\"kind\": \"standard\", "
                           "\"offset\": [10.0, 11.0, 12.0], \"scale\": [2.0, 3.0, 4.0]}\n"
                           "target_transform=[["));
    assert_memory_equal(s->told, "seqtrain.version=", 17);
    seen_fini(s);
    opened_close(m);
}

/* --- the graph by itself */

static int no_numbers(void *ctx, const struct tensor *param, float *to, struct error *error)
{
    (void)ctx;
    (void)to;
    return error_set(error, STATUS_INPUT, "%s: not there", param->name);
}

static void faults(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    struct tensor huge = {.name = "huge",
                          .kind = TENSOR_PARAM,
                          .rank = 2,
                          .dim = {(size_t)1 << 15, (size_t)1 << 14},
                          .elems = (size_t)1 << 29};
    struct tensor lost = {.name = "lost", .kind = TENSOR_PARAM, .rank = 1, .dim = {2}, .elems = 2};
    struct tensor none = {.name = "none", .kind = TENSOR_ACTIVATION, .rank = 1, .dim = {2}};
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    struct onnx *o = onnx_new(no_numbers, NULL);
    assert_string_equal(onnx_of(o, &huge), "huge");
    assert_int_equal(onnx_write(o, "g", "test", "1", to, &err), -1);
    assert_string_equal(err.text,
                        "the model takes 2.0 GiB, and a file of ONNX holds 2 GiB at most");
    assert_int_equal(err.status, STATUS_USAGE);
    onnx_free(o);
    o = onnx_new(no_numbers, NULL);
    assert_string_equal(onnx_of(o, &lost), "lost");
    assert_int_equal(onnx_write(o, "g", "test", "1", to, &err), -1);
    assert_string_equal(err.text, "lost: not there");
    onnx_free(o);
    o = onnx_new(no_numbers, NULL);
    assert_string_equal(onnx_of(o, &none), "");
    assert_string_equal(onnx_one(o, "Relu", "x"), "");
    assert_int_equal(onnx_check(o, &err), -1);
    assert_string_equal(err.text, "none: no operation of the exported graph makes it");
    onnx_free(o);
    fclose(to);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(autoencoders), cmocka_unit_test(recurrent), cmocka_unit_test(gates),
        cmocka_unit_test(convolutions), cmocka_unit_test(attention), cmocka_unit_test(texts),
        cmocka_unit_test(streams),      cmocka_unit_test(metadata),  cmocka_unit_test(faults),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
