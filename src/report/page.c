/* SPDX-License-Identifier: MIT */
#include "report/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report/chart.h"
#include "report/figures.h"
#include "report/html.h"
#include "report/pictures.h"
#include "report/style.h"
#include "util/clocale.h"
#include "util/file.h"
#include "util/jsonmem.h"
#include "util/jsonnumber.h"

enum { ROWS = 30 }; /* of the table of epochs */

/* --- pieces */

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void put_heading(const char *id, const char *title, FILE *out)
{
    fprintf(out, "<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 id=\"%s-title\">%s</h2>\n",
            id, id, id, title);
}

static void put_end(FILE *out)
{
    fputs("</section>\n", out);
}

/* A card; nothing for NULL, "" and "-". */
static void put_card(const char *what, const char *value, FILE *out)
{
    if (!value || !*value || !strcmp(value, "-"))
        return;
    fprintf(out, "<div><dt>%s</dt><dd>", what);
    html_text(value, out);
    fputs("</dd></div>\n", out);
}

/* A row of a table of two columns; nothing where there is no value. */
static void put_row(const char *what, const char *value, FILE *out)
{
    if (!value || !*value || !strcmp(value, "-"))
        return;
    fprintf(out, "<tr><th scope=\"row\">%s</th><td class=\"text\">", what);
    html_text(value, out);
    fputs("</td></tr>\n", out);
}

/* "2026-11-28 07:51:46 UTC" of "2026-11-28T07:51:46.618Z"; as it is where it looks otherwise. */
static const char *time_words(const char *time, char to[RECORD_TIME + 8])
{
    snprintf(to, RECORD_TIME + 8, "%s", time);
    if (strlen(time) >= 19 && time[10] == 'T')
        snprintf(to, RECORD_TIME + 8, "%.10s %.8s UTC", time, time + 11);
    return to;
}

/* --- head */

static void put_head(const struct record *r, FILE *out)
{
    fputs("<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
          "<meta charset=\"utf-8\"/>\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
          "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'; img-src data:\"/>\n<title>",
          out);
    html_text(r->name, out);
    fputs(" - seqtrain report</title>\n<style>\n", out);
    fputs(report_style, out);
    fputs("</style>\n</head>\n<body>\n", out);
}

static double last_epoch(const struct record *r)
{
    const double *number = record_column(r, "epoch");
    return number && r->epochs ? number[r->epochs - 1] : NAN;
}

static void put_best(const struct record *r, FILE *out)
{
    const long best = record_best(r);
    char name[64];
    const double *figure = record_monitored(r, name), *number = record_column(r, "epoch");
    if (best < 0)
        return;
    fprintf(out, " The best is epoch %s", html_number(number[best]).text);
    if (figure && isfinite(figure[best])) {
        fputs(", by ", out);
        html_text(record_monitor(r), out);
        fprintf(out, " (%s)", html_number(figure[best]).text);
    }
    putc('.', out);
}

static void put_unfinished(const struct record *r, FILE *out)
{
    const double *epochs = record_column(r, "epochs");
    char time[RECORD_TIME + 8];
    if (!r->epochs)
        fputs("Not finished: no epoch has ended yet.", out);
    else
        fprintf(out, "Not finished: %s of %s epochs so far.", html_number(last_epoch(r)).text,
                html_number(epochs ? epochs[r->epochs - 1] : NAN).text);
    put_best(r, out);
    if (*r->last) {
        fputs(" The last line of its log is of ", out);
        html_text(time_words(r->last, time), out);
        putc('.', out);
    }
    fputs(" The run has not ended, or was interrupted: 'seqtrain train --resume' continues it.",
          out);
}

