"""The core is a pure function: its objects call nothing but mem*, str* and bug_report, and hold
nothing that can be written.

usage: purity.py SOURCE_ROOT LIBCORE_A

Works on the objects, so it depends on no build option but instrumentation: sanitizers and
coverage add writable sections of their own, which are then not looked at.
"""
import re
import subprocess
import sys

import csource

SKIPPED = 77
# The compiler's own: bcmp for memcmp, 128-bit arithmetic, bit counts, stack protector,
# fortified mem* and str*.
ALLOWED = re.compile(r'(?:mem|str)[a-z]+|bcmp|__(?:mem|str)[a-z]+_chk|bug_report|__stack_chk_fail|'
                     r'_GLOBAL_OFFSET_TABLE_|__[a-z]+[sdt]i[2-5]|__muloti4|__mulodi4')
INSTRUMENTS = re.compile(r'__(?:asan|ubsan|tsan|msan|lsan|sanitizer|sancov|gcov|llvm_prof|start___'
                         r'|stop___)\w*|_*llvm_gcov\w*|__profc\w*')
WRITABLE = re.compile(r'(?:\.(?:data|bss|tdata|tbss|init_array|fini_array|ctors|dtors|'
                      r'preinit_array)(?:\..*)?|\*COM\*)$')
CONSTANT = re.compile(r'\.data\.rel\.ro(?:\..*)?$')
OBJECT = re.compile(r'(\S+):\s+file format ')


def symbol_rows(archive):
    """(object, section, name) of every symbol. A row of objdump -t: value, seven letters of
    flags, section, a tab, size, perhaps the visibility, name."""
    done = subprocess.run(['objdump', '-t', archive], capture_output=True, text=True, check=True)
    member = '?'
    for line in done.stdout.splitlines():
        start = OBJECT.match(line)
        if start:
            member = start.group(1).split('/')[-1]
        row = re.match(r'[0-9a-f]+ (.{7}) (\S+)\t[0-9a-f]+ +(?:\.hidden +)?(\S+)$', line)
        if row:
            yield member, row.group(1), row.group(2), row.group(3)


def section_rows(archive):
    """(object, section, bytes) of every section."""
    done = subprocess.run(['objdump', '-h', '-w', archive], capture_output=True, text=True,
                          check=True)
    member = '?'
    for line in done.stdout.splitlines():
        start = OBJECT.match(line)
        if start:
            member = start.group(1).split('/')[-1]
        row = re.match(r' *\d+ (\S+) +([0-9a-f]+) ', line)
        if row:
            yield member, row.group(1), int(row.group(2), 16)


def is_writable(section):
    return WRITABLE.match(section) is not None and CONSTANT.match(section) is None


def check_calls(report, symbols):
    defined = {name for _, _, section, name in symbols if section != '*UND*'}
    for member, _, section, name in symbols:
        if section != '*UND*' or name in defined:
            continue
        if ALLOWED.fullmatch(name) is None and INSTRUMENTS.fullmatch(name) is None:
            report.error(member, 1, f'the core must not use {name}')


def check_sections(report, symbols, sections):
    for member, _, section, name in symbols:
        if is_writable(section) and name != section:
            report.error(member, 1, f'{name} in {section} can be written')
    for member, section, length_bytes in sections:
        if is_writable(section) and length_bytes:
            report.error(member, 1, f'{section} has {length_bytes} bytes that can be written')


def main(archive):
    report = csource.Report()
    symbols = list(symbol_rows(archive))
    sections = list(section_rows(archive))
    if not any(section.startswith('.text') for _, section, _ in sections):
        report.error(archive, 1, 'holds no code: nothing was checked')
    check_calls(report, symbols)
    if any(INSTRUMENTS.fullmatch(name) for _, _, _, name in symbols):
        print('instrumented build: its writable sections are not looked at')
        return report.status() or SKIPPED
    check_sections(report, symbols, sections)
    return report.status()


if __name__ == '__main__':
    sys.exit(main(sys.argv[2]))
