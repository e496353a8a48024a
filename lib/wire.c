/* Little-endian put and get. Must not know any message. */
#include "lib/wire.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

#define WIRE_NULL_STR UINT32_MAX

void wire_out_done(struct wire_out *o)
{
	if (!o)
		return;
	free(o->data);
	*o = (struct wire_out){0};
}

static uint8_t *wire_out_grow(struct wire_out *o, size_t size)
{
	uint8_t *at;

	if (o->room - o->size < size) {
		size_t room = o->room ? o->room : 256;

		while (room - o->size < size)
			room *= 2;
		o->data = xreallocarray(o->data, room, 1);
		o->room = room;
	}
	at = o->data + o->size;
	o->size += size;
	return at;
}

static void wire_store(uint8_t *at, uint64_t v, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(v >> (8 * i));
}

void wire_put_u8(struct wire_out *o, uint8_t v)
{
	wire_store(wire_out_grow(o, 1), v, 1);
}

void wire_put_u16(struct wire_out *o, uint16_t v)
{
	wire_store(wire_out_grow(o, 2), v, 2);
}

void wire_put_u32(struct wire_out *o, uint32_t v)
{
	wire_store(wire_out_grow(o, 4), v, 4);
}

void wire_put_u64(struct wire_out *o, uint64_t v)
{
	wire_store(wire_out_grow(o, 8), v, 8);
}

void wire_put_bytes(struct wire_out *o, const void *data, size_t size)
{
	if (size)
		memcpy(wire_out_grow(o, size), data, size);
}

void wire_put_str(struct wire_out *o, const char *text)
{
	size_t size = text ? strlen(text) : 0;

	if (!text) {
		wire_put_u32(o, WIRE_NULL_STR);
		return;
	}
	wire_put_u32(o, (uint32_t)size);
	wire_put_bytes(o, text, size + 1);
}

void wire_set_u32(struct wire_out *o, size_t offset, uint32_t v)
{
	wire_store(o->data + offset, v, 4);
}

void wire_in_init(struct wire_in *in, const void *data, size_t size)
{
	*in = (struct wire_in){.data = data, .size = size};
}

const void *wire_get_bytes(struct wire_in *in, size_t size)
{
	const uint8_t *at = in->data + in->at;

	if (in->is_bad || in->size - in->at < size) {
		in->is_bad = true;
		return NULL;
	}
	in->at += size;
	return at;
}

static uint64_t wire_load(struct wire_in *in, size_t size)
{
	const uint8_t *at = wire_get_bytes(in, size);
	uint64_t v = 0;

	for (size_t i = 0; at && i < size; i++)
		v |= (uint64_t)at[i] << (8 * i);
	return v;
}

uint8_t wire_get_u8(struct wire_in *in)
{
	return (uint8_t)wire_load(in, 1);
}

uint16_t wire_get_u16(struct wire_in *in)
{
	return (uint16_t)wire_load(in, 2);
}

uint32_t wire_get_u32(struct wire_in *in)
{
	return (uint32_t)wire_load(in, 4);
}

uint64_t wire_get_u64(struct wire_in *in)
{
	return wire_load(in, 8);
}

const char *wire_get_str(struct wire_in *in)
{
	uint32_t size = wire_get_u32(in);
	const char *text;

	if (in->is_bad || size == WIRE_NULL_STR)
		return NULL;
	text = wire_get_bytes(in, (size_t)size + 1);
	if (!text)
		return NULL;
	if (text[size] != '\0' || memchr(text, '\0', size)) {
		in->is_bad = true;
		return NULL;
	}
	return text;
}

uint32_t wire_get_count(struct wire_in *in, size_t item_bytes)
{
	uint32_t count = wire_get_u32(in);

	if (in->is_bad || count > (in->size - in->at) / item_bytes) {
		in->is_bad = true;
		return 0;
	}
	return count;
}

bool wire_in_end(const struct wire_in *in)
{
	return !in->is_bad && in->at == in->size;
}
