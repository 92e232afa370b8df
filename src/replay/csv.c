/* CSV: kind,address,size and perhaps pid and cpu, in this order or in that of a first line of
 * names; columns of other names are passed over, so are lines that start with '#'. Numbers are
 * decimal or 0x. docs/SCENARIOS.md has the words for kinds. */
#include "replay/parse.h"

enum { FIELDS_MAX = 32 };

struct field {
    const char *at, *end; /* without blanks around it */
};
struct fields {
    struct field field[FIELDS_MAX];
    unsigned count;
};

static const char *const field_names[CSV_FIELD_COUNT] = {
    [CSV_KIND] = "kind", [CSV_ADDRESS] = "address", [CSV_SIZE] = "size",
    [CSV_PID] = "pid",   [CSV_CPU] = "cpu",
};
static const char *const no_column[CSV_FIELD_COUNT] = {
    [CSV_KIND] = "no column is named kind",
    [CSV_ADDRESS] = "no column is named address",
    [CSV_SIZE] = "no column is named size",
};
static const char *const mixed[CSV_FIELD_COUNT] = {
    [CSV_PID] = "another pid than before: choose one (mdlsim import --pid)",
    [CSV_CPU] = "another cpu than before: choose one (mdlsim import --cpu)",
};

static const struct kind_word {
    const char *word;
    uint8_t kind;
} kind_words[] = {
    { "load", ACCESS_LOAD },      { "l", ACCESS_LOAD },         { "read", ACCESS_LOAD },
    { "r", ACCESS_LOAD },         { "0", ACCESS_LOAD },         { "store", ACCESS_STORE },
    { "s", ACCESS_STORE },        { "write", ACCESS_STORE },    { "w", ACCESS_STORE },
    { "1", ACCESS_STORE },        { "fetch", ACCESS_FETCH },    { "i", ACCESS_FETCH },
    { "ifetch", ACCESS_FETCH },   { "execute", ACCESS_FETCH },  { "instruction", ACCESS_FETCH },
    { "x", ACCESS_FETCH },        { "2", ACCESS_FETCH },        { "modify", ACCESS_MODIFY },
    { "m", ACCESS_MODIFY },
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_word(const struct field *f, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(f->end - f->at) != length) return false;
    for (size_t i = 0; i < length; i++) {
        char c = f->at[i];
        if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != word[i]) return false;
    }
    return true;
}

static bool is_remark(const char *at, const char *end)
{
    return at < end && *at == '#';
}

/* Two commas: lines of other formats have one or none. */
static bool looks_like(const char *at, const char *end)
{
    const char *comma = memchr(at, ',', (size_t)(end - at));
    return comma != NULL && memchr(comma + 1, ',', (size_t)(end - comma - 1)) != NULL;
}

/* What spreadsheets put before UTF-8. */
static const char *behind_mark(const char *at)
{
    return at[0] == '\xEF' && at[1] == '\xBB' && at[2] == '\xBF' ? at + 3 : at;
}

/* Of a field, at its first character: where its comma or the end of the line is. */
static const char *field_end(const char *at)
{
    bool quoted = false;
    for (; *at != '\n' && (quoted || *at != ','); at++)
        if (*at == '"') quoted = !quoted;
    return at;
}

static void unquote(struct field *f)
{
    if (f->end - f->at < 2 || *f->at != '"' || f->end[-1] != '"') return;
    f->at++;
    f->end--;
}

static void split(const char *at, struct fields *f)
{
    for (f->count = 0; f->count < FIELDS_MAX;) {
        while (is_blank(*at))
            at++;
        struct field *field = &f->field[f->count++];
        field->at = at;
        at = field_end(at);
        field->end = at;
        while (field->end > field->at && is_blank(field->end[-1]))
            field->end--;
        unquote(field);
        if (*at++ == '\n') return;
    }
    f->count++; /* too many */
}

static bool number(struct parse *p, const struct field *f, uint64_t *value)
{
    const char *at = f->at;
    bool is_hex = f->end - at > 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X');
    if (is_hex) at += 2;
    if (at == f->end) return parse_fail(p, f->at, "expected a number"), false;
    for (*value = 0; at < f->end; at++) {
        struct parse_hex16 digit = parse_hex8((unsigned char)*at);
        uint64_t one = digit.value >> 28;
        if (!(digit.digits & 1) || (!is_hex && one > 9))
            return parse_fail(p, at, "expected a digit of a number, decimal or 0x"), false;
        if (!mul_fits(*value, is_hex ? 16 : 10, value) || !add_fits(*value, one, value))
            return parse_fail(p, f->at, "a number of more than 64 bits"), false;
    }
    return true;
}

