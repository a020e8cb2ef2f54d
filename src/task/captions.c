/* SPDX-License-Identifier: MIT */
#include "task/captions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/captioned.h"
#include "task/caption_score.h"
#include "task/captioning.h"
#include "text/tokenizer.h"
#include "train/collapse.h"
#include "train/schedule.h"
#include "util/file.h"
#include "util/jsonnumber.h"
#include "util/quoted.h"

#define EXAMPLES 3 /* captions that are told */

const struct written_captions *captions_of(const struct task_result *r)
{
    return r->class == &task_captions ? r->own : NULL;
}

const char **captions_references(const struct dataset *data, size_t clip)
{
    const struct caption_table *table = &data->captioned->captions;
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++)
        count += table->item[i].clip == clip;
    const char **to = calloc(count + 1, sizeof *to);
    for (size_t i = table->count; to && i--;)
        if (table->item[i].clip == clip)
            to[--count] = table->item[i].text;
    return to;
}

/* --- figures */

static int write_all(struct written_captions *own, struct engine *e, struct caption_writer *writer,
                     struct log *log, struct error *err)
{
    int ended = 0;
    for (size_t i = 0; !ended && i < own->count; i++) {
        own->text[i] = caption_write(writer, own->clip[i], err);
        log_progress(log, "Captioning", i + 1, own->count);
        ended = own->text[i] ? device_stopped(e->dev) : -1;
    }
    log_progress(log, "", 0, 0);
    return ended;
}

/* The captions by the weights that are judged. 1: interrupted. */
static int write_captions(struct written_captions *own, struct engine *e, struct log *log,
                          struct error *err)
{
    const size_t made = tokenizer_count(e->data->tokenizer);
    struct generator *g = generator_open_on(e->config, made, e->session, e->judged,
                                            e->train ? e->train : e->eval, err);
    struct caption_writer *writer =
        g ? caption_writer_open(e->data, g, model_vocabulary(e->config, made), err) : NULL;
    const int ended = writer ? write_all(own, e, writer, log, err) : -1;
    caption_writer_close(writer);
    generator_close(g);
    return ended;
}

static int measure(struct written_captions *own, const struct engine *e, struct error *err)
{
    const char ***reference = calloc(own->count + 1, sizeof *reference);
    int failed = !reference;
    for (size_t i = 0; !failed && i < own->count; i++)
        failed = !(reference[i] = captions_references(e->data, own->clip[i]));
    failed = failed ? error_set(err, STATUS_FAILED, "out of memory")
                    : captions_measure(&own->measures, (const char *const *)own->text,
                                       (const char *const *const *)reference, own->count,
                                       e->config->caption.tokenize == TOKENIZE_WORDS
                                           ? CAPTION_WORDS
                                           : CAPTION_CHARACTERS,
                                       own->exact, err);
    for (size_t i = 0; reference && i < own->count; i++)
        free(reference[i]);
    free(reference);
    return failed;
}

/* How well captions go with their clips, where the encoder can tell. */
static int score_captions(struct written_captions *own, const struct engine *e, struct error *err)
{
    own->mean = (struct siglip){NAN, NAN};
    if (!(own->score = malloc((own->count + 1) * sizeof *own->score)))
        return error_set(err, STATUS_FAILED, "out of memory");
    const int is_not = caption_score(e, own->clip, own->text, own->count, own->score, err);
    if (is_not) {
        free(own->score);
        own->score = NULL;
        return is_not < 0 ? -1 : 0;
    }
    struct siglip sum = {0, 0};
    for (size_t i = 0; i < own->count; i++) {
        sum.cosine += own->score[i].cosine;
        sum.score += own->score[i].score;
    }
    own->mean = (struct siglip){sum.cosine / (double)own->count, sum.score / (double)own->count};
    return 0;
}

static void free_own(struct written_captions *own)
{
    for (size_t i = 0; own && own->text && i < own->count; i++)
        free(own->text[i]);
    if (own) {
        free(own->exact);
        free(own->score);
        free(own->text);
        free(own->clip);
    }
    free(own);
}

/* Figures of the windows, and captions of some of their clips. */
static int fill(struct task_result *r, struct written_captions *own, const uint32_t *start,
                struct log *log, struct error *err)
{
    const size_t most = (size_t)r->e->config->caption.samples;
    int ended = language_fill(r, &own->language, start, log, err);
    if (ended || !most)
        return ended;
    own->clip = caption_clips(r->e->data, start, r->windows, most, &own->count);
    own->text = calloc(own->count + 1, sizeof *own->text);
    own->exact = calloc(own->count + 1, 1);
    if (!own->clip || !own->text || !own->exact)
        return error_set(err, STATUS_FAILED, "out of memory");
    ended = write_captions(own, r->e, log, err);
    return ended ? ended : measure(own, r->e, err) || score_captions(own, r->e, err) ? -1 : 0;
}

