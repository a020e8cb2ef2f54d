/* SPDX-License-Identifier: MIT */
/*
 * ops: what models are made of. Each function appends one operation (a few: several plain ones) to
 * a graph and returns its output. Shapes come from the tensors: the first dimension is the batch B,
 * the last one the columns. Parameters are made by their PyTorch names. A misfit is told when the
 * graph is lowered, so that ops need no error of their own.
 *
 * A class's file holds its shape inference, its forward and backward launches and what it fuses
 * with. Ops know tensors and kernels, nothing of configurations or data.
 *
 * Dropout and noise are keyed by the step's seed and epoch, the window's first row (graph->sample)
 * and `path`, so that a mask never depends on the batch.
 */
#ifndef OPS_OPS_H
#define OPS_OPS_H

#include "ir/graph.h"
#include "lower/step.h"

/* ACT_GELU: u Phi(u), ACT_GELU_TANH: its approximation that Hugging Face calls gelu_new and
 * gelu_pytorch_tanh, ACT_SILU: u / (1 + e^-u). ACT_RRELU: nn.RReLU, see bias.cl; its slopes are
 * keyed as dropout is, instead of which it stands; ACT_RRELU_MEAN: the same in evaluation graphs.
 */
enum act { ACT_NONE, ACT_RELU, ACT_GELU, ACT_RRELU, ACT_RRELU_MEAN, ACT_SILU, ACT_GELU_TANH };
/* In the order of loss.target, model.head and model.cell: models/choices.c holds them to it. */
enum loss_kind { LOSS_KIND_MSE, LOSS_KIND_MAE, LOSS_KIND_HUBER, LOSS_KIND_BCE };
enum pool_kind { POOL_LAST, POOL_MEAN, POOL_ATTENTION, POOL_FLATTEN };
enum cell_kind { CELL_KIND_LSTM, CELL_KIND_GRU, CELL_KIND_RNN };

/* --- types */

/* Activations are stored as F32, BF16 or F16 from now on; ops cast where they need to. */
void op_store(struct graph *g, enum dtype dtype);

/* --- what is read */

/* How a window is scaled when it is gathered: not at all, each feature standardised over the
 * window, or from GATHER_RELATIVE + f on by the last value c of its feature f, (x - c) / |c|. */
enum gather_scaling { GATHER_RAW, GATHER_STANDARDISED, GATHER_RELATIVE };

/* Added to the scaling: `series` holds the windows of the micro-batch behind each other, [B, T, F],
 * `order` their first rows, [B]. In place of a first row: the table holds the samples' rows so. */
#define GATHER_STAGED (1 << 30)

/* Windows of the series [rows, F], [B, T, F], in the order [.] u32 of their first rows, which
 * become graph->sample [B]. */
struct tensor *op_gather(struct graph *g, struct tensor *series, struct tensor *order,
                         size_t window, int scaling);

/* The same of tokens [rows] u32: tokens [B, T] and, *next, the token behind each, [B, T] u32; it is
 * V where that begins another text, which GATHER_BORDER marks. `staged`: the series holds the
 * windows of the micro-batch, [B, T + 1]. */
#define GATHER_BORDER ((uint32_t)1 << 31)
struct tensor *op_gather_tokens(struct graph *g, struct tensor *series, struct tensor *order,
                                size_t window, size_t vocabulary, int staged, struct tensor **next);

/* Rows of `table` [., columns] that belong to each sample, [B, rows, columns]: those from the
 * sample's first row + `first` on. No gradient. */
struct tensor *op_gather_rows(struct graph *g, const char *name, struct tensor *table, size_t first,
                              size_t rows);

/* x + noise of standard deviation sd; no gradient. */
struct tensor *op_noise(struct graph *g, struct tensor *x, const char *path, double sd);

/* What is done to windows when a model is trained; 0: not. Units are the features' own. */
struct augment {
    double noise;         /* standard deviation, of each value */
    double spikes, spike; /* probability of one row's spike, and its size */
    double step, slope;   /* standard deviations of what rises behind a row, and over the window */
    double flip;          /* probability of the mirror image */
    double warp;          /* the fastest time may run, above 1 */
    size_t crop;          /* most rows that are cut, before the others are stretched */
    int keeps_end;        /* the last row stays the last */
};

/* Windows x [B, T, F] augmented, where `flag` [B, 1, 1] is not 0 (NULL: all). of[F][4]: a feature's
 * unit, the feature whose random numbers it shares, and the sign and offset of its mirror image,
 * offset + sign x. No gradient. */
struct tensor *op_augment(struct graph *g, const char *name, struct tensor *x, struct tensor *flag,
                          const struct augment *how, const float *of);

