/* SPDX-License-Identifier: MIT */
/*
 * tfevent: the messages of TensorBoard's event files: an Event is a time, a step, and a Summary of
 * values with tags or a note on the session. Their fields are those of TensorFlow's event.proto,
 * summary.proto and tensor.proto, and of plugin_data.proto of TensorBoard's plug-in "hparams".
 */
#ifndef LOG_TFEVENT_H
#define LOG_TFEVENT_H

#include <jansson.h>

#include "log/histogram.h"
#include "util/proto.h"

enum tfevent_session { TFEVENT_START = 1, TFEVENT_STOP = 2 };
enum tfevent_status { TFEVENT_SUCCESS = 1, TFEVENT_FAILURE = 2 };

/* An event in place of what was in `w`; `now` in milliseconds since 1970. */
void tfevent_begin(struct proto *w, int64_t now, int64_t step);

/* In an event: the version of the file's format, or that a session starts or stops. */
void tfevent_version(struct proto *w);
void tfevent_session(struct proto *w, enum tfevent_session session);

/* In an event: a summary, of the values in between. */
size_t tfevent_summary(struct proto *w);
void tfevent_summary_end(struct proto *w, size_t begun);

/* In a summary. */
void tfevent_scalar(struct proto *w, const char *tag, double value);
void tfevent_histogram(struct proto *w, const char *tag, const struct histogram *h);
void tfevent_text(struct proto *w, const char *tag, const char *text);
/* -1 if the bytes are no PNG file. */
int tfevent_png(struct proto *w, const char *tag, const unsigned char *png, size_t size);
/* "name": text, number or truth. */
void tfevent_hparams(struct proto *w, const json_t *values, int64_t now);
void tfevent_hparams_end(struct proto *w, enum tfevent_status status, int64_t now);

/* What a resume asks of an event that was read. */
struct tfevent_seen {
    int64_t step;
    enum tfevent_session session; /* 0: none */
};
/* -1: it is none. */
int tfevent_read(struct tfevent_seen *seen, const unsigned char *bytes, size_t size);

#endif
