/* SPDX-License-Identifier: MIT */
#include "log/tfevent.h"

#include <string.h>

/* Numbers of the fields. */
enum { EVENT_TIME = 1, EVENT_STEP = 2, EVENT_VERSION = 3, EVENT_SUMMARY = 5, EVENT_SESSION = 7 };
enum { SESSION_STATUS = 1 };
enum { SUMMARY_VALUE = 1 };
enum {
    VALUE_TAG = 1,
    VALUE_SCALAR = 2,
    VALUE_IMAGE = 4,
    VALUE_HISTOGRAM = 5,
    VALUE_TENSOR = 8,
    VALUE_METADATA = 9
};
enum { IMAGE_HEIGHT = 1, IMAGE_WIDTH = 2, IMAGE_COLORSPACE = 3, IMAGE_BYTES = 4 };
enum {
    HISTOGRAM_MIN = 1,
    HISTOGRAM_MAX = 2,
    HISTOGRAM_NUM = 3,
    HISTOGRAM_SUM = 4,
    HISTOGRAM_SQUARES = 5,
    HISTOGRAM_LIMIT = 6,
    HISTOGRAM_BUCKET = 7
};
enum { METADATA_PLUGIN = 1, METADATA_CLASS = 4, PLUGIN_NAME = 1, PLUGIN_CONTENT = 2 };
enum { CLASS_TENSOR = 2 };
enum { TENSOR_TYPE = 1, TENSOR_SHAPE = 2, TENSOR_FLOATS = 5, TENSOR_TEXTS = 8 };
enum { SHAPE_DIM = 2, DIM_SIZE = 1, TYPE_FLOAT = 1, TYPE_TEXT = 7 };
enum { HPARAMS_START = 3, HPARAMS_END = 4 };
enum { START_VALUES = 1, START_TIME = 5, END_STATUS = 1, END_TIME = 2 };
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2, JSON_NUMBER = 2, JSON_TEXT = 3, JSON_TRUTH = 4 };

static double seconds(int64_t ms)
{
    return (double)ms / 1000;
}

/* --- events */

void tfevent_begin(struct proto *w, int64_t now, int64_t step)
{
    w->size = 0;
    proto_double(w, EVENT_TIME, seconds(now));
    if (step)
        proto_whole(w, EVENT_STEP, (uint64_t)step);
}

void tfevent_version(struct proto *w)
{
    proto_text(w, EVENT_VERSION, "brain.Event:2");
}

void tfevent_session(struct proto *w, enum tfevent_session session)
{
    const size_t log = proto_begin(w, EVENT_SESSION);
    proto_whole(w, SESSION_STATUS, session);
    proto_end(w, log);
}

size_t tfevent_summary(struct proto *w)
{
    return proto_begin(w, EVENT_SUMMARY);
}

void tfevent_summary_end(struct proto *w, size_t begun)
{
    proto_end(w, begun);
}

/* --- values */

static size_t begin_value(struct proto *w, const char *tag)
{
    const size_t value = proto_begin(w, SUMMARY_VALUE);
    proto_text(w, VALUE_TAG, tag);
    return value;
}

void tfevent_scalar(struct proto *w, const char *tag, double x)
{
    const size_t value = begin_value(w, tag);
    proto_float(w, VALUE_SCALAR, (float)x);
    proto_end(w, value);
}

void tfevent_histogram(struct proto *w, const char *tag, const struct histogram *h)
{
    const size_t value = begin_value(w, tag), message = proto_begin(w, VALUE_HISTOGRAM);
    proto_double(w, HISTOGRAM_MIN, h->least);
    proto_double(w, HISTOGRAM_MAX, h->most);
    proto_double(w, HISTOGRAM_NUM, (double)h->count);
    proto_double(w, HISTOGRAM_SUM, h->sum);
    proto_double(w, HISTOGRAM_SQUARES, h->squares);
    proto_doubles(w, HISTOGRAM_LIMIT, h->end, h->bins);
    proto_doubles(w, HISTOGRAM_BUCKET, h->in, h->bins);
    proto_end(w, message);
    proto_end(w, value);
}

