/* SPDX-License-Identifier: MIT */
/*
 * ops: what models are made of. Each function appends the forward launches of one op to a graph,
 * returns its output and, in a training graph, registers the backward pass. Ops know tensors and
 * kernels, nothing of configurations or data. A graph that ran out of memory is reported by
 * graph_plan(), so that ops need no error of their own.
 *
 * `sample` [B] (uint) holds the first row of each window: with the step's seed and epoch and the
 * name of the op it keys dropout, so that a mask never depends on the batch.
 */
#ifndef OPS_OPS_H
#define OPS_OPS_H

#include "graph/graph.h"
#include "graph/step.h"

/* ACT_RRELU: nn.RReLU, see bias.cl; its slopes are keyed as dropout is, instead of which it stands.
 */
enum act { ACT_NONE, ACT_RELU, ACT_GELU, ACT_RRELU };
/* In the order of loss.target; models/choices.c holds these enums to their keys. */
enum loss_kind { LOSS_KIND_MSE, LOSS_KIND_MAE, LOSS_KIND_HUBER, LOSS_KIND_BCE };
/* In the order of model.head. */
enum pool_kind { POOL_LAST, POOL_MEAN, POOL_ATTENTION, POOL_FLATTEN };
/* In the order of model.cell. */
enum cell_kind { CELL_KIND_LSTM, CELL_KIND_GRU, CELL_KIND_RNN };

/* Dropout of probability p in a training graph, of rows that are `period` to a sample. */
struct drop {
    double p;
    struct tensor *sample;
    size_t period;
    const char *path; /* name that keys the mask; read before the op returns */
};

/* How a window is scaled when it is gathered: not at all, each feature standardised over the
 * window, or from GATHER_RELATIVE + f on by the last value c of its feature f, (x - c) / |c|. */
enum gather_scaling { GATHER_RAW, GATHER_STANDARDISED, GATHER_RELATIVE };

/* Added to the scaling: `series` holds the windows of the micro-batch behind each other, [B, T, F],
 * `order` their first rows, [B]. In place of a first row: the table holds the samples' rows so. */
#define GATHER_STAGED (1 << 30)

/* Windows of the series, [B, T, F] and their first rows. */
struct tensor *op_gather(struct graph *g, struct tensor *series, struct tensor *order,
                         size_t window, size_t features, int scaling, struct tensor **sample);

/* Rows of `table` [., columns] that belong to each sample, [B, rows, columns]: those from the
 * sample's first row + `first` on. No gradient. */
struct tensor *op_gather_rows(struct graph *g, const char *name, struct tensor *table,
                              struct tensor *sample, size_t first, size_t rows, size_t columns);

/*
 * y[rows, out] = x[rows, in] W^T, W = `name`.weight [out, in] as nn.Linear. The bias `name`.bias
 * rides on y (tensor->bias): the op that reads y adds it.
 */
struct tensor *op_linear(struct graph *g, struct tensor *x, size_t rows, size_t in, size_t out,
                         const char *name);

/* The same with the parameters' full names and nn.MultiheadAttention's initialisation. */
struct tensor *op_linear_named(struct graph *g, struct tensor *x, size_t rows, size_t in,
                               size_t out, const char *weight, const char *bias,
                               double weight_bound, double bias_bound);

/* The same with parameters that are there: weight of out * in, bias [out] or NULL. */
struct tensor *op_linear_of(struct graph *g, struct tensor *x, size_t rows, size_t in, size_t out,
                            struct tensor *weight, struct tensor *bias);

/* y = dropout(act(x + x->bias + position[row % period])), the only reader of x; x, y [rows,
 * columns]; x->bias may be NULL. `position` (may be NULL) is [drop->period, columns] and needs
 * ACT_NONE. */
struct tensor *op_bias(struct graph *g, struct tensor *x, size_t rows, size_t columns, enum act act,
                       struct tensor *position, const struct drop *drop);

/*
 * The joint of two layers: s = residual + dropout(x + x->bias); y = LayerNorm(s) with `name`.weight
 * and `name`.bias. NULL residual: none. NULL name: no norm, y is NULL. x's own value serves as s
 * where nothing is added. *sum (may be NULL) receives s.
 */
