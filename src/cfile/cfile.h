/* SPDX-License-Identifier: MIT */
/*
 * cfile: the C99 code of a model, to which operations append their calls, and the file that it
 * becomes.
 *
 * Tensors of a graph with a batch of 1 are arrays of floats. A parameter is a table of its name,
 * `gru.weight_ih_l0` as gru_weight_ih_l0; an activation has a place in the work space, which it
 * keeps until cfile_release(); a view is its tensor. Where cfile_streams() a graph is of one row,
 * and what goes on from row to row lies in a state. What goes wrong is kept, and all that follows
 * does nothing: cfile_check() tells the first fault. The file owns all texts that it returns.
 */
#ifndef CFILE_CFILE_H
#define CFILE_CFILE_H

#include <stddef.h>
#include <stdio.h>

#include "error.h"
#include "tensor/tensor.h"

#define CFILE_MOST ((size_t)1 << 24) /* floats of the tables, of the state or of the work space */

struct cfile;

/* Copies the numbers of a parameter. */
typedef int cfile_reader(void *ctx, const struct tensor *param, float *to, struct error *err);

/* NULL without memory. */
struct cfile *cfile_new(cfile_reader *read, void *ctx, int streams);
void cfile_free(struct cfile *c);

/* The first fault; 0: there is none. */
int cfile_check(const struct cfile *c, struct error *err);

/* Keeps that this cannot be done. */
void cfile_fault(struct cfile *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Keeps that memory ran out. */
void cfile_no_memory(struct cfile *c);

/* Whether rows come one by one. */
int cfile_streams(const struct cfile *c);

/* --- places, as expressions of C that point to floats */

/* Where the elements of a tensor lie. */
const char *cfile_of(struct cfile *c, struct tensor *t);

/* The same of an output, which gets a place. */
const char *cfile_make(struct cfile *c, struct tensor *t);

/* `t` has the place of `as`, of as many elements. */
void cfile_same(struct cfile *c, struct tensor *t, struct tensor *as);

/* Nothing reads the tensor any more: its place is free. */
void cfile_release(struct cfile *c, const struct tensor *t);

/* Work space for one operation, which ends with cfile_room_end(). */
const char *cfile_room(struct cfile *c, size_t floats);
void cfile_room_end(struct cfile *c);

/* Floats that stay from row to row, zeros to begin with; where rows do not come one by one, of the
 * work space, filled with zeros. */
const char *cfile_state(struct cfile *c, size_t floats);

/* --- code */

/* Appends a call of a function of helpers.c, which the file then has: "linear", "%s, %s, 3, 4". */
void cfile_call(struct cfile *c, const char *function, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The file has this function. */
void cfile_need(struct cfile *c, const char *function);

/* A number as a constant of type float, "0.5f". */
const char *cfile_real(struct cfile *c, double value);

/* A comment in front of what follows. */
void cfile_note(struct cfile *c, const char *text);

/* --- the file */

/* Floats of the state, and of the work space; numbers of all tables. */
size_t cfile_kept(const struct cfile *c);
size_t cfile_work(const struct cfile *c);
size_t cfile_numbers(const struct cfile *c);

/* The functions and tables that the calls need. Whether the stream took them, who flushes it sees.
 */
void cfile_write_tables(struct cfile *c, FILE *to);

/* The calls, one a line, indented. */
void cfile_write_calls(struct cfile *c, FILE *to);

/* A table of floats, or of doubles: "static const TYPE NAME[count] = {...};". The locale is C's. */
void cfile_write_floats(FILE *to, const char *name, size_t count, const float *value);
void cfile_write_doubles(FILE *to, const char *name, size_t count, const double *value);

#endif
