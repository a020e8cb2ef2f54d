/*
 * plots: the pictures of a run. They see only arrays and labels, own nothing of the caller's, and
 * write a PNG whole or not at all (drawn with cairo, written with libpng, with text chunks that
 * name the run, the epoch and the version). Every function fails with STATUS_FAILED and the path.
 */
#ifndef PLOTS_PLOTS_H
#define PLOTS_PLOTS_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* Every plot by name, as `plots.enable` lists them, with what it shows; a NULL name ends it. */
struct plot_kind {
    const char *name, *help;
};
extern const struct plot_kind plot_kinds[];

/* What is written into the PNG's text chunks and in small print below the figure. */
struct plot_about {
    const char *run;     /* run.name */
    const char *version; /* "seqtrain 0.1.0" */
    long epoch;          /* epoch of the model that is shown */
};

/* loss_curves.png: NaN where a figure is absent; the best epoch is marked. All arrays [epochs]. */
struct plot_losses {
    size_t epochs;
    const double *epoch; /* number of each */
    const double *train_loss, *train_reconstruction, *train_contrastive;
    const double *val_loss, *val_reconstruction, *val_contrastive;
    const double *lr, *grad_mean, *grad_max;
    double baseline; /* R of the window-mean model on the validation part; NaN to leave out */
    long best;       /* epoch */
};
int plot_loss_curves(const char *path, const struct plot_about *about,
                     const struct plot_losses *losses, struct error *err);

/*
 * reconstruction_quality.png: `count` held-out windows, each the original beside its reconstruction
 * and the error as heat maps [features x time]; one colour scale per feature, taken from that
 * feature's original in the same window, so that prices are no flat bands.
 */
struct plot_reconstruction {
    size_t count, window, features;
    const float *original, *reconstruction; /* [count, window, features], in scaled units */
    char *const *feature_names;             /* [features] */
    char *const *titles;                    /* [count]: time and category of each window */
};
int plot_reconstruction_quality(const char *path, const struct plot_about *about,
                                const struct plot_reconstruction *windows, struct error *err);

/*
 * latent_space_tsne.png: points [count, 2] coloured by category; the largest categories (at most
 * 12) by colour, the rest grey; a legend with each one's share; the map's KL divergence in small
 * print.
 */
struct plot_map {
    size_t count;
    const float *xy;          /* [count, 2] */
    const uint32_t *category; /* [count]; NULL where k-means was left out */
    size_t categories;
    double kl_divergence, perplexity;
};
int plot_latent_space_tsne(const char *path, const struct plot_about *about,
                           const struct plot_map *map, struct error *err);

/* category_distribution.png: sizes [categories], drawn sorted, with the largest share told. */
struct plot_categories {
    size_t categories;
    const uint64_t *size;
};
int plot_category_distribution(const char *path, const struct plot_about *about,
                               const struct plot_categories *categories, struct error *err);

#endif
