/* One stream between a descriptor of ours and a port of the guest's. */
#ifndef VMRUN_DISTRO_STREAM_H
#define VMRUN_DISTRO_STREAM_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define DISTRO_STREAM_BYTES (64u << 10)

struct distro_stream {
	int from;	  /* -1: ended */
	int to;		  /* -1: nobody reads any more: what comes is thrown away */
	const char *mark; /* behind which nothing more comes; NULL: the end is end of file */
	bool has_ended;	  /* all of it is written */
	bool has_broken;  /* the reader of `to` is gone */
	char data[DISTRO_STREAM_BYTES];
	size_t size;
	size_t ready; /* of these, how many may be written: not a piece of the mark */
};

void distro_stream_init(struct distro_stream *s, int from, int to, const char *mark);
/* What to wait for: one entry. */
void distro_stream_poll(const struct distro_stream *s, struct pollfd *ret);
/* Moves what can be moved without waiting. */
void distro_stream_move(struct distro_stream *s, short revents);

#endif