/* Four bytes, the highest first. */
static uint32_t big(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

int tfevent_png(struct proto *w, const char *tag, const unsigned char *png, size_t size)
{
    static const unsigned char begins[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    /* by the file's type of colour; TensorBoard's number is that of channels */
    static const unsigned char channels[] = {[0] = 1, [2] = 3, [3] = 3, [4] = 2, [6] = 4};
    enum { WIDTH = 16, HEIGHT = 20, COLOUR = 25, LEAST = 33 };
    if (size < LEAST || memcmp(png, begins, sizeof begins) != 0 || png[COLOUR] >= sizeof channels)
        return -1;
    const size_t value = begin_value(w, tag), image = proto_begin(w, VALUE_IMAGE);
    proto_whole(w, IMAGE_HEIGHT, big(png + HEIGHT));
    proto_whole(w, IMAGE_WIDTH, big(png + WIDTH));
    proto_whole(w, IMAGE_COLORSPACE, channels[png[COLOUR]]);
    proto_bytes(w, IMAGE_BYTES, png, size);
    proto_end(w, image);
    proto_end(w, value);
    return 0;
}

/* The value is a tensor that this plug-in of TensorBoard reads. */
static void put_metadata(struct proto *w, const char *plugin, const struct proto *content)
{
    const size_t metadata = proto_begin(w, VALUE_METADATA), data = proto_begin(w, METADATA_PLUGIN);
    proto_text(w, PLUGIN_NAME, plugin);
    if (content)
        proto_bytes(w, PLUGIN_CONTENT, content->bytes, content->size);
    proto_end(w, data);
    proto_whole(w, METADATA_CLASS, CLASS_TENSOR);
    proto_end(w, metadata);
}

void tfevent_text(struct proto *w, const char *tag, const char *text)
{
    const size_t value = begin_value(w, tag), tensor = proto_begin(w, VALUE_TENSOR);
    proto_whole(w, TENSOR_TYPE, TYPE_TEXT);
    proto_bytes(w, TENSOR_SHAPE, "", 0); /* of no dimension: one text */
    proto_text(w, TENSOR_TEXTS, text);
    proto_end(w, tensor);
    put_metadata(w, "text", NULL);
    proto_end(w, value);
}

/* --- hyperparameters */

/* The plug-in reads the metadata alone; the tensor [1] is there because a value needs one. */
static void put_hparams(struct proto *w, const char *tag, const struct proto *content)
{
    static const unsigned char zero[4];
    const size_t value = begin_value(w, tag), tensor = proto_begin(w, VALUE_TENSOR);
    proto_whole(w, TENSOR_TYPE, TYPE_FLOAT);
    const size_t shape = proto_begin(w, TENSOR_SHAPE), dim = proto_begin(w, SHAPE_DIM);
    proto_whole(w, DIM_SIZE, 1);
    proto_end(w, dim);
    proto_end(w, shape);
    proto_bytes(w, TENSOR_FLOATS, zero, sizeof zero);
    proto_end(w, tensor);
    put_metadata(w, "hparams", content);
    proto_end(w, value);
    w->failed |= content->failed;
}

static void put_hparam(struct proto *w, const char *name, const json_t *x)
{
    const size_t entry = proto_begin(w, START_VALUES);
    proto_text(w, ENTRY_KEY, name);
    const size_t value = proto_begin(w, ENTRY_VALUE);
    if (json_is_number(x))
        proto_double(w, JSON_NUMBER, json_number_value(x));
    else if (json_is_boolean(x))
        proto_whole(w, JSON_TRUTH, json_is_true(x));
    else
        proto_text(w, JSON_TEXT, json_is_string(x) ? json_string_value(x) : "");
    proto_end(w, value);
    proto_end(w, entry);
}

void tfevent_hparams(struct proto *w, const json_t *values, int64_t now)
{
    struct proto content = {0};
    const char *name;
    json_t *value;
    const size_t start = proto_begin(&content, HPARAMS_START);
    json_object_foreach((json_t *)values, name, value) put_hparam(&content, name, value);
    proto_double(&content, START_TIME, seconds(now));
    proto_end(&content, start);
    put_hparams(w, "_hparams_/session_start_info", &content);
    proto_fini(&content);
}

void tfevent_hparams_end(struct proto *w, enum tfevent_status status, int64_t now)
{
    struct proto content = {0};
    const size_t end = proto_begin(&content, HPARAMS_END);
    proto_whole(&content, END_STATUS, status);
    proto_double(&content, END_TIME, seconds(now));
    proto_end(&content, end);
    put_hparams(w, "_hparams_/session_end_info", &content);
    proto_fini(&content);
}

/* --- reading */

static int read_session(struct tfevent_seen *seen, const struct proto_field *log)
{
    const unsigned char *at = log->bytes;
    struct proto_field field;
    int more;
    if (!at)
        return -1;
    while ((more = proto_read(&at, log->bytes + log->size, &field)) > 0)
        if (field.number == SESSION_STATUS)
            seen->session = (enum tfevent_session)field.whole;
    return more;
}

int tfevent_read(struct tfevent_seen *seen, const unsigned char *bytes, size_t size)
{
    const unsigned char *at = bytes;
    struct proto_field field;
    int more;
    *seen = (struct tfevent_seen){0};
    while ((more = proto_read(&at, bytes + size, &field)) > 0) {
        if (field.number == EVENT_STEP)
            seen->step = (int64_t)field.whole;
        if (field.number == EVENT_SESSION && read_session(seen, &field))
            return -1;
    }
    return more;
}
