/* engine_sim.h - the engine of simulated runs. */
/* SPDX-License-Identifier: MIT */
#ifndef SIM_ENGINE_SIM_H
#define SIM_ENGINE_SIM_H

#include "engine.h"

extern const struct engine_ops engine_sim;

#endif
