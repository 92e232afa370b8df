/* Names of included files: relative to the file that includes them. */
#include "scenario/names.h"

#include "base/types.h"

#include <string.h>

const char *name_join(const char *from, const char *path, struct arena *arena)
{
    const char *slash = strrchr(from, '/');
    size_t folder = path[0] == '/' || !slash ? 0 : (size_t)(slash - from) + 1;
    size_t length = strlen(path);
    char *joined = arena_new(arena, folder + length + 1, 1);
    memcpy(joined, from, folder);
    memcpy(joined + folder, path, length);
    return joined;
}

/* Whether the last part of out[0 .. length) is a name that ".." takes away. */
static bool ends_in_name(const char *out, size_t length)
{
    if (length == 0) return false;
    return !(length >= 2 && memcmp(out + length - 2, "..", 2) == 0 &&
             (length == 2 || out[length - 3] == '/'));
}

static size_t without_last(const char *out, size_t length)
{
    while (length > 0 && out[length - 1] != '/') length--;
    return length > 0 ? length - 1 : 0;
}

/* Takes "." and "name/.." out of a relative path; works in place, for it only gets shorter. */
static void normalise(char *path)
{
    size_t length = 0;
    const char *part = path;
    while (*part) {
        size_t bytes = strcspn(part, "/");
        bool skip = bytes == 0 || (bytes == 1 && part[0] == '.');
        bool up = bytes == 2 && part[0] == '.' && part[1] == '.';
        if (up && ends_in_name(path, length)) {
            length = without_last(path, length);
        } else if (!skip) {
            if (length) path[length++] = '/';
            memmove(path + length, part, bytes);
            length += bytes;
        }
        part += bytes;
        if (*part) part++;
    }
    path[length] = 0;
}

const char *name_relative(const char *from, const char *path, struct arena *arena)
{
    const char *slash = strrchr(path, '/');
    if (path[0] == '/') return arena_text(arena, slash + 1, strlen(slash + 1));
    const char *joined = name_join(from, path, arena);
    char *copy = arena_text(arena, joined, strlen(joined));
    normalise(copy);
    return copy;
}
