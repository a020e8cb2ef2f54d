#include "plots/plots.h"

const struct plot_kind plot_kinds[] = {
    {"loss_curves", "Loss, its terms, learning rate and gradient norm over the epochs."},
    {"reconstruction_quality", "Held-out windows beside their reconstructions, and the errors."},
    {"latent_space_tsne", "t-SNE map of the latent vectors, coloured by category."},
    {"category_distribution", "Windows in each category of the latent space."},
    {0},
};
