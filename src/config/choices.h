/* SPDX-License-Identifier: MIT */
/*
 * choices: what C calls the values of CHOICE keys, beside their names in options.def and in the
 * same order. config.h makes the enums of these lists. option.c does not compile where a list and
 * options.def differ: each CHOICE(section, key ...) there has CHOICES_section_key(X) here.
 */
#ifndef CONFIG_CHOICES_H
#define CONFIG_CHOICES_H

#define CHOICES_device_tuning(X) X(TUNING_TABLE, table) X(TUNING_MEASURE, measure)
#define CHOICES_device_gemm(X)  \
    X(GEMM_AUTO, auto)          \
    X(GEMM_CLBLAST, clblast)    \
    X(GEMM_CBLAS, cblas)        \
    X(GEMM_OWN, own)            \
    X(GEMM_BF16, bf16_products) \
    X(GEMM_FP16, fp16_products)
#define CHOICES_data_separator(X)     \
    X(SEPARATOR_AUTO, auto)           \
    X(SEPARATOR_COMMA, comma)         \
    X(SEPARATOR_SEMICOLON, semicolon) \
    X(SEPARATOR_TAB, tab)             \
    X(SEPARATOR_PIPE, pipe)           \
    X(SEPARATOR_SPACE, space)
#define CHOICES_data_order(X) \
    X(ORDER_AUTO, auto)       \
    X(ORDER_RISING, rising)   \
    X(ORDER_FALLING, falling) \
    X(ORDER_SORT, sort)
#define CHOICES_data_duplicates(X) \
    X(DUPLICATES_ERROR, error)     \
    X(DUPLICATES_FIRST, first)     \
    X(DUPLICATES_LAST, last)       \
    X(DUPLICATES_SUM, sum)
#define CHOICES_data_decimal(X) \
    X(DECIMAL_AUTO, auto) X(DECIMAL_POINT, point) X(DECIMAL_COMMA, comma)
#define CHOICES_data_missing(X) \
    X(MISSING_ERROR, error) X(MISSING_SKIP, skip) X(MISSING_PREVIOUS, previous)
#define CHOICES_data_feed(X) X(FEED_AUTO, auto) X(FEED_RESIDENT, resident) X(FEED_STREAM, stream)
#define CHOICES_data_channels(X) X(CHANNELS_TOGETHER, together) X(CHANNELS_APART, apart)
#define CHOICES_data_target_rows(X) \
    X(TARGET_HORIZON, horizon)      \
    X(TARGET_EACH, each)            \
    X(TARGET_WINDOW, window)
#define CHOICES_data_scaler(X)   \
    X(SCALER_NONE, none)         \
    X(SCALER_STANDARD, standard) \
    X(SCALER_MINMAX, minmax)     \
    X(SCALER_ROBUST, robust)     \
    X(SCALER_WINDOW, window)     \
    X(SCALER_RELATIVE, relative)
#define CHOICES_data_target_display(X) X(DISPLAY_NONE, none) X(DISPLAY_SCALE, scale)
#define CHOICES_data_split(X)                   \
    X(SPLIT_CHRONOLOGICAL, chronological)       \
    X(SPLIT_SHUFFLED, shuffled)                 \
    X(SPLIT_STRATIFIED, stratified)             \
    X(SPLIT_SHUFFLED_WINDOWS, shuffled_windows) \
    X(SPLIT_SPEC, spec)
#define CHOICES_data_split_unit(X) X(SPLIT_BLOCK, block) X(SPLIT_SERIES, series)
#define CHOICES_data_balance(X) \
    X(BALANCE_NONE, none)       \
    X(BALANCE_SELECT, select)   \
    X(BALANCE_WEIGHT, weight)
#define CHOICES_data_short_series(X) X(SHORT_ERROR, error) X(SHORT_SKIP, skip)
#define CHOICES_model_type(X) MODELS(X, X)
#define CHOICES_model_cell(X) X(CELL_LSTM, lstm) X(CELL_GRU, gru) X(CELL_RNN, rnn)
#define CHOICES_model_head(X)    \
    X(HEAD_LAST, last)           \
    X(HEAD_MEAN, mean)           \
    X(HEAD_ATTENTION, attention) \
    X(HEAD_FLATTEN, flatten)
