/* SPDX-License-Identifier: MIT */
/*
 * optim: the optimizers. A class per optimizer tells what it keeps beside the weights (its slots),
 * what it derives from the settings for each step, and its kernel; what all have in common is here:
 * the gradient's global norm, clipping, the finite flag, and the launch over the arena of trained
 * parameters. No other folder knows how a weight moves.
 *
 * To add one: a file with its class, its kernel, a line in the table of optim.c and its name among
 * the choices of train.optimizer.
 */
#ifndef OPTIM_OPTIM_H
#define OPTIM_OPTIM_H

#include "config/config.h"
#include "lower/plan.h"
#include "lower/step.h"

#define OPTIM_MAX_SLOTS 2

struct optim_class {
    const char *name; /* as train.optimizer has it */
    /* Arenas as large as that of the trained parameters, by their names in checkpoints. */
    size_t slots;
    const char *slot[OPTIM_MAX_SLOTS];

    /* The kernel. Its arguments, of a block of the parameters: parameters, gradients, slots,
     * metrics, step, vectors, vectors of a group, vectors that decay, then what constants() appends
     * (may be NULL). */
    const char *file, *kernel;
    double flops; /* a parameter */
    void (*constants)(const struct config *c, struct launch *l);

    /* Fills step->update, which only the kernel reads, from the settings, the step's rate in double
     * precision and step->number. May be NULL. */
    void (*step)(const struct config *c, double lr, struct step *step);
};

extern const struct optim_class optim_adamw, optim_lion, optim_sgd;

/* An optimizer in use, and what it keeps. */
struct optim {
    const struct optim_class *class;
    const struct config *config;
    struct arena *slot[OPTIM_MAX_SLOTS]; /* [params->elems] each */
};

/* The class that train.optimizer names. */
const struct optim_class *optim_class_of(const struct config *c);

/* For settings that outlive it; without memory of the device until optim_allocate(). */
void optim_init(struct optim *o, const struct config *c);
int optim_allocate(struct optim *o, const struct params *params, struct device *dev,
                   struct error *err);
void optim_fini(struct optim *o);

/* Fills in what the update reads of a step whose number is set: the rate and what follows from it.
 */
void optim_step(const struct optim *o, double lr, struct step *step);

/* Appends the update: global norm, clipping, then the class's kernel over all trained parameters,
 * which zeroes the gradients; then their moving average into `average`, a twin of the plan's
 * parameters (NULL: none). */
void optim_append(struct optim *o, struct plan *p, struct tensor *metrics,
                  const struct params *average);

/* Device bytes that the slots take, and the moving average where there is one. */
uint64_t optim_bytes(const struct optim *o, const struct params *params);

#endif
