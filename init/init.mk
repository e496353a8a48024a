# vmrt-init and the initramfs it travels in. Included by the top-level Makefile, which sets CC (for
# programs of the build machine) and CFLAGS.
#
# The guest's C library is musl: 4 times smaller than glibc's static start-up code, and under TCG
# every basic block that runs once has to be translated once. Debian: musl-tools, linux-libc-dev.
INIT_CC ?= musl-gcc
INIT_ARCH ?= x86_64
INIT_BUILD ?= build
# musl brings no kernel headers: the system's come last, so that they never shadow musl's own.
INIT_MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
INIT_HEADERS ?= -idirafter /usr/include $(if $(INIT_MULTIARCH),-idirafter /usr/include/$(INIT_MULTIARCH))
# Not position-independent: the address of PID 1 is no secret worth relocating itself for at boot,
# and nothing in the container's view can reach it.
INIT_CFLAGS ?= -std=gnu17 -D_GNU_SOURCE -Os -g0 -Wall -Wextra -Wshadow -Wstrict-prototypes \
	-fno-pie -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables \
	-fstack-protector-strong
INIT_LDFLAGS ?= -static -no-pie -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,noexecstack -s

INIT_NAMES := $(filter-out mkcpio,$(patsubst init/%.c,%,$(sort $(wildcard init/*.c))))
INIT_LIB_NAMES := err fd guest mem network proto socket_flow socket_link wire
INIT_OBJECTS := $(INIT_NAMES:%=$(INIT_BUILD)/init/%.o) $(INIT_LIB_NAMES:%=$(INIT_BUILD)/init/lib-%.o)

$(INIT_BUILD)/init/%.o: init/%.c init/init.mk
	@mkdir -p $(@D)
	$(INIT_CC) $(INIT_CFLAGS) -I. $(INIT_HEADERS) -MMD -MP -c -o $@ $<

$(INIT_BUILD)/init/lib-%.o: lib/%.c init/init.mk
	@mkdir -p $(@D)
	$(INIT_CC) $(INIT_CFLAGS) -I. $(INIT_HEADERS) -MMD -MP -c -o $@ $<

$(INIT_BUILD)/vmrt-init: $(INIT_OBJECTS)
	$(INIT_CC) $(INIT_CFLAGS) $(INIT_LDFLAGS) -o $@ $^

$(INIT_BUILD)/init/mkcpio: init/mkcpio.c init/init.mk
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -std=gnu17 -o $@ $<

# The directories are the mount points that init/machine.h names.
$(INIT_BUILD)/initramfs-$(INIT_ARCH).cpio: $(INIT_BUILD)/vmrt-init $(INIT_BUILD)/init/mkcpio
	$(INIT_BUILD)/init/mkcpio $@.tmp dir dev 755 dir proc 755 dir sys 755 dir share 700 \
		dir root 700 dir scratch 700 dir cgroup 700 file init 755 $<
	mv $@.tmp $@

-include $(wildcard $(INIT_BUILD)/init/*.d)
