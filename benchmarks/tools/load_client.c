/*
 * Opens streams as a load client, checks every token of each stream, and records the token's arrival.
 *
 *     load_client TOKENS WINDOW_BEGIN WINDOW_SECONDS PATIENCE_SECONDS LATENCIES_FILE < plan
 *
 * The plan has a line for each stream, `START_SECONDS PORT SIZE`, followed by an HTTP request of SIZE bytes. The lines
 * are in order of START_SECONDS, which counts from the program's start, as WINDOW_BEGIN does.
 *
 * A stream must answer with 200 and chunks, and may contain only `data: {"token":"…","gpu":0}` (as the token source
 * sends) or `{"token":"…"}` (several tokens together), comments, ids, and `data: {"done":true}` after exactly TOKENS
 * tokens. A wrong, missing, repeated or misplaced token breaks the stream.
 *
 * PATIENCE_SECONDS also counts from the program's start; a stream that has not ended by then is broken. With 0, all
 * streams end with the window, and a stream without a problem until then is complete.
 *
 * The program prints `window` at the window's edges, so that its caller can measure processes then, and one JSON object
 * at the end. LATENCIES_FILE gets records of two 32-bit numbers: the kind and the time in µs. Kind 0 is a token in the
 * window, timed from its creation to its arrival; kind 1 is a stream's first token, timed from the connection.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_READ = 1 << 18, MOST_EVENTS = 512, MOST_LINE = 1 << 22, TOKEN_SIZE = 26, MOST_PROBLEM = 240 };
enum { IN_WINDOW, FIRST };
enum { STATUS, HEAD, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER };

typedef struct {
    double start;
    int file, port, request_size, tokens, is_done, is_over;
    char *request;
    int64_t began;
    /* The state of the HTTP response. */
    int state, is_chunked;
    long left;
    /* The received part of a line: `line` of the head or the framing, `body` of the events. */
    char *line, *body;
    int line_size, body_size, line_room, body_room;
} stream;

static stream *streams;
static int stream_count, tokens_wanted, epoll_file, open_streams, broken, is_window;
static char problem[MOST_PROBLEM];
static FILE *latencies;
static int64_t clock_ns, waited_ns;

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void note(int what, int64_t micros) {
    uint32_t record[2] = {what, micros < 0 ? 0 : micros};
    fwrite(record, sizeof record, 1, latencies);
}

/* Ends a stream; the stream was complete if the reason is empty. */
static void end(stream *s, const char *why, const char *detail) {
    if (s->is_over) return;
    s->is_over = 1;
    open_streams--;
    close(s->file);
    if (why && !broken++) snprintf(problem, sizeof problem, "%s after %d tokens: %s", why, s->tokens, detail);
}

/* -- Events ------------------------------------------------------------------------------------------------------- */

static int64_t digits(const char *at, int count) {
    int64_t number = 0;
    for (; count--; at++) {
        if (*at < '0' || *at > '9') return -1;
        number = number * 10 + (*at - '0');
    }
    return number;
}

/* Reads one token's text, `t=<16 digits>;<6 digits> `; returns whether the token is the next one. */
static int take_token(stream *s, const char *text) {
    int64_t made = digits(text + 2, 16), number = digits(text + 19, 6);
    if (text[0] != 't' || text[1] != '=' || made < 0 || text[18] != ';' || number != s->tokens || text[25] != ' ') return 0;
    if (is_window) note(IN_WINDOW, clock_ns / 1000 - made);
    if (!s->tokens++) note(FIRST, (clock_ns - s->began) / 1000);
    return 1;
}

static int is(const char *text, int size, const char *what) {
    return size == (int)strlen(what) && !memcmp(text, what, size);
}

