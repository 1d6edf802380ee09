/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Questions to the person at the terminal, in the words of the reference (CLI.hs). */
#include "bin/common/prompt.h"

#include <stdio.h>
#include <string.h>

#include "bin/common/cli.h"

enum smq_result prompt_line(const char *question, char *answer, size_t size) {
    printf("%s", question);
    if (!cli_flush())
        return SMQ_ERR_CLOSED;
    if (fgets(answer, (int)size, stdin) == NULL)
        return SMQ_ERR_CLOSED;
    size_t length = strcspn(answer, "\r\n");
    if (answer[length] == '\0' && !feof(stdin)) {
        int skipped;
        do
            skipped = getchar();
        while (skipped != '\n' && skipped != EOF);
        return SMQ_ERR_TOO_LARGE;
    }
    answer[length] = '\0';
    return SMQ_OK;
}

enum smq_result prompt_switch(const char *question, bool *yes) {
    for (;;) {
        char answer[16] = "";
        printf("%s", question);
        enum smq_result result = prompt_line(*yes ? " (Yn): " : " (yN): ", answer, sizeof answer);
        if (result == SMQ_ERR_CLOSED)
            return result;
        if (result == SMQ_OK && answer[0] == '\0')
            return SMQ_OK;
        if (result == SMQ_OK && answer[1] == '\0' && strchr("yYnN", answer[0]) != NULL) {
            *yes = answer[0] == 'y' || answer[0] == 'Y';
            return SMQ_OK;
        }
        printf("Invalid input, please enter 'y' or 'n'\n");
    }
}

bool prompt_confirm(const char *warning) {
    char answer[16] = "";
    printf("%s", warning);
    return prompt_line("\nContinue (Y/n): ", answer, sizeof answer) == SMQ_OK && strcmp(answer, "Y") == 0;
}
