/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands of smp-server where something is in their way: a stdout that takes nothing, a router that runs, files of
 * others, keys that everybody reads; and what scripts of the reference's server expect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/support/process.h"
#include "test/support/require.h"

enum { DEADLINE_MS = 20000, TEXT_SIZE = 32768, WORDS_MAX = 48, NOBODY = 65534 };

#define PROGRAM BUILD_DIR "/bin/smp-server"
#define VECTORS "test/vectors/files/smp/"

static char root[64], configuration[80], data[80];
static struct process *server;

static int setup(void **state) {
    (void)state;
    temporary_folder_create(root);
    (void)snprintf(configuration, sizeof configuration, "%s/etc", root);
    (void)snprintf(data, sizeof data, "%s/var", root);
    (void)setenv("SMP_SERVER_CFG_PATH", configuration, 1);
    (void)setenv("SMP_SERVER_LOG_PATH", data, 1);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    process_destroy(&server);
    temporary_folder_remove(root);
    return 0;
}

/* Words are separated by '|', so that they may hold blanks. */
static void start(const char *input, const char *line) {
    static char copy[1024];
    const char *argv[WORDS_MAX] = {PROGRAM};
    size_t count = 1;
    (void)snprintf(copy, sizeof copy, "%s", line);
    char *rest = copy;
    for (char *word = strsep(&rest, "|"); word != NULL && count < WORDS_MAX - 1; word = strsep(&rest, "|"))
        argv[count++] = word;
    process_destroy(&server);
    server = process_start(argv, input);
}

static int run(const char *input, const char *line) {
    start(input, line);
    return process_wait(server, DEADLINE_MS);
}

static const char *path_of(const char *name) {
    static char path[200];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static char *read_text(const char *path) {
    static char text[TEXT_SIZE];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s cannot be read", path);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    return text;
}

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    require(file != NULL);
    require(fwrite(text, 1, strlen(text), file) == strlen(text));
    require(fclose(file) == 0);
}

static void expect_errors(const char *text) {
    const char *errors = process_errors(server);
    if (strstr(errors, text) == NULL)
        fail_msg("no `%s` in: %s", text, errors);
    if (strchr(errors, '\n') != errors + strlen(errors) - 1)
        fail_msg("not one line: %s", errors);
}

static void initialize(void) {
    if (run(NULL, "init|-y|--no-password|-n|localhost") != 0)
        fail_msg("%s", process_errors(server));
}

static void configure(const char *more) {
    char text[1024];
    (void)snprintf(text, sizeof text,
                   "[TRANSPORT]\nhost = localhost\nport = %u\nbind = 127.0.0.1\n[STORE_LOG]\nmap_size = 64M\n%s",
                   (unsigned)free_port(), more);
    write_text(path_of("etc/smp-server.ini"), text);
}

static void serve(void) {
    configure("");
    start(NULL, "start");
    require(process_wait_output(server, "Serving SMP protocol", DEADLINE_MS));
}

/* ---- stdout */

