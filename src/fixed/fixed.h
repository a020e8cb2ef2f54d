/* SPDX-License-Identifier: MIT */
/*
 * fixed: a model that answers row by row, in integers, while operations append steps to it.
 *
 * This is the only description of such a model. `measured` runs it in double precision and finds
 * how large its values become, `emulated` runs it in integers, `text` writes it in C.
 *
 * A number is q / 2^bits: all scales are powers of two, as the Q formats of signal processors. A
 * scale is then a shift, which is wires in an FPGA and one instruction of a DSP or an MCU; a real
 * scale would take a wide multiplication for each output. It costs half a bit on average.
 *
 *   values   16 bits, a format for each, by the largest magnitude in the training rows
 *   weights  8 or 16 bits, symmetric (-127 to 127), a format for each output
 *   sums     exact, in 32 or 64 bits; biases are added to them
 *   gates    32 bits, FIXED_GATE of them behind the point; sigmoid and tanh are interpolated
 *            between the FIXED_TABLE + 1 numbers of one table of tanh: sigmoid(a) = (1 +
 *            tanh(a / 2)) / 2
 *   states   16 bits, 15 of them behind the point; those of an LSTM's cells as values
 *
 * Weights and biases are rounded to the nearest integer, halves to even, what is shifted to the
 * nearest, halves up. What does not fit takes the largest or smallest number that there is.
 *
 * What goes wrong is kept, and all that follows does nothing: fixed_check() tells the first fault.
 * A model owns its steps, values and numbers.
 */
#ifndef FIXED_FIXED_H
#define FIXED_FIXED_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "tensor/tensor.h"

#define FIXED_GATE 16
#define FIXED_STATE 15
#define FIXED_GATE_MOST ((1 << 30) - 1) /* of a sum that a gate gets */
#define FIXED_TABLE 512                 /* tanh(i / 2^FIXED_STEP), up to 8 */
#define FIXED_STEP 6
#define FIXED_MOST ((size_t)1 << 20) /* numbers of a model's weights, and of its state */

/* Copies the numbers of a parameter. */
typedef int fixed_reader(void *ctx, const struct tensor *param, float *to, struct error *err);

/* What a step makes, or a state that it keeps: [columns]. */
struct fixed_value {
    const struct tensor *tensor; /* NULL: a state */
    char *name;                  /* owned */
    size_t columns, at;          /* at: its place among the values of a row */
    int bits;                    /* behind the point, once it is settled */
    int is_settled;              /* from the beginning: as a state, or by training */
    double most;                 /* largest magnitude that it had */
};

/* y [out] = w [out, in] x + b */
struct fixed_matrix {
    char *name; /* of the weight; owned */
    size_t out, in;
    float *number, *bias; /* [out, in], [out]: as trained */
    int32_t *weight;      /* [out, in] */
    int32_t *base;        /* [out]: the bias, as the sums are */
    signed char *shift;   /* [out]: what a sum is shifted by, to become y */
    int is_narrow;        /* no sum leaves 32 bits */
};

enum fixed_kind {
    FIXED_LINEAR,
    FIXED_GRU,  /* nn.GRU: gates r z n */
    FIXED_LSTM, /* nn.LSTM: i f g o */
    FIXED_RNN,
    FIXED_JOIN,   /* [a, b] */
    FIXED_SUM,    /* a + b */
    FIXED_UNFOLD, /* the rows that a convolution reads: column i of the row that lies (kernel - 1 -
                     k) dilation back is at [i, k] */
    FIXED_IQ      /* I, Q, |x|, |x|^3, sin, cos of I, Q */
};

struct fixed_step {
    enum fixed_kind kind;
    size_t in[2], out, cell;        /* values; cell: c of an LSTM */
    struct fixed_matrix *matrix[2]; /* of the input; of the state */
    int relu;                       /* of a linear step or a sum */
    size_t kernel, dilation;
    size_t kept; /* place of its first number among those that go on from row to row */
};

struct fixed {
    fixed_reader *read;
    void *ctx;
    int weight_bits; /* 8 or 16 */
    int failed;
    struct error fault;
    struct fixed_value **value;
    size_t values;
    struct fixed_step **step;
    size_t steps;
    struct fixed_matrix **matrix;
    size_t matrices;
    size_t input, output;           /* values */
    size_t kept, places, numbers;   /* 16-bit numbers from row to row, of a row; weights */
    size_t sums;                    /* most sums of a step */
    int16_t table[FIXED_TABLE + 1]; /* of tanh, 15 bits behind the point */
};

/* NULL without memory. */
struct fixed *fixed_new(int weight_bits, fixed_reader *read, void *ctx);
void fixed_free(struct fixed *f);

/* The first fault; 0: there is none. */
int fixed_check(const struct fixed *f, struct error *err);

/* Keeps that this cannot be done. */
void fixed_fault(struct fixed *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- steps, between tensors of one row */

/* The row that goes in, and what comes out. */
void fixed_begin(struct fixed *f, const struct tensor *x);
void fixed_end(struct fixed *f, struct tensor *y);

/* y = w x, w [out, in]. */
void fixed_linear(struct fixed *f, struct tensor *x, const struct tensor *w,
                  const struct tensor *y);

/* y = x + b, and y = max(x, 0), where the step in front has made x. */
void fixed_bias(struct fixed *f, struct tensor *x, const struct tensor *b, const struct tensor *y);
void fixed_relu(struct fixed *f, struct tensor *x, const struct tensor *y);

/* y is x. */
void fixed_same(struct fixed *f, struct tensor *x, const struct tensor *y);

/* A recurrent layer: W_ih, W_hh, b_ih, b_hh. */
void fixed_cell(struct fixed *f, enum fixed_kind kind, struct tensor *x,
                struct tensor *const param[4], const struct tensor *y);

void fixed_join(struct fixed *f, struct tensor *a, struct tensor *b, const struct tensor *y);
void fixed_sum(struct fixed *f, struct tensor *a, struct tensor *b, const struct tensor *y);
void fixed_unfold(struct fixed *f, struct tensor *x, size_t kernel, size_t dilation,
                  const struct tensor *y);
void fixed_iq(struct fixed *f, struct tensor *x, const struct tensor *y);

/* --- numbers */

/* Most fraction bits with which `most` is not above `largest`; -15 to 20. */
int fixed_bits(double most, int largest);

/* Rows of weights [rows, columns] to what they are in integers of 8 or 16 bits. */
void fixed_round(float *w, size_t rows, size_t columns, int weight_bits);

/* Formats and integers of all, by the values' `most`. */
int fixed_settle(struct fixed *f, struct error *err);

/* A number as an integer of 16 bits. */
int16_t fixed_number(double x, int bits);

#endif
