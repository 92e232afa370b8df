/* The version of mdlsim. */
#pragma once

#ifndef MDLSIM_VERSION
#define MDLSIM_VERSION "0.1.0"
#endif