/* Runs the program with its stdout at `output`; its exit code, and what it said on stderr. */
static int run_into(int output, const char *const argv[], char *errors, size_t size) {
    int pipe_ends[2], status = 0;
    require(pipe2(pipe_ends, O_CLOEXEC) == 0);
    pid_t child = fork();
    if (child == 0) {
        (void)dup2(output, STDOUT_FILENO);
        (void)dup2(pipe_ends[1], STDERR_FILENO);
        (void)execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    require(child > 0);
    (void)close(pipe_ends[1]);
    size_t length = 0;
    for (ssize_t got; length < size - 1 && (got = read(pipe_ends[0], errors + length, size - 1 - length)) > 0;)
        length += (size_t)got;
    errors[length] = '\0';
    (void)close(pipe_ends[0]);
    require(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void expect_refused_by(int output, const char *reason) {
    static const char *const commands[][4] = {
        {PROGRAM, "--help"},         {PROGRAM, "--version"},
        {PROGRAM, "cert"},           {PROGRAM, "address"},
        {PROGRAM, "check"},          {PROGRAM, "start"},
        {PROGRAM, "start", "-m"},    {PROGRAM, "journal", "import"},
        {PROGRAM, "store", "check"}, {PROGRAM, "store", "stats"},
        {PROGRAM, "init", "--help"},
    };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        char errors[2048], expected[128];
        int status = run_into(output, commands[i], errors, sizeof errors);
        (void)snprintf(expected, sizeof expected, "Error: cannot write to stdout: %s\n", reason);
        if (status != 1 || strstr(errors, expected) == NULL)
            fail_msg("%s: %d, %s", commands[i][1], status, errors);
    }
}

static void test_stdout_that_cannot_be_written_is_an_error_of_every_command(void **state) {
    (void)state;
    int ends[2];
    initialize();
    configure("");
    require(run(NULL, "start|-m") == 0); /* so that there is a store */
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    require(full >= 0 && pipe2(ends, O_CLOEXEC) == 0);
    expect_refused_by(full, "No space left on device");
    (void)close(ends[0]);
    expect_refused_by(ends[1], "Broken pipe");
    (void)close(ends[1]);
    (void)close(full);
}

/* ---- command lines */

static void test_control_characters_are_refused_in_every_option(void **state) {
    (void)state;
    static const char *const lines[] = {
        "init|-y|-n|a\nb", "init|-y|--operator|x\x1b[2J|--source-code",       "init|-y|--password|a\tb",
        "cert|--cn|a\x7f", "init|-y|--web-path|/a\n[AUTH]\nnew_queues = off", "init|-y|--hosting=x\r|--source-code",
        "store|check|a\nb"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(run(NULL, lines[i]), 1);
        expect_errors("expected no control characters");
        assert_int_not_equal(access(configuration, F_OK), 0);
    }
}

static void test_values_that_the_file_could_not_hold_are_refused_before_anything_is_made(void **state) {
    (void)state;
    static const char *const lines[][2] = {
        {"init|-y|-n|host name", "--fqdn: expected host names or IP addresses"},
        {"init|-y|-n|-bad-", "--fqdn: expected"},
        {"init|-y|-n|1.2.3.400", "--fqdn: expected"},
        {"init|-y|--ip|example.org", "--ip: expected an IP address"},
        {"init|-y|--control-port|http", "--control-port http: expected a number from 1 to 65535"},
        {"init|-y|--socks-proxy|ftp://x", "--socks-proxy: expected [user:password@ or @]host[:port]"},
        {"init|-y|--source-code=javascript:alert(1)", "--source-code javascript:alert(1): expected an address"},
        {"init|-y|--pool-size|many", "--pool-size many: expected a number"},
        {"init|-y|--source-code=https://e.org|--operator| blank", "--operator  blank: expected some text"},
        {"init|-y|--no-password|--password|x", "exclude each other"},
        {"init|-y|-n|a234567890123456789012345678901234567890123456789012345678901234567890.example.org",
         "the name is longer than 64 bytes"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(run(NULL, lines[i][0]), 1);
        expect_errors(lines[i][1]);
        assert_int_not_equal(access(configuration, F_OK), 0);
        assert_string_equal(process_output(server), "");
    }
}

static void test_options_for_the_haskell_runtime_are_skipped_with_a_warning(void **state) {
    (void)state;
    assert_int_equal(run(NULL, "+RTS|-N2|-A64m|-RTS|init|-y|+RTS|--nonmoving-gc|-RTS|-n|localhost"), 0);
    expect_errors("smp-server: warning: +RTS options are ignored");
    assert_int_equal(run(NULL, "address|+RTS|-N"), 0);
    expect_errors("+RTS options are ignored");
    assert_int_equal(run(NULL, "journal|--RTS|+RTS"), 1); /* no longer looked for */
}

static void test_commands_of_other_stores_say_what_is_the_case(void **state) {
    (void)state;
    static const struct {
        const char *line;
        int status;
        const char *text;
    } cases[] = {
        {"journal|import", 0, "smp-server journal import: nothing to do"},
        {"journal|export", 2, "smp-server journal export: there is no journal"},
        {"journal|delete", 0, "smp-server journal delete: nothing to do"},
        {"database|import|--table|queues|-d|postgresql://x|--schema|s|--pool-size|3", 0, "nothing to do"},
        {"database|export", 2, "there is no database"},
        {"database|delete", 0, "nothing to do"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(run(NULL, cases[i].line), cases[i].status);
        const char *said = cases[i].status == 0 ? process_output(server) : process_errors(server);
        assert_non_null(strstr(said, cases[i].text));
    }
    assert_int_equal(run(NULL, "journal|mangle"), 1);
    expect_errors("unknown action mangle");
}

/* Every option that the reference's help names, after "## smp-server COMMAND --help". */
static void test_options_of_the_reference_are_known(void **state) {
    (void)state;
    static char help[TEXT_SIZE];
    char command[32] = "";
    unsigned found = 0;
    (void)snprintf(help, sizeof help, "%s", read_text(VECTORS "help.txt"));
    char *rest = help;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        if (sscanf(line, "## smp-server %31s", command) == 1) {
            char words[64];
            (void)snprintf(words, sizeof words, "%s|--help", command[0] == '-' ? "--help" : command);
            assert_int_equal(run(NULL, command[0] == '-' ? "--help" : words), 0);
            continue;
        }
        for (char *option = strstr(line, "--"); option != NULL; option = strstr(option + 2, "--")) {
            char name[40];
            size_t length = 2;
            while (isalpha((unsigned char)option[length]) || option[length] == '-')
                length++;
            (void)snprintf(name, sizeof name, "%.*s", (int)length, option);
            if (strstr(process_output(server), name) == NULL)
                fail_msg("%s %s is not known", command, name);
            found++;
        }
    }
    assert_true(found > 60);
}

/* ---- what the reference's init makes and prints */

static bool is_particular(const char *line) {
    static const char *const parts[] = {"Certificate request", "subject=",      "SMP server v", "Fingerprint: ",
                                        "Server address: ",    "Server source", "/etc/opt/",    "in /etc/"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strstr(line, parts[i]) != NULL)
            return true;
    return false;
}

static void test_init_prints_the_lines_of_the_reference(void **state) {
    (void)state;
    static char text[TEXT_SIZE];
    (void)snprintf(text, sizeof text, "%s", read_text(VECTORS "init-l-n.stdout"));
    require(run(NULL, "init|-y|-l|--no-password|-n|smp.example.org") == 0);
    const char *at = process_output(server);
    unsigned lines = 0;
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        if (line[0] == '\0' || is_particular(line))
            continue;
        at = strstr(at, line); /* in the same order */
        if (at == NULL)
            fail_msg("not printed: %s", line);
        at += strlen(line);
        lines++;
    }
    assert_true(lines >= 8);
}

/* "key = value" lines that are not comments stand in ours, too, in the same sections. */
static void expect_same_keys(const char *vector, const char *const differing[]) {
    static char line[512];
    const char *ours = read_text(path_of("etc/smp-server.ini"));
    const char *section = NULL;
    FILE *file = fopen(vector, "re");
    require(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        char wanted[600];
        bool differs = false;
        for (size_t i = 0; differing[i] != NULL; i++)
            differs = differs || strncmp(line, differing[i], strlen(differing[i])) == 0;
        if (differs)
            line[strcspn(line, "=") + 1] = '\0';
        (void)snprintf(wanted, sizeof wanted, differs ? "\n%s" : "\n%s\n", line);
        const char *found = line[0] == '[' ? NULL : strstr(section, wanted);
        if (line[0] == '[')
            section = found = strncmp(ours, line, strlen(line)) == 0 ? ours : strstr(ours, wanted);
        if (found == NULL)
            fail_msg("%s is not written: %s", line, vector);
    }
    (void)fclose(file);
}

static void test_init_writes_what_the_reference_writes(void **state) {
    (void)state;
    static const struct {
        const char *vector, *line;
    } cases[] = {
        {VECTORS "init-l-n.ini", "init|-y|-l|--no-password|-n|smp.example.org"},
        {VECTORS "init-default.ini", "init|-y"},
        {VECTORS "init-options2.ini", "init|-y|--disable-store-log|--no-password|--control-port|5555|--socks-proxy|"
                                      "127.0.0.1:9150|--source-code=https://example.com/source|--ip|192.0.2.7|"
                                      "--disable-web"},
        {VECTORS "init-socks-control-password.ini",
         "init|-y|--socks-proxy|--control-port|--password|secretpwd|--ip|192.0.2.1"},
        {VECTORS "init-options.ini",
         "init|-y|-s|--source-code=https://github.com/simplex-chat/simplexmq|--server-country|FR|--operator|Example "
         "Org|--operator-country|GB|--operator-website|https://example.com|--hosting|Example "
         "Hosting|--hosting-country|DE|--hosting-type|virtual|--password|secret-pwd|-n|smp.example.com|--control-port|"
         "--own-domains|example.com,example.org|--socks-proxy|--web-path|/var/opt/simplex/site"},
        {VECTORS "init-database.ini", "init|-y|-d|postgresql://smp@/smp_server_store|--schema|smp_server_store|"
                                      "--pool-size|5|-n|smp1.example.com,smp2.example.com"},
    };
    /* Secrets and folders; and ours says nothing of hosting that it was not told. */
    static const char *const differing[] = {"control_port_admin_password",
                                            "control_port_user_password",
                                            "create_password = M83",
                                            "create_password = V7x",
                                            "static_path = /var/opt/simplex/www",
                                            "cert = ",
                                            "key = ",
                                            NULL};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[600];
        (void)snprintf(line, sizeof line, "%s%s", cases[i].line,
                       strstr(cases[i].line, "hosting-type") != NULL  ? ""
                       : strstr(cases[i].line, "source-code") != NULL ? "|--hosting-type|virtual"
                                                                      : "|--hosting-type|virtual|--source-code");
        if (run(NULL, line) != 0)
            fail_msg("%s", process_errors(server));
        expect_same_keys(cases[i].vector, differing);
        require(run("Y\n", "delete") == 0);
    }
}

/* An operator stops the reference's server and starts ours on its INI file. */
static void test_files_of_the_reference_start_the_router(void **state) {
    (void)state;
    static const char *const vectors[] = {VECTORS "init-default.ini", VECTORS "init-database.ini",
                                          VECTORS "init-l-n.ini"};
    initialize();
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        write_text(path_of("etc/smp-server.ini"), read_text(vectors[i]));
        if (run(NULL, "start|-m") != 0)
            fail_msg("%s: %s", vectors[i], process_errors(server));
        assert_non_null(strstr(process_output(server), "expiring messages after 21 days\n"));
        assert_int_equal(run(NULL, "check"), 0);
    }
}

