/* fuzz_port.c - runs of the simulation (tests/sim) whose choices are the fuzzer's. */
/* SPDX-License-Identifier: MIT */
/*
 * Input  The engine (1 byte), then what is drawn: who runs next, what the network does, what is
 *        begun, cancelled, closed, posted and waited for. When it is used up a seed goes on.
 */
#include "chance.h"
#include "fuzz.h"
#include "play.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static char engines[][sizeof "blocking"] = {"sim", "epoll", "blocking"};
    static bool is_ready;

    if (!is_ready)
        play_stay_on_one_processor();
    is_ready = true;
    if (size == 0)
        return 0;
    chance_seed(0);
    chance_lead(bytes + 1, size - 1);
    (void)play(engines[bytes[0] % 3]);
    return 0;
}
