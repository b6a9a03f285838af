/* SPDX-License-Identifier: BSD-2-Clause */
/* csep/csep.h - all public headers of libcsep. */
#ifndef CSEP_CSEP_H
#define CSEP_CSEP_H

#include "csep/context.h"
#include "csep/data.h"
#include "csep/export.h"
#include "csep/host.h"
#include "csep/negotiate.h"
#include "csep/secure.h"
#include "csep/slot.h"
#include "csep/status.h"
#include "csep/time.h"
#include "csep/tls.h"
#include "csep/trace.h"
#include "csep/wire.h"

#endif
