/* The messages of relayed sockets. Must not know what they do. */
#include "lib/socket_link.h"

#include <errno.h>

#include "lib/proto.h"

static void socket_link_get(struct wire_in *in, struct socket_frame *f)
{
	switch (f->type) {
	case SOCKET_OPEN:
		f->open.socket = wire_get_u32(in);
		f->open.uid = wire_get_u32(in);
		f->open.gid = wire_get_u32(in);
		/* "None" to the calls that change a user. */
		if (f->open.uid == UINT32_MAX || f->open.gid == UINT32_MAX)
			in->is_bad = true;
		break;
	case SOCKET_DATA:
		f->data.size = (uint32_t)in->size;
		f->data.at = wire_get_bytes(in, in->size);
		if (!f->data.size)
			in->is_bad = true;
		break;
	case SOCKET_CREDIT:
		f->credit = wire_get_u32(in);
		if (!f->credit || f->credit > SOCKET_WINDOW_BYTES)
			in->is_bad = true;
		break;
	case SOCKET_CLOSE:
		f->error = wire_get_u32(in);
		break;
	case SOCKET_END:
		break;
	default:
		in->is_bad = true;
	}
}

int socket_link_parse(const uint8_t *data, size_t size, struct socket_frame *ret, struct err *e)
{
	struct socket_frame f = {0};
	struct wire_in in;
	uint32_t payload;
	uint16_t type;

	if (!proto_header_parse(data, size, &payload, &type, &f.connection))
		return 0;
	if (payload > SOCKET_DATA_MAX_BYTES || f.connection >= SOCKET_CONNECTION_MAX)
		return err_set(e, -EPROTO,
			       "guest: sockets: frame of type %u announces %u bytes for connection "
			       "%u",
			       type, payload, f.connection);
	if (size - PROTO_HEADER_BYTES < payload)
		return 0;
	f.type = type;
	wire_in_init(&in, data + PROTO_HEADER_BYTES, payload);
	socket_link_get(&in, &f);
	if (!wire_in_end(&in))
		return err_set(e, -EPROTO, "guest: sockets: malformed frame of type %u, %u bytes",
			       type, payload);
	*ret = f;
	return (int)(PROTO_HEADER_BYTES + payload);
}

void socket_link_put(struct wire_out *o, const struct socket_frame *f)
{
	size_t begin = proto_frame_begin(o, f->type, f->connection);

	switch (f->type) {
	case SOCKET_OPEN:
		wire_put_u32(o, f->open.socket);
		wire_put_u32(o, f->open.uid);
		wire_put_u32(o, f->open.gid);
		break;
	case SOCKET_DATA:
		wire_put_bytes(o, f->data.at, f->data.size);
		break;
	case SOCKET_CREDIT:
		wire_put_u32(o, f->credit);
		break;
	case SOCKET_CLOSE:
		wire_put_u32(o, f->error);
		break;
	case SOCKET_END:
		break;
	}
	proto_frame_end(o, begin);
}