static int take_line(stream *s, const char *line, int size) {
    static const char opening[] = "data: {\"token\":\"", closing[] = "data: {\"done\":true}";
    static const char closing_with_reason[] = "data: {\"done\":true,\"finish_reason\":\"stop\"}";
    const int opened = sizeof opening - 1;
    if (!size || line[0] == ':' || !strncmp(line, "id: ", 4)) return 1;
    if (is(line, size, closing) || is(line, size, closing_with_reason)) return s->is_done = s->tokens == tokens_wanted;
    if (s->is_done || strncmp(line, opening, opened)) return 0;
    const char *text = line + opened, *last = line + size;
    for (; last - text > TOKEN_SIZE; text += TOKEN_SIZE)
        if (!take_token(s, text)) return 0;
    return is(text, last - text, "\",\"gpu\":0}") || is(text, last - text, "\"}");
}

/* -- HTTP --------------------------------------------------------------------------------------------------------- */

/* Adds bytes up to the end of the line; returns the number of bytes. A complete line ends with a newline. */
static int collect(char **line, int *size, int *room, const char *data, int count) {
    const char *newline = memchr(data, '\n', count);
    int taken = newline ? newline - data + 1 : count;
    if (*size + taken + 1 > *room) *line = realloc(*line, *room = (*size + taken + 1) * 2);
    memcpy(*line + *size, data, taken);
    (*line)[*size += taken] = 0;
    return taken;
}

static void take_body(stream *s, const char *data, int count) {
    while (count && !s->is_over) {
        int taken = collect(&s->body, &s->body_size, &s->body_room, data, count);
        data += taken, count -= taken;
        if (s->body[s->body_size - 1] != '\n') {
            if (s->body_size > MOST_LINE) end(s, "an endless line", "");
            return;
        }
        s->body[--s->body_size] = 0;
        if (!take_line(s, s->body, s->body_size)) end(s, "a wrong line", s->body);
        s->body_size = 0;
    }
}

static void take_head_line(stream *s) {
    if (s->state == STATUS && strncmp(s->line, "HTTP/1.1 200 ", 13)) end(s, "a refusal", s->line);
    s->state = HEAD;
    s->is_chunked |= !strncasecmp(s->line, "transfer-encoding: chunked", 26);
    if (s->line_size > 2) return;
    if (!s->is_chunked) end(s, "an answer without chunks", "");
    s->state = CHUNK_SIZE;
}

static void take_framing_line(stream *s) {
    if (s->state <= HEAD) take_head_line(s);
    else if (s->state == CHUNK_SIZE) s->left = strtol(s->line, NULL, 16), s->state = s->left ? CHUNK : TRAILER;
    else if (s->state == CHUNK_END) s->state = CHUNK_SIZE;
    else if (s->line_size <= 2) end(s, s->is_done ? NULL : "an early end", "");
    s->line_size = 0;
}

static void take(stream *s, const char *data, int count) {
    while (count && !s->is_over) {
        int taken;
        if (s->state == CHUNK) {
            taken = count < s->left ? count : (int)s->left;
            take_body(s, data, taken);
            if (!(s->left -= taken)) s->state = CHUNK_END;
        } else {
            taken = collect(&s->line, &s->line_size, &s->line_room, data, count);
            if (s->line[s->line_size - 1] == '\n') take_framing_line(s);
        }
        data += taken, count -= taken;
    }
}

/* -- Sockets ------------------------------------------------------------------------------------------------------ */

static void watch(int operation, stream *s, uint32_t events) {
    struct epoll_event event = {.events = events, .data.u32 = s - streams};
    epoll_ctl(epoll_file, operation, s->file, &event);
}

