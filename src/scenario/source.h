/* The bytes of one input on their way to libyaml: checked for encoding and budget as they are
 * handed out, so that a bad file costs no more than the part before its first mistake. */
#pragma once

#include "base/diag.h"
#include "scenario/input.h"

#include <yaml.h>

struct source {
    const char *bytes; /* after a byte order mark */
    size_t length;
    uint32_t file;         /* index among the diags' files */
    uint32_t column_shift; /* added to the columns of line 1 */
    size_t handed;         /* bytes that libyaml has */
    size_t checked;        /* bytes known to be good; line and column are of the next one */
    uint32_t line, column;
    struct input *input; /* where bytes come from that are not there yet; NULL: all are */
    const char *unreadable; /* why they did not come, NULL while they do */
    /* Bytes handed out since the last event, without blank lines and comments as far as these can
     * be told, and the most that may be: libyaml itself would read a text of any length. Then the
     * same for the bytes of a text that they make at the least, written with blanks and escapes. */
    size_t since_event, patience;
    int64_t text_since_event, text_patience;
    size_t given_up_after; /* bytes; 0: patience is not at its end */
    const yaml_parser_t *parser; /* tells whether a comment can stand here; may be NULL */
    struct source_line {
        bool begun, comment; /* something but blanks was seen; it was a '#' */
        bool block_text;     /* a text after '|' or '>' may be going on */
        size_t indent, block_indent;
    } at_line;
    const char *problem; /* what is wrong with the byte at `checked`, NULL while all is well */
};

void source_init(struct source *s, const char *bytes, size_t length, uint32_t file,
                 uint64_t scalar_bytes);
/* Takes note of an event. */
void source_event(struct source *s);
/* yaml_read_handler_t over a struct source. */
int source_read(void *context, unsigned char *buffer, size_t size, size_t *size_read);
/* Place of a 0-based line and column. */
struct where source_where(const struct source *s, size_t line, size_t column);
/* Offset of a 0-based line and column (counted in characters); the length when past the end. */
size_t source_offset(const struct source *s, size_t line, size_t column);
/* Place of an offset. */
struct where source_where_offset(const struct source *s, size_t offset);