static void test_other_kinds_of_stores_are_said_in_one_log_line(void **state) {
    (void)state;
    initialize();
    configure("store_queues = database\nstore_messages = journal\nenable = on\n");
    assert_int_equal(run(NULL, "start|-m"), 0);
    expect_errors("store_queues = database, store_messages = journal, enable = on, restore_messages = on: all of it is "
                  "kept in LMDB");
    configure("store_queues = memory\nstore_messages = memory\n");
    assert_int_equal(run(NULL, "start|-m"), 0);
    assert_string_equal(process_errors(server), "");
    configure("store_messages = tape\n");
    assert_int_equal(run(NULL, "start|-m"), 1);
    expect_errors("[STORE_LOG] store_messages = tape: expected memory or journal or database");
}

/* ---- address and check */

static void test_address_is_printed_with_the_password_and_ipv6_in_brackets(void **state) {
    (void)state;
    char fingerprint[64], expected[256];
    require(run(NULL, "init|-y|--password|pass1|-n|smp.example.org,2001:db8::5") == 0);
    assert_int_equal(sscanf(read_text(path_of("etc/fingerprint")), "%63s", fingerprint), 1);
    (void)snprintf(expected, sizeof expected, "smp://%s:pass1@smp.example.org,[2001:db8::5]\n", fingerprint);
    assert_int_equal(run(NULL, "address"), 0);
    assert_string_equal(process_output(server), expected);
    assert_string_equal(process_errors(server), "");
    configure("[AUTH]\nnew_queue = off\ncreate_password = pass1\n");
    assert_int_equal(run(NULL, "address"), 1);
    expect_errors("[AUTH] new_queue: unknown key: expected new_queues, create_password");
}