struct tensor *op_add_norm(struct graph *g, struct tensor *x, struct tensor *residual, size_t rows,
                           size_t columns, const char *name, const struct drop *drop,
                           struct tensor **sum);

/* dropout(relu(LayerNorm(x + x->bias))) */
struct tensor *op_norm_relu(struct graph *g, struct tensor *x, size_t rows, size_t columns,
                            const char *name, const struct drop *drop);

/* How op_attention cuts a window: as it chooses; for tests in tiles even where the window fits into
 * local memory, with the backward pass in one kernel or split. */
enum attend_cut { ATTEND_CHOOSE, ATTEND_TILES, ATTEND_SPLIT };

/* How op_attention attends. */
struct attend {
    int causal;            /* a row sees itself and the rows before it; else all rows */
    struct tensor *rotary; /* op_rotary_table(), which turns queries and keys; NULL: not turned */
    enum attend_cut cut;
};

/* cos and sin of t 10000^(-2i / head_width) for the interleaved pairs (2i, 2i + 1) of rotary
 * positions (Su et al., 2021), [window, head_width / 2, 2]. */
struct tensor *op_rotary_table(struct graph *g, size_t window, size_t head_width);

/* Self-attention of qkv [B T, 3 D] (with its bias riding on it) to [B T, D]; drop acts on the
 * attention probabilities. Any window: no T x T tensor is kept. */
struct tensor *op_attention(struct graph *g, struct tensor *qkv, size_t window, size_t width,
                            size_t heads, const struct attend *how, const struct drop *drop);

/* How the kernel of a convolution goes along T: zeros at both ends, no dilation. */
struct conv {
    size_t kernel, stride, padding;
};

/* Rows that it makes of `window`; 0: the kernel is longer than the padded window. */
size_t conv_rows(const struct conv *shape, size_t window);

/* nn.Conv1d over x [B T, in], channels last: [B conv_rows(), out], `name`.weight [out, in, kernel];
 * the bias, unless `bare`, rides on it. */
struct tensor *op_conv1d(struct graph *g, struct tensor *x, size_t window, size_t in, size_t out,
                         const struct conv *shape, int bare, const char *name);

/* nn.MaxPool1d(pool) over x [B T, columns]: [B T / pool, columns]; rows that are left over drop. */
struct tensor *op_max_pool(struct graph *g, struct tensor *x, size_t window, size_t columns,
                           size_t pool);

/*
 * nn.BatchNorm1d of x + x->bias [rows, columns] over the rows of all samples; x->bias may be NULL.
 * Training takes the micro-batch's moments, without the samples that pad it, and moves
 * `name`.running_mean and `name`.running_var, which evaluation takes.
 */
struct tensor *op_batch_norm(struct graph *g, struct tensor *x, size_t rows, size_t columns,
                             const char *name);

/* Reversible instance norm (Kim et al., 2022) without its affine part: each feature of each window
 * x [B, T, F], to which no gradient goes, standardised; *stats [B, 2, F] = mean, sd. */
struct tensor *op_window_norm(struct graph *g, struct tensor *x, size_t window, size_t features,
                              struct tensor **stats);

/* y [B, rows, targets] with the target k put back into the unit of feature[k], unless that is -1.
 */
struct tensor *op_window_denorm(struct graph *g, struct tensor *y, struct tensor *stats,
                                size_t rows, size_t targets, size_t features, const int *feature);

/* z = (x + x->bias) / |.| if `normalize`, or x + x->bias; [B, columns] */
struct tensor *op_latent(struct graph *g, struct tensor *x, size_t columns, int normalize);

/* A recurrent layer's cell and how its weights are drawn; INIT_UNIFORM is PyTorch's way. */
struct cell {
    enum cell_kind kind;
    size_t hidden; /* H */
    int bidirectional;
    enum init_kind input, recurrent; /* of weight_ih and weight_hh, each gate's by itself */
    int zero_biases;
    double forget_bias; /* added to the initial bias_ih of an LSTM's forget gate */
};

