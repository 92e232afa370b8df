/* Lines of lackey and din as the programs print them, parsed by the vector instructions of x86. */
#pragma once

#include "replay/parse.h"

/* What parses plain lines fastest on this processor; NULL where that is portable C. Asks the
 * processor, and that is slow where it is a guest: once a trace will do. */
parse_plain *plain_x86_lackey(void);
parse_plain *plain_x86_din(void);