static void test_check_finds_every_mistake_beside_a_running_router(void **state) {
    (void)state;
    char text[1024];
    initialize();
    serve();
    struct process *running = server;
    server = NULL;
    assert_int_equal(run(NULL, "check"), 0);
    assert_non_null(strstr(process_output(server), "smp-server.ini: 4 keys, 0 warnings\n"));
    assert_non_null(strstr(process_output(server), "server.crt: whole, valid until "));
    assert_non_null(strstr(process_output(server), "store: whole; 0 queues, 0 messages, 0 notifications\n"));
    (void)snprintf(text, sizeof text, "%s", read_text(path_of("etc/smp-server.ini")));
    write_text(path_of("etc/smp-server.ini"), "[TRANSPORT]\nport = x\nbind = -\n[NOWHERE]\n");
    assert_int_equal(run(NULL, "check"), 1);
    assert_non_null(strstr(process_errors(server), ":2: [TRANSPORT] port = x: expected"));
    assert_non_null(strstr(process_errors(server), ":3: [TRANSPORT] bind = -: expected"));
    assert_non_null(strstr(process_errors(server), ":4: [NOWHERE]: unknown section: expected INFORMATION, STORE_LOG"));
    assert_non_null(strstr(process_output(server), "store: whole")); /* the rest is looked at, too */
    write_text(path_of("etc/smp-server.ini"), text);
    write_text(path_of("etc/server.crt"), "broken\n");
    assert_int_equal(run(NULL, "check"), 1);
    expect_errors("server.crt: no certificate");
    process_destroy(&running);
}