static bool kind(struct parse *p, const struct field *f, uint8_t *out)
{
    for (size_t i = 0; i < COUNT_OF(kind_words); i++)
        if (is_word(f, kind_words[i].word)) {
            *out = kind_words[i].kind;
            return true;
        }
    parse_fail(p, f->at, "expected a kind: load, store, fetch or modify");
    return false;
}

/* A line of names has no digit at the start of any field. */
static bool is_header(const struct fields *f)
{
    for (unsigned i = 0; i < f->count; i++)
        if (*f->field[i].at >= '0' && *f->field[i].at <= '9') return false;
    return true;
}

static enum line_kind read_header(struct parse *p, const struct fields *f)
{
    struct csv *csv = &p->csv;
    for (unsigned i = 0; i < CSV_FIELD_COUNT; i++) {
        csv->column[i] = -1;
        for (unsigned j = 0; j < f->count; j++) {
            if (!is_word(&f->field[j], field_names[i])) continue;
            if (csv->column[i] >= 0)
                return parse_fail(p, f->field[j].at, "a second column of this name");
            csv->column[i] = (int8_t)j;
        }
        if (csv->column[i] < 0 && no_column[i] != NULL) return parse_fail(p, p->at, no_column[i]);
    }
    csv->columns = (uint8_t)f->count;
    csv->is_known = true;
    return LINE_EMPTY;
}

static void take_usual_columns(struct csv *csv, unsigned count)
{
    for (unsigned i = 0; i < CSV_FIELD_COUNT; i++)
        csv->column[i] = i < count ? (int8_t)i : -1;
    csv->columns = (uint8_t)count;
    csv->is_known = true;
}

/* pid and cpu: LINE_RECORD to go on, LINE_EMPTY for another's record. */
static enum line_kind check_owner(struct parse *p, const struct fields *f, enum csv_field which)
{
    struct csv *csv = &p->csv;
    uint64_t value;
    if (csv->column[which] < 0) {
        if (!csv->asked[which]) return LINE_RECORD;
        return parse_fail(p, p->at, which == CSV_PID ? "there is no column pid to choose by"
                                                     : "there is no column cpu to choose by");
    }
    const struct field *field = &f->field[csv->column[which]];
    if (!number(p, field, &value)) return LINE_BAD;
    if (!csv->given[which]) csv->wanted[which] = value;
    csv->given[which] = true;
    if (value == csv->wanted[which]) return LINE_RECORD;
    return csv->asked[which] ? LINE_EMPTY : parse_fail(p, field->at, mixed[which]);
}

static enum line_kind parse_record(struct parse *p, const struct fields *f, struct access *out)
{
    const struct csv *csv = &p->csv;
    const struct field *address = &f->field[csv->column[CSV_ADDRESS]];
    const struct field *size_field = &f->field[csv->column[CSV_SIZE]];
    uint64_t size;
    if (!kind(p, &f->field[csv->column[CSV_KIND]], &out->kind) ||
        !number(p, address, &out->address) || !number(p, size_field, &size) ||
        !parse_check_range(p, out, size, address->at, size_field->at))
        return LINE_BAD;
    out->size = (uint32_t)size;
    enum line_kind owner = check_owner(p, f, CSV_PID);
    if (owner == LINE_RECORD) owner = check_owner(p, f, CSV_CPU);
    p->passed_over += owner == LINE_EMPTY;
    return owner;
}

static enum line_kind parse_line(struct parse *p, struct access *out)
{
    struct fields f;
    const char *at = parse_skip_blanks(p->at);
    if (parse_at_line_end(at) || *p->at == '#') return LINE_EMPTY;
    split(p->csv.is_known ? p->at : behind_mark(p->at), &f);
    if (f.count > FIELDS_MAX) return parse_fail(p, p->at, "more than 32 columns");
    if (!p->csv.is_known) {
        if (is_header(&f)) return read_header(p, &f);
        if (f.count < CSV_PID || f.count > CSV_FIELD_COUNT)
            return parse_fail(p, p->at,
                              "expected kind,address,size and perhaps pid and cpu, or their names");
        take_usual_columns(&p->csv, f.count);
    }
    if (f.count != p->csv.columns)
        return parse_fail(p, p->at, "not as many columns as the first line has");
    return parse_record(p, &f, out);
}

static size_t parse(struct parse *p, struct access *out, size_t room)
{
    return parse_lines(p, out, room, parse_line);
}

const struct trace_format csv_format = {
    .name = "csv", .parse = parse, .looks_like = looks_like, .is_remark = is_remark,
};