/* The targets y [B, R, K] of the same windows, of `window` rows, that lie `first` rows behind the
 * windows' first ones. of[K][4]: sign and offset of a target's mirror image, and how far it moves
 * by step and slope of a feature, in that one's units, and the feature. */
struct tensor *op_augment_target(struct graph *g, const char *name, struct tensor *y,
                                 struct tensor *flag, const struct augment *how, const float *of,
                                 size_t first, size_t window);

/* I, Q, |x|, |x|^3, sin, cos of x [.., 2] = I, Q: [.., 6]; sin = Q / |x| and cos = I / |x|, 0 where
 * |x| is 0. No gradient. */
struct tensor *op_iq_features(struct graph *g, struct tensor *x);

/* --- element by element */

/* x + bias [columns] */
struct tensor *op_bias(struct graph *g, struct tensor *x, struct tensor *bias);

/* a + b of one shape, or b of the shape of a's last dimensions, added to each. */
struct tensor *op_add(struct graph *g, struct tensor *a, struct tensor *b);

/* a b, of one shape. */
struct tensor *op_mul(struct graph *g, struct tensor *a, struct tensor *b);

/* act(gate) up, of one shape; act: GELU, SILU (SwiGLU, Shazeer 2020) or GELU_TANH. */
struct tensor *op_gate(struct graph *g, struct tensor *gate, struct tensor *up, enum act act);

/* x factor */
struct tensor *op_scale(struct graph *g, struct tensor *x, double factor);

struct tensor *op_activation(struct graph *g, struct tensor *x, enum act act, const char *path);

/* In a training graph each element is 0 with probability p, else divided by 1 - p. */
struct tensor *op_dropout(struct graph *g, struct tensor *x, double p, const char *path);

/* --- rows and columns. graph_view() sees a tensor in another shape without a copy. */

/* exp(x) over the sum of its row's. */
struct tensor *op_softmax(struct graph *g, struct tensor *x);

/* Columns [first, first + columns) of x. */
struct tensor *op_slice(struct graph *g, struct tensor *x, size_t first, size_t columns);

/* x [.., a, b] as [.., b, a]. */
struct tensor *op_transpose(struct graph *g, struct tensor *x);

/* --- layers */

/* nn.Embedding(rows, columns): the row of `name`.weight for each of `number` (u32), [.., columns];
 * zeros for a number that the table has no row for. */
struct tensor *op_embedding(struct graph *g, struct tensor *number, size_t rows, size_t columns,
                            const char *name);

/* The same from a table [V, D] of parameters that there is already; `path` names the node. */
struct tensor *op_lookup(struct graph *g, struct tensor *number, struct tensor *table,
                         const char *path);

/* x [.., in] W^T, W [out, in] */
struct tensor *op_product(struct graph *g, struct tensor *x, struct tensor *weight);

/* x [.., in] W, W [in, out], as transformers' Conv1D has it, with the adapter of that layer */
struct tensor *op_product_in_out(struct graph *g, struct tensor *x, struct tensor *weight);

/* nn.Linear(bias=False): x W^T, W = `name`.weight [out, in], drawn from U(-bound, bound) */
struct tensor *op_linear_bare(struct graph *g, struct tensor *x, size_t out, const char *name,
                              double bound);

/* nn.Linear: x W^T + b, W = `name`.weight [out, in], b = `name`.bias */
struct tensor *op_linear(struct graph *g, struct tensor *x, size_t out, const char *name);

/* The same with the parameters' full names, drawn from U(-bound, bound). */
struct tensor *op_linear_named(struct graph *g, struct tensor *x, size_t out, const char *weight,
                               const char *bias, double weight_bound, double bias_bound);

/* nn.LayerNorm over the columns, `name`.weight and `name`.bias */
struct tensor *op_norm(struct graph *g, struct tensor *x, const char *name);

/* The same with an eps of its own; op_norm() has 1e-5. */
struct tensor *op_norm_of(struct graph *g, struct tensor *x, double eps, const char *name);

/* nn.RMSNorm over the columns, `name`.weight, eps 1e-5 as op_norm() has it */
struct tensor *op_rms_norm(struct graph *g, struct tensor *x, const char *name);
struct tensor *op_rms_norm_of(struct graph *g, struct tensor *x, double eps, const char *name);

/* nn.BatchNorm1d over the rows of all samples. Training takes the micro-batch's moments, without
 * the samples that pad it, and moves `name`.running_mean and `name`.running_var, which evaluation
 * takes, by BATCH_NORM_MOMENTUM toward them; with graph->in_parts it leaves the moments there.
 */
#define BATCH_NORM_MOMENTUM 0.1
struct tensor *op_batch_norm(struct graph *g, struct tensor *x, const char *name);

