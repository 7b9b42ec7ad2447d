/* write_sample_report.c - writes the report of the sample, and tells its number of plots. */
/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "report.h"
#include "sample_results.h"

int main(int argc, char *argv[])
{
    struct results results = {0};
    int error;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s FILE\n", argv[0]);
        return 2;
    }
    error = sample_results(&results);
    if (error == 0)
        error = report_write(&results, argv[1]);
    results_destroy(&results);
    if (error < 0)
        (void)fprintf(stderr, "%s: %s\n", argv[1], strerror(-error));
    else
        printf("%d\n", SAMPLE_PLOTS);
    return error < 0 ? 1 : 0;
}
