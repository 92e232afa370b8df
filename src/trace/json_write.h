/* JSON text, written straight into a buffer: a trace has millions of events, and building a value
 * for each of them first would cost some twenty times as much. */
#pragma once

#include "base/field.h"
#include "base/text.h"
#include "mm/outcome.h"

#include <string.h>

/* The highest number that stands as a JSON integer; above it a program that reads numbers as
 * doubles would round (RFC 8259, section 6), so a hexadecimal string stands instead. */
#define JSON_INTEGER_MAX ((uint64_t)1 << 53)

static inline void json_bytes(struct text *t, const char *bytes, size_t length)
{
    if (__builtin_expect(t->capacity - t->length <= length, 0)) {
        text_bytes(t, bytes, length);
        return;
    }
    memcpy(t->bytes + t->length, bytes, length);
    t->length += length;
}

/* A string literal, as it is. */
#define JSON_PUT(t, literal) json_bytes((t), "" literal, sizeof(literal) - 1)

static inline void json_char(struct text *t, char c) { json_bytes(t, &c, 1); }

/* A name that needs no escapes. */
static inline void json_plain(struct text *t, const char *s) { json_bytes(t, s, strlen(s)); }

/* "KEY": with the blank after it; a key that needs no escapes. */
static inline void json_key(struct text *t, const char *key)
{
    json_char(t, '"');
    json_plain(t, key);
    JSON_PUT(t, "\": ");
}

void json_u64(struct text *t, uint64_t n); /* decimal */
void json_i64(struct text *t, int64_t n);
void json_hex(struct text *t, uint64_t n);     /* "0x1F", with its quotes */
void json_hex_bare(struct text *t, uint64_t n); /* 0x1F */
void json_count(struct text *t, uint64_t n);   /* decimal, json_hex above JSON_INTEGER_MAX */
void json_quoted(struct text *t, const char *s); /* quoted and escaped */
void json_bool(struct text *t, bool b);
/* The constant's name as a string; a number where it has none (a string in hexadecimal for status
 * and bug check codes). */
void json_name(struct text *t, const struct names *names, uint64_t value);
/* The flags that are set, joined by " | " in the order of the table, the rest in hexadecimal. A
 * name of value 0 (LowPagePriority) stands where nothing else of its group is set. 0 where
 * nothing is set and 0 has no name. */
void json_flags(struct text *t, const struct names *names, uint64_t value);
/* The same as a list of strings, without names of value 0. */
void json_flag_list(struct text *t, const struct names *names, uint64_t value);
/* One to four printable characters, as C writes them between apostrophes; else hexadecimal. */
void json_tag(struct text *t, uint32_t tag);
/* {"code": NAME, "p1": "0x0", ...} */
void json_stop(struct text *t, const struct stop *stop);
/* "WORD#N", null when id is 0. */
void json_id(struct text *t, const char *word, uint32_t id);
