/* SPDX-License-Identifier: MIT */
#include "plots/plots.h"

const struct plot_kind plot_kinds[] = {
    {"loss_curves", "Loss, its terms, learning rate and gradient norm over the epochs."},
    {"reconstruction_quality", "Held-out windows beside their reconstructions, and the errors."},
    {"latent_space_tsne", "t-SNE map of the latent vectors, coloured by category."},
    {"category_distribution", "Windows in each category of the latent space."},
    {"predictions", "Predicted against actual values, as a cloud and over time."},
    {"residuals", "Distribution of the residuals, beside the normal and the uniform one."},
    {"target_distribution", "Targets of each part before and after their transform."},
    {"error_by_horizon", "Error in each row of the horizon, beside the naive forecast's."},
    {"am_am_pm", "Amplitude and phase of an amplifier's output, measured and modelled."},
    {"spectrum", "Power spectra of input, output, model and error, with the channels."},
    {0},
};