/*
 * nn.LSTM, nn.GRU or nn.RNN of one layer over x [B T, in] (without a bias riding on it), which
 * begins with zeros: [B T, H], or with both directions [B T, 2 H]. Parameters are PyTorch's of
 * module `name` and layer `number`: `name`.weight_ih_l0, `name`.weight_hh_l0_reverse ...
 */
struct tensor *op_recurrent(struct graph *g, struct tensor *x, size_t window, size_t in,
                            const struct cell *cell, const char *name, size_t number);

/* I, Q, |x|, |x|^3, sin, cos of x [rows, 2] = I, Q: [rows, 6]; sin = Q / |x| and cos = I / |x|, 0
 * where |x| is 0. No gradient. */
struct tensor *op_iq_features(struct graph *g, struct tensor *x, size_t rows);

/* Rows of a [rows, columns] and b [rows, more] side by side. */
struct tensor *op_join(struct graph *g, struct tensor *a, size_t columns, struct tensor *b,
                       size_t more, size_t rows);

/*
 * One row a sample of x [B T, D] (without a bias riding on it): its last row, the mean of its rows,
 * their mean weighted by softmax over T of a linear layer `name`.weight [1, D], `name`.bias [1], or
 * all of them side by side. [B, D]; POOL_FLATTEN returns x itself, to be read as [B, T D]. Of the
 * last `reverse` columns, which a layer has made walking backward, POOL_LAST takes the first row.
 */
struct tensor *op_pool(struct graph *g, struct tensor *x, size_t window, size_t columns,
                       size_t reverse, enum pool_kind kind, const char *name);

/* --- losses. Each writes a scalar and the gradient of weight * value into its inputs. */

/* Loss of each sample, [B]: the mean over elements of y against x, both [B, elems], times weight
 * [B] unless that is NULL. Huber has its bend at 1; BCE takes y as logits. */
struct tensor *op_sample_loss(struct graph *g, struct tensor *y, struct tensor *x, size_t elems,
                              enum loss_kind kind, struct tensor *weight);

/* Mean cosine similarity of z's rows, [1]; *total (state, [columns, 2]) adds up S over runs. */
struct tensor *op_similarity(struct graph *g, struct tensor *z, size_t columns, double weight,
                             struct tensor **total);

/* NT-Xent of z and the noisy views' w, [1]. */
struct tensor *op_nt_xent(struct graph *g, struct tensor *z, struct tensor *w, size_t columns,
                          double temperature, double weight);

/* x + noise of standard deviation sd, [B, elems]; no gradient. */
struct tensor *op_noise(struct graph *g, struct tensor *x, size_t elems, struct tensor *sample,
                        const char *path, double sd);

/* Adds the micro-batch to the epoch's sums (struct metrics, state): the loss is the weighted sum of
 * terms, each with a value of its samples, [B], or one of the batch, [1]; NULL: there is none. */
struct tensor *op_loss_sum(struct graph *g, struct tensor *const value[TERMS_MOST],
                           const double weight[TERMS_MOST]);

/* --- for ops only */

/* grad += sum of x's rows, [rows, columns] -> columns */
void op_sum_rows(struct graph *g, struct tensor *x, size_t rows, size_t columns,
                 struct tensor *grad, const char *label);

/* grad += sum over chunks of part[chunk, stride] at offset */
void op_add_parts(struct graph *g, struct tensor *part, size_t chunks, size_t columns,
                  size_t stride, size_t offset, struct tensor *grad, const char *label);

/* What an op keeps of its dropout until backward, when the name may be gone: the name's hash. */
struct mask {
    double p;
    struct tensor *sample;
    size_t period;
    uint32_t path;
};
struct mask mask_of(const struct drop *drop);

/* The last arguments of a kernel with dropout: sample, step, rows, period, chunk, path, threshold,
 * scale. */
void launch_dropout(struct graph *g, struct launch *l, const struct mask *drop, size_t rows,
                    size_t chunk);

/* path, threshold, scale alone */
void launch_dropout_key(struct graph *g, struct launch *l, const struct mask *drop);

#endif
