/* SPDX-License-Identifier: MIT */
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

/* What is written into the PNG's text chunks and in small print below the figure. */
struct plot_about {
    const char *run;     /* run.name */
    const char *version; /* "seqtrain 0.1.0" */
    long epoch;          /* epoch of the model that is shown; 0: there is none */
};

/* A term of the loss, in a panel of its own. */
struct plot_term {
    const char *title;         /* "Reconstruction term R" */
    const double *train, *val; /* [epochs] */
};

/*
 * loss_curves.png: NaN where a figure is absent; the best epoch is marked. All arrays [epochs]. A
 * loss of one term has its name ("mse") and no panels for terms.
 */
struct plot_losses {
    size_t epochs;
    const double *epoch; /* number of each */
    const double *train_loss, *val_loss;
    const struct plot_term *term; /* [terms] */
    size_t terms;                 /* 0: the loss is one */
    const double *lr, *grad_mean, *grad_max;
    double baseline;    /* of a forecast without a model the first term over the validation part, or
                           over the training part where there is no other; NaN to leave out */
    const char *naive;  /* that forecast's name: "training mean" */
    const char *dashed; /* what it is, in small print: "each window's mean" */
    const char *note;   /* what the terms are, in small print: "R: reconstruction error. "; "" */
    long best;          /* epoch */
    const char *name;   /* of the loss; NULL: it has several terms */
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
    const char *what;                       /* "test part" */
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
    size_t of;        /* windows of which the points are some */
    const char *what; /* "training part" */
};
int plot_latent_space_tsne(const char *path, const struct plot_about *about,
                           const struct plot_map *map, struct error *err);

/* category_distribution.png: sizes [categories], drawn sorted, with the largest share told. */
struct plot_categories {
    size_t categories;
    const uint64_t *size;
    const char *what; /* "training part" */
};
int plot_category_distribution(const char *path, const struct plot_about *about,
                               const struct plot_categories *categories, struct error *err);

/* ---- models with targets; `what` says which target of which part: "ret(close,1), test part" ----
 */

/* The points of one series: [begin, end). */
struct plot_series {
    const char *name;
    size_t begin, end;
};

/*
 * predictions.png: predicted against actual values with the identity, the mean actual value of each
 * tenth of the predictions, and both over time: a panel for each series, of many for the 8 with the
 * most points, and the last points of the longest in detail.
 */
struct plot_predictions {
    size_t count;
    const double *actual, *predicted; /* [count], series behind each other, each in the order of
                                         time */
    const double *time;               /* [count] ms since 1970 UTC; NULL: not known */
    const struct plot_series *series; /* [series_count] ascending, all points are of one */
    size_t series_count;
    const double *common[2]; /* [count] actual and predicted in a unit that the series have in
                                common, where that of the others is not; NULL: it is */
    double independent;      /* how many points share no data with another; count: all of them */
    const char *each;        /* what a point is: "window" */
    const char *what;
    const char *unit;    /* at the axis: "ret(close,1)" */
    const char *verdict; /* small print: "R2 0.12; worse than the last value"; NULL: none */
};
int plot_predictions(const char *path, const struct plot_about *about,
                     const struct plot_predictions *predictions, struct error *err);

/* residuals.png: histogram with the normal distribution of the same mean and deviation, QQ plots,
 * Shapiro-Wilk's W and p. */
struct plot_residuals {
    size_t count;
    const double *residual; /* [count] predicted - actual, in the order of time */
    double independent;     /* how many of them share no data with another */
    const char *what, *unit;
};
int plot_residuals(const char *path, const struct plot_about *about,
                   const struct plot_residuals *residuals, struct error *err);

/* target_distribution.png: a target before and after its transform, by part, and QQ plots. */
enum { PLOT_PARTS = 3 }; /* training, validation, test */
struct plot_targets {
    const char *name;      /* "close, the first of 4 targets" */
    const char *unit;      /* at the axis: "close" */
    const char *transform; /* "signed_log, standard"; NULL: none */
    size_t count[PLOT_PARTS];
    const double *raw[PLOT_PARTS], *transformed[PLOT_PARTS]; /* [count] each */
};
int plot_target_distribution(const char *path, const struct plot_about *about,
                             const struct plot_targets *targets, struct error *err);

