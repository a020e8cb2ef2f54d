/* SPDX-License-Identifier: MIT */
/*
 * choices: the models and the pictures, which are values of keys and, each, the name of something
 * that the file of the model or the picture defines. options.def has the values of all other keys.
 */
#ifndef CONFIG_CHOICES_H
#define CONFIG_CHOICES_H

/* Models: models/model.h. The name of each is that of its class. */
#define MODELS(X)                         \
    X(MODEL_AUTOENCODER, autoencoder)     \
    X(MODEL_RECURRENT, recurrent)         \
    X(MODEL_CNN_RECURRENT, cnn_recurrent) \
    X(MODEL_TRANSFORMER, transformer)     \
    X(MODEL_DGRU, dgru)                   \
    X(MODEL_TCN, tcn)                     \
    X(MODEL_LANGUAGE, language)           \
    X(MODEL_CAPTIONER, captioner)

/* Pictures, in the order in which they are drawn: task/picture.h. */
#define PICTURES(FIRST, NEXT)    \
    FIRST(loss_curves)           \
    NEXT(reconstruction_quality) \
    NEXT(latent_space_tsne)      \
    NEXT(category_distribution)  \
    NEXT(predictions)            \
    NEXT(residuals)              \
    NEXT(target_distribution)    \
    NEXT(error_by_horizon)       \
    NEXT(am_am_pm)               \
    NEXT(spectrum)               \
    NEXT(captions)
#define PICTURE_FIRST(name) #name
#define PICTURE_NEXT(name) " | " #name
#define PICTURE_NAMES PICTURES(PICTURE_FIRST, PICTURE_NEXT) /* "a | b | c" */

#endif
