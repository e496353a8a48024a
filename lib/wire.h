/* Little-endian put and get for byte buffers: the only way bytes enter or leave a message.
 *
 * A reader never reads past its end: the first short read sets `is_bad`, every later get returns
 * zero or NULL, and wire_in_end() tells whether all bytes were consumed exactly. */
#ifndef VMRT_LIB_WIRE_H
#define VMRT_LIB_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_out {
	uint8_t *data; /* owned; NULL when empty */
	size_t size;
	size_t room;
};

void wire_out_done(struct wire_out *o);
void wire_put_u8(struct wire_out *o, uint8_t v);
void wire_put_u16(struct wire_out *o, uint16_t v);
void wire_put_u32(struct wire_out *o, uint32_t v);
void wire_put_u64(struct wire_out *o, uint64_t v);
void wire_put_bytes(struct wire_out *o, const void *data, size_t size);
/* A string travels as u32 length, the bytes, and a NUL that the length does not count, so that
 * the receiver can use it in place. NULL travels as the length 0xffffffff alone. */
void wire_put_str(struct wire_out *o, const char *text);
/* Overwrites the u32 at `offset` (for lengths that are known last). */
void wire_set_u32(struct wire_out *o, size_t offset, uint32_t v);

struct wire_in {
	const uint8_t *data; /* borrowed */
	size_t size;
	size_t at;
	bool is_bad;
};

void wire_in_init(struct wire_in *in, const void *data, size_t size);
uint8_t wire_get_u8(struct wire_in *in);
uint16_t wire_get_u16(struct wire_in *in);
uint32_t wire_get_u32(struct wire_in *in);
uint64_t wire_get_u64(struct wire_in *in);
/* Borrowed pointer to `size` bytes of the buffer, NULL when they are not there. */
const void *wire_get_bytes(struct wire_in *in, size_t size);
/* Borrowed, NUL-terminated; NULL for a NULL that was sent or when the input is bad. A string with
 * a NUL inside is bad. */
const char *wire_get_str(struct wire_in *in);
/* A count of items of at least `item_bytes` each; bad when they cannot fit into what is left. */
uint32_t wire_get_count(struct wire_in *in, size_t item_bytes);
/* True when everything was consumed and nothing was bad. */
bool wire_in_end(const struct wire_in *in);

#endif
