/* Published ports as words. Must not open any: passt and QEMU do. */
#include "runtime/net/publish.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

static int publish_parse_port(const char *text, uint16_t *ret)
{
	char *end;
	unsigned long value;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	value = strtoul(text, &end, 10);
	if (*end || !value || value > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)value;
	return 0;
}

/* Cuts `text` into its parts. */
static int publish_parse_one(char *text, struct publish_port *p)
{
	char *protocol = strchr(text, '/');
	char *guest = strrchr(text, ':');
	char *host;
	struct in_addr unused;

	*p = (struct publish_port){.is_udp = protocol && !strcmp(protocol, "/udp")};
	if (!guest || (protocol && !p->is_udp && strcmp(protocol, "/tcp") != 0))
		return -EINVAL;
	if (protocol)
		*protocol = '\0';
	*guest++ = '\0';
	host = strrchr(text, ':');
	if (host) {
		*host++ = '\0';
		if (inet_pton(AF_INET, text, &unused) != 1 || strlen(text) >= sizeof(p->address))
			return -EINVAL;
		memcpy(p->address, text, strlen(text) + 1);
	}
	if (publish_parse_port(host ? host : text, &p->host) < 0)
		return -EINVAL;
	return publish_parse_port(guest, &p->guest);
}

int publish_parse(const char *text, struct publish *ret, struct err *e)
{
	auto_free char *copy = xstrdup(text);
	char *save = NULL;

	*ret = (struct publish){0};
	for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		auto_free char *shown = xstrdup(word);

		if (ret->count == PUBLISH_MAX)
			return err_set(e, -E2BIG, "more than %d ports", PUBLISH_MAX);
		if (publish_parse_one(word, &ret->at[ret->count++]) < 0)
			return err_set(e, -EINVAL,
				       "expected [ADDRESS:]HOST-PORT:GUEST-PORT[/udp], found '%s'",
				       shown);
	}
	return 0;
}

void publish_write_qemu(const struct publish *p, char ret[PUBLISH_QEMU_BYTES])
{
	size_t used = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < p->count; i++) {
		const struct publish_port *port = &p->at[i];

		used += (size_t)snprintf(ret + used, PUBLISH_QEMU_BYTES - used,
					 ",hostfwd=%s:%s:%u-:%u", port->is_udp ? "udp" : "tcp",
					 port->address, port->host, port->guest);
	}
}