static void begin(stream *s) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;
    open_streams++;
    s->began = now_ns();
    s->file = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(s->file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (s->file < 0 || (connect(s->file, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS))
        end(s, "no connection", strerror(errno));
    else watch(EPOLL_CTL_ADD, s, EPOLLIN | EPOLLOUT);
}

/* Sends the request in one piece, because the request is small and the connection is new. */
static void ask(stream *s) {
    if (send(s->file, s->request, s->request_size, MSG_NOSIGNAL) != s->request_size) end(s, "a request not taken", "");
    else watch(EPOLL_CTL_MOD, s, EPOLLIN);
    free(s->request);
    s->request = NULL;
}

/* Ends a stream that the server refused. A refusal's body has the reason and arrives in one piece with the head. */
static void look_for_refusal(stream *s, const char *data) {
    const char *body = strstr(data, "\r\n\r\n");
    if (body && strncmp(data, "HTTP/1.1 200 ", 13)) end(s, "a refusal", body[4] ? body + 4 : data);
}

static void receive(stream *s) {
    static char data[MOST_READ];
    ssize_t size = recv(s->file, data, sizeof data - 1, 0);
    clock_ns = now_ns();
    if (size > 0) {
        data[size] = 0;
        if (s->state == STATUS) look_for_refusal(s, data);
        take(s, data, size);
    }
    else if (size == 0 || errno != EAGAIN) end(s, "a lost connection", size ? strerror(errno) : "");
}

static void serve(int64_t until) {
    struct epoll_event events[MOST_EVENTS];
    int64_t before = now_ns(), left = until - before;
    struct pollfd readable = {.fd = epoll_file, .events = POLLIN};
    struct timespec patience = {left / 1000000000, left % 1000000000};
    int count = epoll_wait(epoll_file, events, MOST_EVENTS, 0);
    if (!count && left > 0) {
        ppoll(&readable, 1, &patience, NULL);
        if (is_window) waited_ns += now_ns() - before;
        count = epoll_wait(epoll_file, events, MOST_EVENTS, 0);
    }
    for (int i = 0; i < count; i++) {
        stream *s = &streams[events[i].data.u32];
        if (!s->is_over && s->request && events[i].events & EPOLLOUT) ask(s);
        if (!s->is_over && events[i].events & ~EPOLLOUT) receive(s);
    }
}

/* -- The plan ----------------------------------------------------------------------------------------------------- */

static void read_plan(void) {
    stream s = {.file = -1};
    while (scanf("%lf %d %d", &s.start, &s.port, &s.request_size) == 3) {
        s.request = malloc(s.request_size);
        getchar(); /* Skips the line's end. */
        if (fread(s.request, 1, s.request_size, stdin) != (size_t)s.request_size) exit(2);
        streams = realloc(streams, sizeof s * (stream_count + 1));
        streams[stream_count++] = s;
    }
}

static void say_window(int is_open) {
    is_window = is_open;
    printf("window\n");
    fflush(stdout);
}

static void run(double window_begin, double window_seconds, double patience) {
    int64_t began = now_ns(), last = patience ? began + (int64_t)(patience * 1e9) : INT64_MAX;
    int64_t edges[] = {began + window_begin * 1e9, began + (window_begin + window_seconds) * 1e9, INT64_MAX};
    for (int next = 0, edge = 0; next < stream_count || open_streams || edge < 2;) {
        int64_t now = now_ns(), until = edges[edge] < last ? edges[edge] : last;
        if (now >= last) break;
        if (now >= edges[edge]) { say_window(++edge == 1); continue; }
        if (edge == 2 && !patience) return;
        for (; next < stream_count && now - began >= streams[next].start * 1e9; next++) begin(&streams[next]);
        if (next < stream_count && began + streams[next].start * 1e9 < until) until = began + streams[next].start * 1e9;
        serve(until);
    }
    for (int i = 0; i < stream_count; i++) end(&streams[i], "no end in time", "");
}

static void print_report(double window_seconds) {
    printf("{\"broken_streams\":%d,\"busy_share\":%.4f,\"problem\":\"", broken, 1 - waited_ns / 1e9 / window_seconds);
    for (const char *at = problem; *at; at++) putchar(*at < ' ' || *at == '"' || *at == '\\' ? '\'' : *at);
    printf("\"}\n");
}

int main(int count, char **arguments) {
    if (count != 6) { fprintf(stderr, "load_client TOKENS WINDOW_BEGIN WINDOW_SECONDS PATIENCE_SECONDS LATENCIES_FILE\n"); return 2; }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    tokens_wanted = atoi(arguments[1]);
    latencies = fopen(arguments[5], "wb");
    epoll_file = epoll_create1(EPOLL_CLOEXEC);
    if (!latencies) { perror(arguments[5]); return 2; }
    read_plan();
    run(atof(arguments[2]), atof(arguments[3]), atof(arguments[4]));
    fclose(latencies);
    print_report(atof(arguments[3]));
    return 0;
}