/* ---- delete */

static void test_delete_refuses_while_the_router_runs(void **state) {
    (void)state;
    initialize();
    serve();
    struct process *running = server;
    server = NULL;
    assert_int_equal(run("Y\n", "delete"), 1);
    expect_errors("/var/store: in use: stop the server first");
    assert_string_equal(process_output(server), ""); /* not even asked */
    process_signal(running, SIGTERM);
    require(process_wait(running, DEADLINE_MS) == 0);
    process_destroy(&running);
    assert_int_equal(run("Y\n", "delete"), 0);
    assert_int_not_equal(access(configuration, F_OK), 0);
    assert_int_not_equal(access(data, F_OK), 0);
}

static void test_delete_removes_by_exact_names(void **state) {
    (void)state;
    static const char *const others[] = {"etc/web.crt",
                                         "etc/smp-server.ini.bak",
                                         "etc/ca.crt.old",
                                         "var/smp-server-store.log",
                                         "var/smp-server-messages.log",
                                         "var/smp-server-notes.txt",
                                         "var/store/data.mdb.mine",
                                         "var/www/index.html"};
    initialize();
    configure("");
    require(run(NULL, "start|-m") == 0);
    require(mkdir(path_of("var/www"), 0755) == 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        write_text(path_of(others[i]), "mine\n");
    assert_int_equal(run("Y\n", "delete"), 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (access(path_of(others[i]), F_OK) != 0)
            fail_msg("%s is gone", others[i]);
    static const char *const own[] = {"etc/smp-server.ini", "etc/ca.key",      "etc/ca.crt",         "etc/server.key",
                                      "etc/server.crt",     "etc/fingerprint", "var/store/data.mdb", "var/store/lock"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (access(path_of(own[i]), F_OK) == 0)
            fail_msg("%s is there", own[i]);
    assert_non_null(strstr(process_output(server), "stays: it holds files that the server did not make\n"));
}

/* ---- owners and modes */

static void test_keys_that_everybody_reads_are_refused_with_what_mends_it(void **state) {
    (void)state;
    char expected[300];
    initialize();
    configure("");
    require(chmod(path_of("etc/server.key"), 0644) == 0);
    (void)snprintf(expected, sizeof expected, "everybody on this machine can read it; run: chmod o-rwx %s\n",
                   path_of("etc/server.key"));
    static const char *const lines[] = {"start|-m", "cert", "check"};
    require(chmod(path_of("etc/smp-server.ini"), 0600) == 0);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(run(NULL, lines[i]), 1);
        expect_errors(expected);
    }
    require(chmod(path_of("etc/server.key"), 0640) == 0);
    assert_int_equal(run(NULL, "start|-m"), 0);
    require(chmod(path_of("etc/smp-server.ini"), 0644) == 0); /* as the reference makes it */
    assert_int_equal(run(NULL, "start|-m"), 0);
    expect_errors("Warning: ");
}

/* The folders are the service's; what root makes in them is, too. */
static void test_what_root_makes_belongs_to_the_owner_of_the_folder(void **state) {
    (void)state;
    static const char *const names[] = {"etc/smp-server.ini", "etc/ca.key",        "etc/ca.crt", "etc/server.key",
                                        "etc/server.crt",     "etc/fingerprint",   "var/store",  "var/store/lock",
                                        "var/store/data.mdb", "var/store/lock.mdb"};
    if (geteuid() != 0)
        skip();
    require(mkdir(configuration, 0755) == 0 && chown(configuration, NOBODY, NOBODY) == 0);
    require(mkdir(data, 0755) == 0 && chown(data, NOBODY, NOBODY) == 0);
    initialize();
    require(unlink(path_of("etc/server.key")) == 0); /* a new one has nobody to be like */
    require(run(NULL, "cert") == 0);
    require(run(NULL, "start|-m") == 0);
    require(run(NULL, "store|check") == 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct stat status;
        require(stat(path_of(names[i]), &status) == 0);
        if (status.st_uid != NOBODY || status.st_gid != NOBODY)
            fail_msg("%s is not the service's", names[i]);
    }
}

static void test_folder_that_cannot_be_read_is_not_called_uninitialized(void **state) {
    (void)state;
    static const char *const lines[] = {"start", "cert", "check", "address", "init|-y"};
    if (geteuid() != 0)
        skip();
    initialize();
    require(chmod(root, 0755) == 0 && chmod(configuration, 0700) == 0);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char command[64];
        const char *argv[4] = {PROGRAM};
        (void)snprintf(command, sizeof command, "%s", lines[i]);
        char *rest = command;
        for (size_t k = 1; k < 3 && rest != NULL; k++)
            argv[k] = strsep(&rest, "|");
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        pid_t child = fork();
        int status = 0;
        if (child == 0) {
            if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
                _exit(99);
            char own[1024];
            _exit(run_into(null, argv, own, sizeof own) == 1 && strstr(own, "Permission denied") != NULL &&
                          strstr(own, "not initialized") == NULL
                      ? 0
                      : 1);
        }
        require(child > 0 && waitpid(child, &status, 0) == child);
        (void)close(null);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            fail_msg("%s does not say that permission is denied", lines[i]);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_stdout_that_cannot_be_written_is_an_error_of_every_command),
        CASE(test_control_characters_are_refused_in_every_option),
        CASE(test_values_that_the_file_could_not_hold_are_refused_before_anything_is_made),
        CASE(test_options_for_the_haskell_runtime_are_skipped_with_a_warning),
        CASE(test_commands_of_other_stores_say_what_is_the_case),
        CASE(test_options_of_the_reference_are_known),
        CASE(test_init_prints_the_lines_of_the_reference),
        CASE(test_init_writes_what_the_reference_writes),
        CASE(test_files_of_the_reference_start_the_router),
        CASE(test_other_kinds_of_stores_are_said_in_one_log_line),
        CASE(test_address_is_printed_with_the_password_and_ipv6_in_brackets),
        CASE(test_check_finds_every_mistake_beside_a_running_router),
        CASE(test_delete_refuses_while_the_router_runs),
        CASE(test_delete_removes_by_exact_names),
        CASE(test_keys_that_everybody_reads_are_refused_with_what_mends_it),
        CASE(test_what_root_makes_belongs_to_the_owner_of_the_folder),
        CASE(test_folder_that_cannot_be_read_is_not_called_uninitialized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
