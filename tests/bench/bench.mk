# The bare boots' initramfs images, by the rules of vmrt's own (init/init.mk). Included by the top-level Makefile.

BENCH_IMAGES := $(BUILD)/bench/bare-mount.cpio $(BUILD)/bench/bare-true.cpio

$(BUILD)/bench/bare-true: BARE_FLAGS := -DBARE_PROGRAM='"/bin/true"'
$(BUILD)/bench/bare-mount $(BUILD)/bench/bare-true: tests/bench/bare-init.c lib/proto.h init/init.mk
	@mkdir -p $(@D)
	$(INIT_CC) $(INIT_CFLAGS) $(BARE_FLAGS) -I. $(INIT_HEADERS) $(INIT_LDFLAGS) -o $@ $<

$(BUILD)/bench/%.cpio: $(BUILD)/bench/% $(BUILD)/init/mkcpio
	$(BUILD)/init/mkcpio $@.tmp dir share 700 file init 755 $<
	mv $@.tmp $@
