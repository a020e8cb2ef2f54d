/*
 * model: an architecture, as a function that composes ops. Training, analysis and the command line
 * know models through this interface only; model.c holds the registry. A model sees the
 * configuration and tensors, never OpenCL.
 */
#ifndef MODELS_MODEL_H
#define MODELS_MODEL_H

#include "config/config.h"
#include "graph/graph.h"

struct model_io {
    struct tensor *input, *sample; /* [B, T, F], [B] uint */
    struct tensor *output;         /* [B, T, F] */
    struct tensor *latent;         /* [B, latent] */
    struct tensor *value;          /* [B]: R of each sample */
    struct tensor *contrastive;    /* [1] */
    struct tensor *metrics;        /* struct metrics */
    struct tensor *latent_total;   /* [latent, 2]; NULL unless C is the mean similarity */
};

struct model_class {
    const char *name;
    const char *python; /* file of the PyTorch twin in src/models */
    /* Appends the forward pass with its losses; backward follows from the graph. */
    void (*build)(struct graph *g, const struct config *config, struct tensor *input,
                  struct tensor *sample, struct model_io *io);
};

const struct model_class *model_of(const struct config *config);

/*
 * The whole graph of a step: gather from `series` [rows, F] by `order`, forward, in a training
 * graph backward. *micro (may be NULL): number of launches of a micro-batch.
 */
struct graph *model_graph(struct device *dev, struct params *params, const struct config *config,
                          size_t batch, size_t features, int training, struct buffer *series,
                          struct buffer *order, struct model_io *io);

/* The source of the model's PyTorch twin. */
const char *model_python(const struct config *config);

#endif
