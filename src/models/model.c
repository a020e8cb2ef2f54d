#include "models/model.h"

#include <string.h>

#include "models/autoencoder.h"
#include "models/py_sources.h"
#include "ops/ops.h"

static const struct model_class *const models[] = {
    [MODEL_AUTOENCODER] = &model_autoencoder,
};

const struct model_class *model_of(const struct config *config)
{
    return models[config->model.type];
}

const char *model_python(const struct config *config)
{
    for (const struct py_source *s = py_sources; s->name; s++)
        if (!strcmp(s->name, model_of(config)->python))
            return s->text;
    return "";
}

struct graph *model_graph(struct device *dev, struct params *params, const struct config *config,
                          size_t batch, size_t features, int training, struct buffer *series,
                          struct buffer *order, struct model_io *io)
{
    struct graph *g = graph_new(dev, params, batch, training);
    if (!g)
        return NULL;
    *io = (struct model_io){0};
    io->input = op_gather(g, graph_borrow(g, "series", series), graph_borrow(g, "order", order),
                          (size_t)config->data.window, features,
                          config->data.scaler == SCALER_WINDOW, &io->sample);
    model_of(config)->build(g, config, io->input, io->sample, io);
    if (training)
        graph_backward(g);
    return g;
}