/* error_by_horizon.png: errors of the model and of the best naive forecast in each target row. */
struct plot_horizon {
    size_t rows;
    const double *rmse, *mae;             /* [rows] */
    const double *naive_rmse, *naive_mae; /* [rows]; NULL: none */
    const char *naive;                    /* "last value" */
    const char *what, *unit;
};
int plot_error_by_horizon(const char *path, const struct plot_about *about,
                          const struct plot_horizon *horizon, struct error *err);

/* ---- signals: pairs I, Q behind each other ---- */

/* am_am_pm.png: amplitude and phase shift of the measured device and of the model over the input's
 * amplitude. */
struct plot_amplifier {
    size_t count;
    const double *input, *measured, *model; /* [count, 2]; model may be NULL */
    const char *what;                       /* "test part" */
    double nmse;                            /* of the model, dB; NaN: not known */
};
int plot_am_am_pm(const char *path, const struct plot_about *about,
                  const struct plot_amplifier *amplifier, struct error *err);

/* spectrum.png: power spectra in dB below the strongest, the channels marked. */
struct plot_spectrum {
    size_t bins;
    const double *frequency;                      /* [bins] Hz, ascending through 0 */
    const double *input, *output, *model, *error; /* [bins] power; NULL: none */
    double bandwidth;                             /* of the main channel, Hz; 0: not known */
    double channel;                               /* of each adjacent one, Hz */
    const char *what;
    double aclr[2], measured[2]; /* of the model and of the output, left and right, dB; NaN: not
                                    known */
};
int plot_spectrum(const char *path, const struct plot_about *about,
                  const struct plot_spectrum *spectrum, struct error *err);

/* ---- captions of pictures ---- */

/*
 * captions.png: pictures beside what a model says of them and what is right to say. A picture is a
 * clip's frames, in the order of time, in rows. What is too long for its place ends in an ellipsis.
 */
enum { PLOT_CAPTIONS = 16 }; /* examples that are drawn, the first ones */
struct plot_frame {
    size_t width, height;
    const unsigned char *rgb; /* [height, width, 3] */
};
struct plot_caption {
    const char *title;              /* its file */
    const struct plot_frame *frame; /* [frames] */
    size_t frames;
    const char *generated;
    const char *const *reference; /* [references] */
    size_t references;
    int exact;    /* the caption is one of them */
    double score; /* how well the caption goes with the picture, 0 to 1; NaN: not known */
};
struct plot_captions {
    size_t count;
    const struct plot_caption *caption; /* [count] */
    const char *what;                   /* "8 of 64 captions of the validation part" */
};
int plot_captions(const char *path, const struct plot_about *about,
                  const struct plot_captions *captions, struct error *err);

/* ---- `seqtrain data` ---- */

/*
 * data_overview.png: rows and volatility of each series by part, the target's distribution and the
 * features' ranges.
 */
struct plot_overview {
    size_t series;
    char *const *series_name;    /* [series] */
    const double *rows;          /* [series, PLOT_PARTS] */
    const double *volatility;    /* [series, PLOT_PARTS]; NaN where there is none */
    const char *volatility_name; /* "deviation of ret(close)" */
    const char *target;          /* name; NULL: none */
    size_t target_count[PLOT_PARTS];
    const double *target_values[PLOT_PARTS]; /* [target_count] each */
    size_t features;
    char *const *feature_name; /* [features] */
    const double *range;       /* [features, 5]: minimum, quartiles, maximum of training rows */
    const char *note;          /* small print; NULL: none */
};
int plot_data_overview(const char *path, const struct plot_about *about,
                       const struct plot_overview *overview, struct error *err);

/*
 * augmentation.png: training windows as they are and as data.augment makes them in the first
 * epochs; a row of panels a window, a panel for each of the first features.
 */
enum { PLOT_DRAWS = 3 };
struct plot_augmentation {
    size_t windows, rows, features;
    const float *was;           /* [windows, rows, features], scaled */
    const float *is;            /* [PLOT_DRAWS, windows, rows, features] */
    char *const *feature_names; /* [features] */
    char *const *titles;        /* [windows] */
    const char *what;           /* "322 of 5338 training windows" */
};
int plot_augmentation(const char *path, const struct plot_about *about,
                      const struct plot_augmentation *augmentation, struct error *err);

#endif