/* x / |x| of each row, on the unit sphere. */
struct tensor *op_unit(struct graph *g, struct tensor *x);

/* How op_attention cuts a window: as it chooses; for tests in tiles even where the window fits into
 * local memory, with the backward pass in one kernel or split. */
enum attend_cut { ATTEND_CHOOSE, ATTEND_TILES, ATTEND_SPLIT };

/* How op_attention attends. */
struct attend {
    int causal;       /* a row sees itself and the rows before it; else all rows */
    size_t key_heads; /* heads of keys and values, of which heads / key_heads heads of queries share
                         each (Ainslie et al. 2023); 0: as many as of queries */
    enum attend_cut cut;
};

/* Self-attention of qkv [B, T, 3 D] to [B, T, D], or with fewer key heads of [B, T, D + 2 D
 * key_heads / heads]; dropout p acts on the attention probabilities. Any window: no T x T tensor
 * is kept. */
struct tensor *op_attention(struct graph *g, struct tensor *qkv, size_t heads,
                            const struct attend *how, double p, const char *path);

/* What op_attention() with a causal window makes of its rows, some rows at a time: [1, R, D] of qkv
 * [1, R, ..], whose keys and values go into `cache` at `position` [1, R] u32, and which see those
 * at 0 to their own. A row whose position is not in the cache is none, and gives 0. The cache is
 * stored as activations are. No gradient. */
struct tensor *op_attention_cached(struct graph *g, struct tensor *qkv, size_t heads,
                                   size_t key_heads, struct tensor *cache, struct tensor *position,
                                   const char *path);

/* Numbers of a cache for `window` rows. */
size_t attend_cache_elems(size_t window, size_t key_heads, size_t head_width);

/* Attention of a few queries over the rows of a sample, softmax over these: queries [Q, D], the
 * same for all samples, or [B, Q, D]; rows [B, N, 2 D], their keys, then their values; [B, Q, D].
 * Training keeps B H Q N probabilities in fp32 from the forward pass to the backward pass. */
struct tensor *op_attention_over(struct graph *g, struct tensor *queries, struct tensor *rows,
                                 size_t heads, const char *path);

/* Which elements of a head's row make a pair of rotary positions (Su et al., 2021): 2i and 2i + 1,
 * or i and i + head_width / 2, as Hugging Face's models have them. The last element of an odd row
 * is in none. */
enum rotary_pairs { ROTARY_NEIGHBOURS, ROTARY_HALVES };

/* base^(-2i / head_width), the angle by which pair i turns from row to row, for head_width / 2
 * pairs. */
void rotary_frequencies(double base, size_t head_width, double *frequency);

/* cos and sin of t frequency[i], [window, pairs, 2]. */
struct tensor *op_rotary_table_of(struct graph *g, size_t window, size_t pairs,
                                  const double *frequency);

/* The same of frequencies of base 10000, [window, head_width / 2, 2]. */
struct tensor *op_rotary_table(struct graph *g, size_t window, size_t head_width);

/* The rows of a rotary table at `place` [1, R] u32: the table of these R rows. */
struct tensor *op_rotary_rows(struct graph *g, struct tensor *table, struct tensor *place);

/* Queries and keys of qkv, as op_attention() takes it, turned by a rotary table. */
struct tensor *op_rotary(struct graph *g, struct tensor *qkv, size_t heads, size_t key_heads,
                         enum rotary_pairs pairs, struct tensor *table);

/* How the kernel of a convolution goes along T: its places lie `dilation` rows apart, and so many
 * rows of zeros stand before and after those of a sample. */
struct conv {
    size_t kernel, stride, dilation, before, after;
};

/* Rows that it makes of `window`; 0: the kernel is longer than the padded window. */
size_t conv_rows(const struct conv *shape, size_t window);

/* nn.Conv1d over x [B, T, in], channels last: [B, conv_rows(), out], `name`.weight [out, in,
 * kernel] and, unless `bare`, `name`.bias. */
struct tensor *op_conv1d(struct graph *g, struct tensor *x, size_t out, const struct conv *shape,
                         int bare, const char *name);

/* nn.MaxPool1d(pool) over x [B, T, columns]: [B, T / pool, columns]; rows that are left over drop.
 */
struct tensor *op_max_pool(struct graph *g, struct tensor *x, size_t pool);

/* A weight [out, ...] to numbers of 8 or 16 bits, each output in a fixed-point format of its own
 * (fixed/fixed.h); its gradient is the weight's. */
struct tensor *op_round_weight(struct graph *g, struct tensor *w, int bits);

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
 * nn.LSTM, nn.GRU or nn.RNN of one layer over x [B, T, in], which begins with zeros: [B, T, H], or
 * with both directions [B, T, 2 H]. Parameters are PyTorch's of module `name` and layer `number`:
 * `name`.weight_ih_l0, `name`.weight_hh_l0_reverse ...
 */
