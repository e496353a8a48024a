/* The one file of C++: Debian has a TOML library for no other language that vmrun could use
 * (libtomlplusplus-dev). Must not interpret what it reads. */
#include "vmrun/toml.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <string_view>

/* Version 3.3 is sure that a key follows "[[": it must not end the program when one does not. */
#define TOML_ASSERT(expression)                                                                    \
	do {                                                                                       \
		if (!(expression))                                                                 \
			throw std::runtime_error("this is no TOML");                               \
	} while (0)
#include <toml++/toml.h>

extern "C" char *toml_to_json(const char *text, size_t size, char *error, size_t error_room)
{
	try {
		std::ostringstream out;

		out << toml::json_formatter{toml::parse(std::string_view(text, size))};
		return strdup(out.str().c_str());
	} catch (const toml::parse_error &e) {
		std::snprintf(error, error_room, "line %u: %.*s",
			      static_cast<unsigned int>(e.source().begin.line),
			      static_cast<int>(e.description().size()), e.description().data());
	} catch (const std::exception &e) {
		std::snprintf(error, error_room, "%s", e.what());
	}
	return nullptr;
}
