/* What the host gives: memory that never runs out quietly, standard streams that are checked,
 * signals. */
#pragma once

#include "base/text.h"

/* The process's allocator: on failure it says so, removes temporary files and exits with status 71.
 */
extern const struct allocator host_allocator;

/* Writes text to standard output (or error), whole; false when that failed (status 74 is due). */
bool host_print(const struct text *t);
void host_message(const struct text *t); /* to standard error */
void host_say(const char *format, ...);  /* text_format and a newline, to standard error */
/* Flushes and checks standard output at the end of the program: 0, or the exit status. */
int host_finish(int status);

/* A standard stream that is closed becomes one that can only be read and is empty, so that no file
 * opened later takes its place, and writing to it fails. */
void host_open_streams(void);
/* SIGINT, SIGTERM and SIGHUP set a flag that runs poll; a second one ends the process at once. */
void host_catch_signals(void);
bool host_interrupted(void *context); /* for sim_inputs.interrupted */
/* Restores the default action and dies of the signal that came; returns when none did. */
void host_die_of_signal(void);
/* A message in the colours of color_lines() where standard error and `when` want them. */
void host_message_color(const struct text *t, const char *when);
/* Whether both name one regular file: writing one would be the end of the other. */
bool host_same_file(const char *a, const char *b);
bool host_color(int stream, const char *when); /* "auto", "always", "never"; NO_COLOR, TERM=dumb */