static int captions_evaluate(struct task_result *r, const uint32_t *start, struct log *log,
                             struct error *err)
{
    struct written_captions *own = r->own = calloc(1, sizeof *own);
    const int ended =
        own ? fill(r, own, start, log, err) : error_set(err, STATUS_FAILED, "out of memory");
    if (ended)
        free_own(own);
    return ended;
}

static void captions_release(struct task_result *r)
{
    free_own(r->own);
}

/* --- what is told */

static json_t *measures_json(const struct written_captions *own)
{
    const struct caption_measures *m = &own->measures;
    json_t *all = json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "captions",
                            (json_int_t)own->count, "exact", jsonnumber(m->exact), "distinct",
                            jsonnumber(m->distinct), "distinct_1", jsonnumber(m->distinct_1),
                            "distinct_2", jsonnumber(m->distinct_2), "cider", jsonnumber(m->cider),
                            "bleu_4", jsonnumber(m->bleu[3]), "rouge_l", jsonnumber(m->rouge_l));
    if (own->score) {
        json_object_set_new(all, "siglip", jsonnumber(own->mean.score));
        json_object_set_new(all, "siglip_cosine", jsonnumber(own->mean.cosine));
    }
    return all;
}

static json_t *captions_json(const struct task_result *r)
{
    json_t *all = language_json(r), *more = measures_json(r->own);
    json_object_update(all, more);
    json_decref(more);
    return all;
}

/* Figures and some captions. */
static void tell_captions(const struct written_captions *own, const struct dataset *data,
                          struct log *log)
{
    const struct caption_measures *m = &own->measures;
    if (!own->count)
        return;
    log_say(log,
            "Captions of %zu clips: exact %.3f, distinct %.3f, CIDEr %.4f, BLEU-4 %.4f, ROUGE-L "
            "%.4f",
            own->count, m->exact, m->distinct, m->cider, m->bleu[3], m->rouge_l);
    if (own->score)
        log_say(log, "How well they go with their clips: SigLIP %.4g, cosine %.4f", own->mean.score,
                own->mean.cosine);
    for (size_t i = 0; i < own->count && i < EXAMPLES; i++)
        log_say(log, "  %s: %s", data->captioned->captions.clip[own->clip[i]].path, own->text[i]);
}

static struct collapse_figures collapse_figures(const struct written_captions *own)
{
    const struct caption_measures *m = &own->measures;
    return (struct collapse_figures){.count = own->count,
                                     .distinct = m->distinct,
                                     .references = m->distinct_references,
                                     .caption = own->count ? own->text[m->frequent] : "",
                                     .frequent = m->frequent_count};
}

static void warn_collapse(const struct collapse_figures *f, struct log *log)
{
    char text[COLLAPSE_TEXT];
    collapse_words(f, text);
    log_alarm(log, "warning", json_pack("{s:o}", "distinct", jsonnumber(f->distinct)), "%s", text);
}

/* Warns where a model that trains says the same of all clips. */
static void watch_collapse(const struct written_captions *own, const struct measuring *of)
{
    const struct schedule s = schedule_make(of->e->config, of->e->data->count[PART_TRAIN]);
    const struct collapse_figures figures = collapse_figures(own);
    struct collapse collapse = collapse_of(*of->kept);
    if (collapse_judge(&collapse, &figures, of->epoch * s.per_epoch < s.warmup))
        warn_collapse(&figures, of->log);
    *of->kept = collapse_number(&collapse);
}

/* The end: there is nothing to wait for. */
static void captions_tell(const struct task_result *r, const struct task_report_to *to)
{
    const struct written_captions *own = r->own;
    const struct collapse_figures figures = collapse_figures(own);
    tell_captions(own, r->e->data, to->log);
    if (collapse_is_below(&figures))
        warn_collapse(&figures, to->log);
    language_tell(r, to, own->count ? measures_json(own) : NULL);
}

/* Captions that a table lacks are none to judge by. */
static int keep_known(struct dataset *data, const struct config *config, const char *path,
                      struct error *err)
{
    const struct caption_table *table = &data->captioned->captions;
    for (size_t i = 0; i < table->count; i++)
        if (!table->item[i].size)
            return error_set(err, STATUS_INPUT,
                             "%s: there are no captions to judge by: a table with the column "
                             "data.column = %s has them",
                             path, config->data.column);
    return 0;
}