/* One sentence on where the run stands. */
static void put_state(const struct record *r, FILE *out)
{
    static const char *const class[] = {"unfinished", "ended", "pruned", "failed"};
    fprintf(out, "<p class=\"state %s\">", class[r->state]);
    if (r->state == RECORD_UNFINISHED) {
        put_unfinished(r, out);
    } else if (r->state == RECORD_FAILED) {
        const char *message = text_of(r->error, "message");
        fputs("Failed: ", out);
        html_text(message ? message : "the log does not say why", out);
        fprintf(out, ". %s epochs had ended.", html_number((double)r->epochs).text);
    } else {
        fprintf(out, "%s %s epochs in %s.",
                r->state == RECORD_PRUNED ? "Ended early, as other runs of its sweep were better: "
                                          : "Trained for",
                html_number(last_epoch(r)).text, html_time(record_seconds(r)).text);
        put_best(r, out);
    }
    fputs("</p>\n", out);
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The median of an epoch's figure; NaN: none is known. */
static double median_of(const struct record *r, const char *name)
{
    const double *value = record_column(r, name);
    double *sorted = value ? malloc((r->epochs + 1) * sizeof *sorted) : NULL, median = NAN;
    size_t n = 0;
    if (value && !sorted)
        jsonmem_lacks();
    for (size_t i = 0; sorted && i < r->epochs; i++)
        if (isfinite(value[i]))
            sorted[n++] = value[i];
    if (n) {
        qsort(sorted, n, sizeof *sorted, by_size);
        median = sorted[n / 2];
    }
    free(sorted);
    return median;
}

static void put_cards(const struct record *r, FILE *out)
{
    const long best = record_best(r);
    char name[64], what[96], windows[160] = "", rate[64] = "";
    const double *figure = record_monitored(r, name);
    const double n[] = {jsonnumber_of(r->start, "train_windows"),
                        jsonnumber_of(r->start, "validation_windows"),
                        jsonnumber_of(r->start, "test_windows")};
    const double speed = median_of(r, "windows_per_second");
    if (isfinite(n[0]))
        snprintf(windows, sizeof windows, "%s / %s / %s", html_count(n[0]).text,
                 html_count(n[1]).text, html_count(n[2]).text);
    if (isfinite(speed))
        snprintf(rate, sizeof rate, "%.4g", speed);
    snprintf(what, sizeof what, "Best epoch%s", r->state == RECORD_UNFINISHED ? " so far" : "");
    fputs("<dl class=\"cards\">\n", out);
    put_card("Model", listed_find(&r->keys, "model.type"), out);
    put_card("Parameters", html_count(jsonnumber_of(r->start, "parameters")).text, out);
    put_card("Windows: training / validation / test", windows, out);
    if (best >= 0) {
        put_card(what, html_number(record_column(r, "epoch")[best]).text, out);
        if (figure)
            put_card("Monitored figure there", html_number(figure[best]).text, out);
    }
    put_card("Time of training", html_time(record_seconds(r)).text, out);
    put_card("Windows a second, median", rate, out);
    put_card("Memory on the device", html_bytes(jsonnumber_of(r->start, "device_bytes")).text, out);
    fputs("</dl>\n", out);
}

/* --- evaluation */

static void put_sentence(const char *what, const char *text, FILE *out)
{
    if (!text || !*text)
        return;
    fprintf(out, "<p><strong>%s:</strong> ", what);
    html_text(text, out);
    fputs(".</p>\n", out);
}

/* What the run said, line for line; runs of older versions have only words. */
static void put_said(const json_t *verdict, FILE *out)
{
    const json_t *said = json_object_get(verdict, "said");
    size_t i;
    json_t *line;
    if (json_array_size(said)) {
        fputs("<pre class=\"said\" tabindex=\"0\">", out);
        json_array_foreach(said, i, line)
        {
            if (json_is_string(line))
                html_put(json_string_value(line), json_string_length(line), out);
            putc('\n', out);
        }
        fputs("</pre>\n", out);
        return;
    }
    put_sentence("Verdict", text_of(json_object_get(verdict, "skill"), "verdict"), out);
    put_sentence("Fit", text_of(verdict, "band"), out);
    put_sentence("What helps", text_of(verdict, "advice"), out);
    put_sentence("Generalisation", text_of(verdict, "generalisation"), out);
}

static void put_evaluation(const struct record *r, FILE *out)
{
    const char *part = text_of(r->verdict, "part");
    put_heading("evaluation", "Evaluation", out);
    if (!r->verdict && !r->captions) {
        fputs("<p>There is none yet: a run is evaluated at its end.</p>\n", out);
        put_end(out);
        return;
    }
    if (r->verdict) {
        fputs("<p>Of the best epoch, on the ", out);
        html_text(part ? part : "held-out", out);
        fputs(" part.</p>\n", out);
        put_said(r->verdict, out);
        figures_put("figures", r->verdict, out);
    } else {
        figures_put("captions while training", r->captions, out);
    }
    figures_put("categories", r->categories, out);
    figures_put("map", r->map, out);
    put_end(out);
}

/* --- pictures */

static int put_pictures(const struct record *r, FILE *out, struct error *err)
{
    char about[320] = "";
    size_t count;
    const long best = record_best(r);
    snprintf(about, sizeof about, "Run %.200s%s%s.", r->name, best >= 0 ? ", epoch " : "",
             best >= 0 ? html_number(record_column(r, "epoch")[best]).text : "");
    put_heading("pictures", "Pictures", out);
    if (report_put_pictures(r->folder, about, out, &count, err))
        return -1;
    if (!count)
        fputs("<p>The folder has none: they are drawn at the end of a run, as plots.enable "
              "says.</p>\n",
              out);
    put_end(out);
    return 0;
}

/* --- training */

/* Whether a row of the table is shown: a few, evenly spaced, with the best and the last. */
static int is_row(const struct record *r, size_t row, long best)
{
    const size_t step = (r->epochs + ROWS - 1) / ROWS;
    return row % (step ? step : 1) == 0 || row + 1 == r->epochs || (long)row == best;
}

/* Columns of the table, in the order of the log. */
static int is_shown(const char *name)
{
    return !strncmp(name, "train_", 6) || !strncmp(name, "val_", 4) || !strcmp(name, "lr") ||
           !strcmp(name, "step") || !strcmp(name, "grad_norm") || !strcmp(name, "seconds") ||
           !strcmp(name, "windows_per_second");
}

/* Whether a column has anything but nothing. */
static int has_numbers(const struct record *r, size_t column)
{
    for (size_t i = 0; i < r->epochs; i++)
        if (isfinite(r->column[column].value[i]))
            return 1;
    return 0;
}

static void put_epochs(const struct record *r, FILE *out)
{
    const long best = record_best(r);
    const double *number = record_column(r, "epoch");
    size_t shown = 0;
    fputs("<div class=\"wide\" tabindex=\"0\">\n<table>\n<caption>Losses by epoch</caption>\n"
          "<thead>\n<tr><th scope=\"col\">epoch</th>",
          out);
    for (size_t k = 0; k < r->columns; k++)
        if (is_shown(r->column[k].name) && has_numbers(r, k)) {
            fputs("<th scope=\"col\">", out);
            html_text(r->column[k].name, out);
            fputs("</th>", out);
        }
    fputs("</tr>\n</thead>\n<tbody>\n", out);
    for (size_t i = 0; i < r->epochs; i++) {
        if (!is_row(r, i, best))
            continue;
        fprintf(out, "<tr%s><th scope=\"row\">%s%s</th>", (long)i == best ? " class=\"best\"" : "",
                html_number(number[i]).text, (long)i == best ? "\xc2\xa0(best)" : "");
        for (size_t k = 0; k < r->columns; k++)
            if (is_shown(r->column[k].name) && has_numbers(r, k))
                fprintf(out, "<td>%s</td>", html_number(r->column[k].value[i]).text);
        fputs("</tr>\n", out);
        shown++;
    }
    fputs("</tbody>\n</table>\n</div>\n", out);
    if (shown < r->epochs)
        fprintf(out, "<p class=\"small\">%zu of %zu epochs; log.jsonl has all.</p>\n", shown,
                r->epochs + r->epochs_more);
}

static void put_note(const json_t *note, FILE *out)
{
    const char *event = text_of(note, "event"), *message = text_of(note, "message");
    const char *finding = text_of(note, "finding"), *advice = text_of(note, "advice");
    fputs("<li><span class=\"kind\">", out);
    html_text(event ? event : "", out);
    fputs("</span>: ", out);
    html_text(message ? message : finding ? finding : "", out);
    if (advice && *advice) {
        fputs(": ", out);
        html_text(advice, out);
    }
    fputs("</li>\n", out);
}

static void put_notes(const struct record *r, FILE *out)
{
    size_t i;
    json_t *note;
    if (!json_array_size(r->notes))
        return;
    fputs("<h3>Warnings and advice</h3>\n<ul class=\"notes\">\n", out);
    json_array_foreach(r->notes, i, note) put_note(note, out);
    fputs("</ul>\n", out);
    if (r->notes_more)
        fprintf(out, "<p class=\"small\">%zu more are in log.jsonl.</p>\n", r->notes_more);
}

static void put_training(const struct record *r, FILE *out)
{
    const struct chart_line lines[CHART_LINES] = {
        {"training", record_column(r, "train_loss")},
        {"validation", record_column(r, "val_loss")},
    };
    put_heading("training", "Training", out);
    if (!r->epochs)
        fputs("<p>The log has no epoch.</p>\n", out);
    else if (!report_has_picture(r->folder, "loss_curves"))
        chart_put("Loss", record_column(r, "epoch"), r->epochs, lines, out);
    if (r->epochs)
        put_epochs(r, out);
    put_notes(r, out);
    if (r->strange)
        fprintf(out, "<p class=\"missing\">%zu lines of the log could not be read.</p>\n",
                r->strange);
    put_end(out);
}

/* --- data */

static void put_list(const char *what, const json_t *list, FILE *out)
{
    size_t i;
    json_t *x;
    if (!json_array_size(list))
        return;
    fprintf(out, "<p><strong>%s:</strong> ", what);
    json_array_foreach(list, i, x)
    {
        if (i >= 100)
            break;
        fputs(i ? ", " : "", out);
        figures_put_value(x, out);
    }
    if (json_array_size(list) > 100)
        fprintf(out, " and %zu more", json_array_size(list) - 100);
    fputs(".</p>\n", out);
}

static void put_data(const struct record *r, FILE *out)
{
    if (!r->data)
        return;
    put_heading("data", "Data", out);
    put_list("Features", json_object_get(r->data, "features"), out);
    put_list("Targets", json_object_get(r->data, "targets"), out);
    figures_put("what was read", r->data, out);
    put_end(out);
}

/* --- configuration */

static void put_changed(const struct record *r, FILE *out)
{
    fputs("<div class=\"wide\" tabindex=\"0\">\n<table>\n<caption>Keys that are not as their "
          "defaults</caption>\n<thead>\n<tr><th scope=\"col\" class=\"text\">key</th>"
          "<th scope=\"col\" class=\"text\">value</th><th scope=\"col\" class=\"text\">what it "
          "is</th></tr>\n</thead>\n<tbody>\n",
          out);
    for (size_t i = 0; i < r->keys.count; i++) {
        const struct listed *key = &r->keys.item[i];
        if (key->is_default)
            continue;
        fputs("<tr><th scope=\"row\">", out);
        html_text(key->name, out);
        fputs("</th><td class=\"text\">", out);
        html_text(key->text, out);
        fputs("</td><td class=\"text\">", out);
        html_text(key->help ? key->help : "", out);
        fputs("</td></tr>\n", out);
    }
    fputs("</tbody>\n</table>\n</div>\n", out);
}

static void put_configuration(const struct record *r, FILE *out)
{
    put_heading("configuration", "Configuration", out);
    if (!r->config) {
        fputs("<p>The folder has no config.ini.</p>\n", out);
        put_end(out);
        return;
    }
    put_changed(r, out);
    fputs("<h3>config.ini</h3>\n<pre tabindex=\"0\">", out);
    html_put(r->config, r->config_size, out);
    fputs("</pre>\n", out);
    put_end(out);
}

/* --- where it comes from */

/* The files of a run and their sizes. */
static void put_files(const struct record *r, FILE *out)
{
    static const char *const names[] = {"best.safetensors", "last.safetensors", "model.py",
                                        "plan.json", "log.jsonl"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct stat st;
        char *path = file_join(r->folder, names[i]);
        if (!path)
            jsonmem_lacks();
        if (path && !stat(path, &st) && S_ISREG(st.st_mode))
            put_row(names[i], html_bytes((double)st.st_size).text, out);
        free(path);
    }
}

static void put_origin(const struct record *r, FILE *out)
{
    const json_t *card = json_object_get(r->start, "telemetry");
    char time[RECORD_TIME + 8], resumes[32];
    snprintf(resumes, sizeof resumes, "%zu", r->resumes);
    put_heading("origin", "Where it comes from", out);
    fputs("<div class=\"wide\" tabindex=\"0\">\n<table>\n<tbody>\n", out);
    put_row("Trained by seqtrain", text_of(r->start, "version"), out);
    put_row("Begun", *r->first ? time_words(r->first, time) : NULL, out);
    put_row("Last line of the log", *r->last ? time_words(r->last, time) : NULL, out);
    put_row("Resumed, times", r->resumes ? resumes : NULL, out);
    put_row("Device", text_of(r->start, "device"), out);
    put_row("Part of it", text_of(r->start, "part"), out);
    put_row("Platform", text_of(r->start, "platform"), out);
    put_row("OpenCL", text_of(r->plan, "version"), out);
    put_row("Driver", text_of(r->plan, "driver"), out);
    put_row("Card", text_of(card, "card"), out);
    put_row("Driver of the card", text_of(card, "driver"), out);
    put_row("CUDA", text_of(card, "cuda"), out);
    put_row("Matrix products by", text_of(r->start, "gemm"), out);
    put_row("Run folder", text_of(r->start, "folder"), out);
    put_files(r, out);
    fputs("</tbody>\n</table>\n</div>\n", out);
    put_end(out);
}

static void put_contents(const struct record *r, FILE *out)
{
    fputs("<nav aria-label=\"Contents\">\n<ul>\n"
          "<li><a href=\"#evaluation\">Evaluation</a></li>\n"
          "<li><a href=\"#pictures\">Pictures</a></li>\n"
          "<li><a href=\"#training\">Training</a></li>\n",
          out);
    if (r->data)
        fputs("<li><a href=\"#data\">Data</a></li>\n", out);
    fputs("<li><a href=\"#configuration\">Configuration</a></li>\n"
          "<li><a href=\"#origin\">Where it comes from</a></li>\n</ul>\n</nav>\n",
          out);
}

static int put_body(const struct record *r, FILE *out, struct error *err)
{
    fputs("<header>\n<h1>", out);
    html_text(r->name, out);
    fputs("</h1>\n", out);
    put_state(r, out);
    put_contents(r, out);
    fputs("</header>\n<main>\n", out);
    put_cards(r, out);
    put_evaluation(r, out);
    if (put_pictures(r, out, err))
        return -1;
    put_training(r, out);
    put_data(r, out);
    put_configuration(r, out);
    put_origin(r, out);
    fputs("</main>\n<footer>\n<p class=\"small\">Written by seqtrain " PACKAGE_VERSION
          " report. This file is complete: it loads nothing from elsewhere.</p>\n</footer>\n"
          "</body>\n</html>\n",
          out);
    return 0;
}

int page_write(const struct record *r, FILE *out, struct error *err)
{
    locale_t before = clocale_enter();
    put_head(r, out);
    int failed = put_body(r, out, err);
    clocale_leave(before);
    if (!failed && jsonmem_short()) /* something may be lacking */
        failed = error_set(err, STATUS_FAILED, "out of memory");
    return failed;
}
