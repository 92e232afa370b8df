/* Unit tests of base/sha256: vectors of FIPS 180-4 (NIST, Examples with Intermediate Values), and
 * every length around the padding. */
#include "base/sha256.h"
#include "cli/sha256_x86.h"

#include <criterion/criterion.h>
#include <string.h>

Test(sha256, vectors)
{
    static const struct {
        const char *message, *digest;
    } rows[] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
        { "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
          "lmnopqrsmnopqrstnopqrstu",
          "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char hex[65];
        sha256_hex(rows[i].message, strlen(rows[i].message), hex);
        cr_assert_str_eq(hex, rows[i].digest, "row %zu", i);
    }
}

Test(sha256, a_million_letters)
{
    static char letters[1000000];
    char hex[65];
    memset(letters, 'a', sizeof letters);
    sha256_hex(letters, sizeof letters, hex);
    cr_assert_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Digests of n times 'a' where the padding changes from one block to two. From sha256sum(1). */
Test(sha256, lengths_around_the_padding)
{
    static const struct {
        size_t length;
        const char *digest;
    } rows[] = {
        { 1, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" },
        { 54, "a3f01b6939256127582ac8ae9fb47a382a244680806a3f613a118851c1ca1d47" },
        { 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318" },
        { 56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a" },
        { 57, "f13b2d724659eb3bf47f2dd6af1accc87b81f09f59f2b75e5c0bed6589dfe8c6" },
        { 63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34" },
        { 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb" },
        { 65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0" },
        { 119, "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb" },
        { 120, "2f3d335432c70b580af0e8e1b3674a7c020d683aa5f73aaaedfdc55af904c21c" },
        { 128, "6836cf13bac400e9105071cd6af47084dfacad4e5e302c94bfed24e013afb73e" },
    };
    char letters[200];
    memset(letters, 'a', sizeof letters);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char hex[65];
        sha256_hex(letters, rows[i].length, hex);
        cr_assert_str_eq(hex, rows[i].digest, "length %zu", rows[i].length);
    }
}

Test(sha256, in_pieces_of_any_length)
{
    char letters[300], whole[65], pieces[65];
    for (size_t i = 0; i < sizeof letters; i++) letters[i] = (char)('a' + i % 26);
    sha256_hex(letters, sizeof letters, whole);
    for (size_t step = 1; step <= sizeof letters; step++) {
        struct sha256 h;
        sha256_begin(&h);
        for (size_t at = 0; at < sizeof letters; at += step) {
            sha256_add(&h, letters + at, at + step <= sizeof letters ? step : sizeof letters - at);
            sha256_add(&h, letters, 0);
        }
        sha256_end(&h, pieces);
        cr_assert_str_eq(pieces, whole, "pieces of %zu", step);
    }
}

/* The processor's own instructions, where it has them, and portable C agree on every length. */
Test(sha256, both_ways)
{
    uint8_t bytes[1000];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * i + i / 7);
    for (size_t length = 0; length <= sizeof bytes; length++) {
        struct sha256 h;
        char own[65], portable[65];
        sha256_begin_with(&h, sha256_x86());
        sha256_add(&h, bytes, length / 3);
        sha256_add(&h, bytes + length / 3, length - length / 3);
        sha256_end(&h, own);
        sha256_hex(bytes, length, portable);
        cr_assert_str_eq(own, portable, "length %zu", length);
    }
}