/* A row for each clip: what it is called, and its caption. */
static int captions_predict(const struct task_prediction *p, struct error *err)
{
    static const char special[] = ",\"\n\r";
    const struct dataset *data = p->e->data;
    struct written_captions own = {0};
    own.clip = caption_clips(data, data->start[PART_TEST], data->count[PART_TEST], 0, &own.count);
    own.text = calloc(own.count + 1, sizeof *own.text);
    int ended = own.clip && own.text ? write_captions(&own, p->e, p->log, err)
                                     : error_set(err, STATUS_FAILED, "out of memory");
    if (!ended && !(ended = score_captions(&own, p->e, err)))
        fprintf(p->out, "file,caption%s\n", own.score ? ",siglip,siglip_cosine" : "");
    for (size_t i = 0; !ended && i < own.count; i++) {
        quoted_put(data->captioned->captions.clip[own.clip[i]].path, special, p->out);
        fputc(',', p->out);
        quoted_put(own.text[i], special, p->out);
        if (own.score)
            fprintf(p->out, ",%.9g,%.9g", own.score[i].score, own.score[i].cosine);
        fputc('\n', p->out);
    }
    if (!ended && !(ended = file_flush(p->out, p->name, err)))
        device_save_programs(p->e->dev);
    for (size_t i = 0; i < own.count; i++)
        free(own.text[i]);
    free(own.score);
    free(own.text);
    free(own.clip);
    return ended ? -1 : 0;
}

/* Where the encoder has a tower of texts that cannot be used, there are no scores. */
static int captions_expect(const struct dataset *data, const struct config *config, struct log *log,
                           struct error *err)
{
    int silent;
    (void)data;
    if (!config->caption.samples || caption_score_is_there(config, &silent, err) || silent)
        return 0;
    if (err->cause != CAUSE_UNFIT)
        return -1;
    log_say(log, "There is no score of captions by SigLIP: %s", err->text);
    return 0;
}

const struct task_class task_captions = {
    .predicts_text = 1,
    .expect = captions_expect,
    .keep_known = keep_known,
    .predict = captions_predict,
    .evaluate = captions_evaluate,
    .release = captions_release,
    .json = captions_json,
    .tell = captions_tell,
    .baseline = language_baseline,
};

/* --- while a model trains */

enum { EXACT, DISTINCT, DISTINCT_1, DISTINCT_2, CIDER, BLEU_4, ROUGE_L, SIGLIP, SIGLIP_COSINE };

static double figure_of(const struct written_captions *own, size_t which)
{
    const struct caption_measures *m = &own->measures;
    const double all[] = {[EXACT] = m->exact,
                          [DISTINCT] = m->distinct,
                          [DISTINCT_1] = m->distinct_1,
                          [DISTINCT_2] = m->distinct_2,
                          [CIDER] = m->cider,
                          [BLEU_4] = m->bleu[3],
                          [ROUGE_L] = m->rouge_l,
                          [SIGLIP] = own->mean.score,
                          [SIGLIP_COSINE] = own->mean.cosine};
    return which < sizeof all / sizeof *all ? all[which] : NAN;
}

static int captions_wants(const struct config *config, long epoch)
{
    return config->caption.samples && config->caption.every && epoch % config->caption.every == 0;
}

static int captions_figure(const struct measuring *of, struct evaluation *evaluation,
                           double *figure, struct error *err)
{
    struct task_result r;
    if (task_evaluate(&r, &task_captions, of->e, of->start, of->count, of->log, err))
        return -1;
    const struct written_captions *own = r.own;
    json_t *event = measures_json(own);
    json_object_set_new(event, "epoch", json_integer((json_int_t)of->epoch));
    log_event(of->log, "captions", event);
    if (captions_wants(of->e->config, of->epoch))
        tell_captions(own, of->e->data, of->log);
    watch_collapse(own, of);
    *evaluation = r.evaluation;
    *figure = figure_of(own, of->which);
    task_release(&r);
    return 0;
}

struct measures task_captions_measures(void)
{
    static const struct metric metrics[] = {[EXACT] = {"exact", 0},
                                            [DISTINCT] = {"distinct", 0},
                                            [DISTINCT_1] = {"distinct_1", 0},
                                            [DISTINCT_2] = {"distinct_2", 0},
                                            [CIDER] = {"cider", 0},
                                            [BLEU_4] = {"bleu_4", 0},
                                            [ROUGE_L] = {"rouge_l", 0},
                                            [SIGLIP] = {"siglip", 0},
                                            [SIGLIP_COSINE] = {"siglip_cosine", 0}};
    return (struct measures){metrics, sizeof metrics / sizeof *metrics, captions_figure,
                             captions_wants};
}

void task_captions_check(struct config_making *making, const struct config *c,
                         const struct metric *metric)
{
    struct error why;
    int silent;
    if (!c->caption.samples)
        config_clash(making, "train.monitor", "caption.samples",
                     "monitor = %s is a figure of captions, and samples = 0 writes none: samples = "
                     "64 writes some",
                     c->train.monitor);
    if (strncmp(metric->name, "siglip", 6) || !*c->encoder.base ||
        caption_score_is_there(c, &silent, &why))
        return;
    if (why.status == STATUS_FAILED)
        config_short(making);
    config_clash(making, "train.monitor", "encoder.base",
                 "monitor = %s compares captions with clips by a tower of texts and its "
                 "tokenizer.json in the folder that encoder.base names: %s; monitor = val/cider "
                 "needs neither",
                 c->train.monitor, why.text);
}