struct tensor *op_recurrent(struct graph *g, struct tensor *x, const struct cell *cell,
                            const char *name, size_t number);

/* a [.., m] and b [.., n] side by side: [.., m + n] */
struct tensor *op_concat(struct graph *g, struct tensor *a, struct tensor *b);

/*
 * One row a sample of x [B, T, D]: its last row, the mean of its rows, their mean weighted by
 * softmax over T of a linear layer `name`.weight [1, D], `name`.bias [1], or all of them side by
 * side. [B, D]; POOL_FLATTEN: [B, T D]. Of the last `reverse` columns, which a layer has made
 * walking backward, POOL_LAST takes the first row.
 */
struct tensor *op_pool(struct graph *g, struct tensor *x, size_t reverse, enum pool_kind kind,
                       const char *name);

/* Reversible instance norm (Kim et al., 2022) without its affine part: each feature of each window
 * x [B, T, F], to which no gradient goes, standardised; *stats [B, 2, F] = mean, sd. */
struct tensor *op_window_norm(struct graph *g, struct tensor *x, struct tensor **stats);

/* y [B, rows * K] as [B, rows, K] with the target k put back into the unit of feature[k], unless
 * that is -1. */
struct tensor *op_window_denorm(struct graph *g, struct tensor *y, struct tensor *stats,
                                size_t targets, const int *feature);

/* --- losses. Each begins with the gradient of weight * value. */

/* Loss of each sample, [B]: the mean over elements of y against x, both [B, ..], times weight [B]
 * unless that is NULL. Huber has its bend at 1; BCE takes y as logits. */
struct tensor *op_sample_loss(struct graph *g, struct tensor *y, struct tensor *x,
                              enum loss_kind kind, struct tensor *weight);

/* The same with so much of its gradient. */
struct tensor *op_part_loss(struct graph *g, struct tensor *y, struct tensor *x,
                            enum loss_kind kind, struct tensor *weight, double part);

/* The same against what a teacher has given for the samples. Of BCE both are logits, and the loss
 * is T^2 KL(teacher | y) of both at the temperature T (Hinton et al., 2015). */
struct tensor *op_taught_loss(struct graph *g, struct tensor *y, struct tensor *taught,
                              enum loss_kind kind, struct tensor *weight, double part,
                              double temperature);

/*
 * Of logits [B, .., V] the mean over a sample's rows, [B], of the cross-entropy against target [B,
 * ..] u32, as op_cross_entropy() has it without smoothing, and in *soft that of T^2 KL(teacher |
 * model) of the softmax of logits / T, the teacher's [B, .., V] first (Hinton et al., 2015). Their
 * gradients are weighed 1 - w and w.
 */
struct tensor *op_distill(struct graph *g, struct tensor *logits, struct tensor *taught,
                          struct tensor *target, double temperature, double w,
                          struct tensor **soft);

/* nn.CrossEntropyLoss(label_smoothing=smoothing) of each sample, [B]: the mean over its rows of
 * logits [B, .., V] against the number of the right class, target [B, ..] u32; rows whose target is
 * V or more are left out. */
struct tensor *op_cross_entropy(struct graph *g, struct tensor *logits, struct tensor *target,
                                double smoothing);

/* The same of the logits h W^T, h [B, .., D], W [V, D] parameters, which are there for some rows of
 * the batch at a time: `rows`, or as many as 64 MiB hold (0). */
struct tensor *op_head_cross_entropy(struct graph *g, struct tensor *h, struct tensor *weight,
                                     struct tensor *target, double smoothing, size_t rows);

/* Mean cosine similarity of z's rows [B, D], [1]; *total (state, [D, 2]) adds up S over runs. */
struct tensor *op_similarity(struct graph *g, struct tensor *z, double weight,
                             struct tensor **total);

/* NT-Xent of z and the noisy views' w, [1]. */
struct tensor *op_nt_xent(struct graph *g, struct tensor *z, struct tensor *w, double temperature,
                          double weight);

/* The epoch's sums (struct metrics), a state. */
struct tensor *op_metrics(struct graph *g);

/* Multiplies the gradients of all losses with the scale that the sums keep; before the losses. */
void op_loss_scale(struct graph *g, struct tensor *metrics);

/* Adds the micro-batch to the epoch's sums: of each term its value, [B] or
 * [1], and the sum of all by their weights. NULL: the term is left out. */
void op_loss_sum(struct graph *g, struct tensor *const value[TERMS_MOST],
                 const double weight[TERMS_MOST], struct tensor *metrics);

#endif
