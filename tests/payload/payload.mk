# Builds what the tests run: build/payload (in the container), build/stale-a and build/stale-b (beside it), and
# build/subreap and build/fakeclock.so (on the host). Included by the top-level Makefile; make -f tests/payload/payload.mk works too.

BUILD ?= build
PAYLOAD_SOURCES := $(addprefix tests/payload/,payload.c report.c stream.c process.c files.c network.c)
PAYLOAD_CFLAGS := -std=gnu17 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror

.PHONY: payload
payload: $(BUILD)/payload $(BUILD)/stale-a $(BUILD)/stale-b $(BUILD)/subreap $(BUILD)/fakeclock.so

$(BUILD)/payload: $(PAYLOAD_SOURCES) tests/payload/payload.h
	@mkdir -p $(@D)
	$(CC) $(PAYLOAD_CFLAGS) -static -o $@ $(PAYLOAD_SOURCES)

$(BUILD)/subreap: tests/payload/subreap.c
	@mkdir -p $(@D)
	$(CC) $(PAYLOAD_CFLAGS) -static -o $@ $<

$(BUILD)/fakeclock.so: tests/payload/fakeclock.c
	@mkdir -p $(@D)
	$(CC) $(PAYLOAD_CFLAGS) -shared -fPIC -o $@ $<

$(BUILD)/stale-a: STALE_ANSWER := 10
$(BUILD)/stale-b: STALE_ANSWER := 20
$(BUILD)/stale-a $(BUILD)/stale-b: tests/payload/stale.c
	@mkdir -p $(@D)
	$(CC) -nostdlib -static -no-pie -Wl,--build-id=none -DANSWER='"$(STALE_ANSWER)"' -o $@ $<