#define CHOICES_model_attention(X) X(ATTENTION_FULL, full) X(ATTENTION_CAUSAL, causal)
#define CHOICES_model_norm(X) X(NORM_LAYER, layer) X(NORM_RMS, rms)
#define CHOICES_model_activation(X) \
    X(ACTIVATION_GELU, gelu)        \
    X(ACTIVATION_RELU, relu)        \
    X(ACTIVATION_RRELU, rrelu)
#define CHOICES_model_positions(X)      \
    X(POSITIONS_LEARNED, learned)       \
    X(POSITIONS_SINUSOIDAL, sinusoidal) \
    X(POSITIONS_ROTARY, rotary)         \
    X(POSITIONS_NONE, none)
#define CHOICES_model_conv_norm(X) \
    X(CONV_NORM_NONE, none)        \
    X(CONV_NORM_BATCH, batch)      \
    X(CONV_NORM_LAYER, layer)
#define CHOICES_model_initialisation(X)      \
    X(DRAW_PYTORCH, pytorch)                 \
    X(DRAW_XAVIER_UNIFORM, xavier_uniform)   \
    X(DRAW_XAVIER_NORMAL, xavier_normal)     \
    X(DRAW_KAIMING_UNIFORM, kaiming_uniform) \
    X(DRAW_KAIMING_NORMAL, kaiming_normal)
#define CHOICES_model_recurrent_init(X) \
    X(RECURRENT_PYTORCH, pytorch)       \
    X(RECURRENT_ORTHOGONAL, orthogonal)
#define CHOICES_loss_reconstruction(X) X(LOSS_MSE, mse) X(LOSS_MAE, mae) X(LOSS_HUBER, huber)
#define CHOICES_loss_target(X) CHOICES_loss_reconstruction(X) X(LOSS_BCE, bce)
#define CHOICES_loss_contrastive(X)                 \
    X(CONTRASTIVE_NONE, none)                       \
    X(CONTRASTIVE_MEAN_SIMILARITY, mean_similarity) \
    X(CONTRASTIVE_NT_XENT, nt_xent)
#define CHOICES_train_precision(X) \
    X(PRECISION_FP32, fp32) X(PRECISION_BF16, bf16) X(PRECISION_FP16, fp16)
#define CHOICES_train_optimizer(X) \
    X(OPTIMIZER_ADAMW, adamw) X(OPTIMIZER_SGD, sgd) X(OPTIMIZER_LION, lion)
#define CHOICES_train_schedule(X)  \
    X(SCHEDULE_CONSTANT, constant) \
    X(SCHEDULE_LINEAR, linear)     \
    X(SCHEDULE_COSINE, cosine)     \
    X(SCHEDULE_PLATEAU, plateau)
#define CHOICES_train_mode(X) X(MODE_AUTO, auto) X(MODE_MIN, min) X(MODE_MAX, max)
#define CHOICES_train_on_nonfinite(X) X(NONFINITE_STOP, stop) X(NONFINITE_SKIP, skip)

/* Models: models/model.h. The name of each is that of its class. */
#define MODELS(FIRST, NEXT)                  \
    FIRST(MODEL_AUTOENCODER, autoencoder)    \
    NEXT(MODEL_RECURRENT, recurrent)         \
    NEXT(MODEL_CNN_RECURRENT, cnn_recurrent) \
    NEXT(MODEL_TRANSFORMER, transformer)     \
    NEXT(MODEL_DGRU, dgru)                   \
    NEXT(MODEL_TCN, tcn)
#define MODEL_FIRST(choice, name) #name
#define MODEL_NEXT(choice, name) " | " #name
#define MODEL_NAMES MODELS(MODEL_FIRST, MODEL_NEXT) /* "a | b | c" */

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
    NEXT(spectrum)
#define PICTURE_FIRST(name) #name
#define PICTURE_NEXT(name) " | " #name
#define PICTURE_NAMES PICTURES(PICTURE_FIRST, PICTURE_NEXT) /* "a | b | c" */

#endif
