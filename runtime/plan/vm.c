/* What config.json says of the virtual machine itself: the OCI `vm` object and the annotations
 * io.vmrt.*, both as far as the administrator's settings allow. Must not read settings from
 * anywhere else: nothing in an image configures the VM. */
#include "runtime/plan/plan.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "runtime/proc/strv.h"
#include "runtime/vm/vm.h"

#define VM_ANNOTATION_PREFIX "io.vmrt."
#define VM_NAME_BYTES	     64
#define VM_PARTITION_MAX     128

static int vm_refuse(const char *field, const char *why, struct err *e)
{
	return err_set(e, -ENOTSUP, "config.json: %s: %s", field, why);
}

static int vm_set_vcpus(struct plan *p, const struct settings *s, const char *field, uint64_t count,
			struct err *e)
{
	if (!count || count > s->max_vcpus)
		return err_set(e, -EINVAL, "config.json: %s: %llu is not between 1 and %u", field,
			       (unsigned long long)count, s->max_vcpus);
	p->vcpus = (unsigned int)count;
	return 0;
}

static int vm_set_memory(struct plan *p, const struct settings *s, const char *field, uint64_t mib,
			 struct err *e)
{
	if (mib < SETTINGS_MEMORY_MIB_MIN || mib > s->max_memory_mib)
		return err_set(e, -EINVAL, "config.json: %s: %llu MiB is not between %d and %u",
			       field, (unsigned long long)mib, SETTINGS_MEMORY_MIB_MIN,
			       s->max_memory_mib);
	p->memory_mib = (unsigned int)mib;
	return 0;
}

/* What no setting can allow: there is nothing in vmrt that it would mean. */
static int vm_check_impossible(const struct oci_vm *vm, struct err *e)
{
	if (vm->device_tree_path)
		return vm_refuse("vm.hwConfig.deviceTree", "QEMU makes its own", e);
	if (vm->dtdevs.count || vm->iomem_count || vm->irq_count)
		return vm_refuse("vm.hwConfig.dtdevs, iomems, irqs",
				 "devices of the host are not passed through", e);
	return 0;
}

static int vm_check_parameters(const struct oci_strings *words, struct err *e)
{
	for (size_t i = 0; i < words->count; i++) {
		/* The kernel hands everything behind it to init. */
		if (!strcmp(words->at[i], "--"))
			return vm_refuse("vm.kernel.parameters", "'--' is not possible", e);
	}
	return 0;
}

static int vm_take_image(struct plan *p, const struct oci_vm *vm, struct err *e)
{
	if (!vm->image_path)
		return 0;
	p->is_vm_image_qcow2 = vm->image_format && !strcmp(vm->image_format, "qcow2");
	if (!p->is_vm_image_qcow2 && (!vm->image_format || strcmp(vm->image_format, "raw") != 0))
		return vm_refuse("vm.image.format", "raw and qcow2 are known", e);
	p->vm_image = vm->image_path;
	p->guest.is_root_disk = true;
	return 0;
}

static int vm_take_paths(struct plan *p, const struct settings *s, const struct oci_vm *vm,
			 struct err *e)
{
	bool has_any = vm->hypervisor_path || vm->hypervisor_parameters.count || vm->kernel_path ||
		       vm->kernel_parameters.count || vm->initrd_path || vm->image_path;
	int r = vm_check_parameters(&vm->kernel_parameters, e);

	if (r < 0 || !has_any)
		return r;
	if (s->vm_policy != SETTINGS_VM_ALL)
		return vm_refuse("vm.hypervisor, vm.kernel, vm.image",
				 "not allowed by the settings (\"vm\": \"all\" would)", e);
	if ((vm->hypervisor_path && *vm->hypervisor_path != '/') ||
	    (vm->kernel_path && *vm->kernel_path != '/') ||
	    (vm->initrd_path && *vm->initrd_path != '/') ||
	    (vm->image_path && *vm->image_path != '/'))
		return vm_refuse("vm", "paths must be absolute", e);
	p->vm_qemu = vm->hypervisor_path;
	p->vm_qemu_args = &vm->hypervisor_parameters;
	p->vm_kernel = vm->kernel_path;
	p->vm_initrd = vm->initrd_path;
	if (vm->kernel_parameters.count)
		p->vm_append = plan_own(
			p, strv_join(vm->kernel_parameters.at, vm->kernel_parameters.count, " "));
	return vm_take_image(p, vm, e);
}

static int vm_take_object(struct plan *p, const struct settings *s, const struct oci_vm *vm,
			  struct err *e)
{
	int r;

	if (s->vm_policy == SETTINGS_VM_NONE)
		return vm_refuse("vm", "not allowed by the settings (\"vm\": \"none\")", e);
	r = vm_check_impossible(vm, e);
	if (r == 0)
		r = vm_take_paths(p, s, vm, e);
	if (r == 0 && vm->vcpus.has)
		r = vm_set_vcpus(p, s, "vm.hwConfig.vcpus", vm->vcpus.value, e);
	if (r == 0 && vm->memory_bytes.has)
		r = vm_set_memory(p, s, "vm.hwConfig.memory", vm->memory_bytes.value >> 20, e);
	return r;
}

static int vm_number(const char *field, const char *text, uint64_t *ret, struct err *e)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno)
		return err_set(e, -EINVAL, "config.json: %s: expected a number, found '%s'", field,
			       text);
	return 0;
}

/* By name, out of the administrator's folder: never a path. */
static int vm_set_kernel(struct plan *p, const struct settings *s, const char *field,
			 const char *name, struct err *e)
{
	if (!*name || *name == '.' || strlen(name) >= VM_NAME_BYTES ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
		    strlen(name))
		return vm_refuse(field, "a kernel's name has letters, digits, '.', '_', '-'", e);
	if (!s->kernels)
		return vm_refuse(field, "the settings name no folder of kernels (\"kernels\")", e);
	p->vm_kernel = plan_own(p, xasprintf("%s/%s", s->kernels, name));
	return 0;
}

static int vm_set_network(struct plan *p, const char *field, const char *value, struct err *e)
{
	if (strcmp(value, "user") != 0)
		return err_set(e, -EINVAL, "config.json: %s: expected 'user', found '%s'", field,
			       value);
	p->want_user_network = true;
	return 0;
}

/* Without a network namespace the container would have the host's ports as well. */
static bool vm_is_harmless(const struct plan *p, int which)
{
	return which == SETTINGS_ANNOTATION_NETWORK && !p->want_new_netns && !p->netns_path;
}

static int vm_set_root(struct plan *p, const char *field, const char *how, struct err *e)
{
	if (strcmp(how, "cow"))
		return err_set(e, -EINVAL, "config.json: %s: expected \"cow\", found '%s'", field,
			       how);
	p->guest.is_root_cow = true;
	return 0;
}

static int vm_set_partition(struct plan *p, const char *field, uint64_t number, struct err *e)
{
	if (!number || number > VM_PARTITION_MAX)
		return err_set(e, -EINVAL, "config.json: %s: %llu is not between 1 and %d", field,
			       (unsigned long long)number, VM_PARTITION_MAX);
	if (!p->vm_image)
		return vm_refuse(field, "there is no vm.image", e);
	p->guest.root_partition = (uint32_t)number;
	return 0;
}

static int vm_set_machine(struct plan *p, const char *field, const char *name, struct err *e)
{
	if (!vm_arch_find(vm_arch_host(), name))
		return err_set(e, -EINVAL, "config.json: %s: no machine '%s' is known", field,
			       name);
	p->vm_machine = name;
	return 0;
}

static int vm_set_init(struct plan *p, const char *field, const char *whose, struct err *e)
{
	if (strcmp(whose, "own"))
		return err_set(e, -EINVAL, "config.json: %s: expected \"own\", found '%s'", field,
			       whose);
	p->has_own_init = true;
	return 0;
}

static int vm_set_publish(struct plan *p, const char *field, const char *ports, struct err *e)
{
	char words[PUBLISH_QEMU_BYTES];
	int r = publish_parse(ports, &p->publish, e);

	if (r < 0)
		return err_prefix(e, r, "config.json: %s", field);
	publish_write_qemu(&p->publish, words);
	p->qemu_forwards = plan_own(p, xstrdup(words));
	return 0;
}

/* Digits alone: sscanf() skips blanks before them, the end of a line among these. */
static bool vm_take_number(const char **text, unsigned int *ret)
{
	unsigned long number;
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	errno = 0;
	number = strtoul(*text, &end, 10);
	if (errno || number > UINT_MAX)
		return false;
	*text = end;
	*ret = (unsigned int)number;
	return true;
}

int plan_next_disk_file(const char **line, struct plan_disk_file *ret)
{
	const char *text = *line;
	size_t size = text ? strcspn(text, "\n") : 0;
	const char *at = text;

	if (!text || !*text)
		return 0;
	*ret = (struct plan_disk_file){0};
	if (!vm_take_number(&at, &ret->major) || *at++ != ':' || !vm_take_number(&at, &ret->minor))
		return -EINVAL;
	ret->is_readonly = !strncmp(at, ":ro=", 4);
	if (!ret->is_readonly && *at != '=')
		return -EINVAL;
	ret->path = at + (ret->is_readonly ? 4 : 1);
	if (*ret->path != '/')
		return -EINVAL;
	ret->path_size = size - (size_t)(ret->path - text);
	*line = text + size + (text[size] == '\n');
	return 1;
}

static int vm_set_disks(struct plan *p, const char *field, const char *lines, struct err *e)
{
	const char *at = lines;
	struct plan_disk_file f;
	int r;

	do
		r = plan_next_disk_file(&at, &f);
	while (r > 0);
	if (r < 0)
		return err_set(e, r,
			       "config.json: %s: expected lines MAJOR:MINOR[:ro]=/FILE, found "
			       "'%.*s'",
			       field, (int)strcspn(at, "\n"), at);
	p->disk_files = lines;
	return 0;
}

static int vm_take_annotation(struct plan *p, const struct settings *s, const char *key,
			      const char *value, struct err *e)
{
	auto_free char *field = xasprintf("annotations: %s", key);
	int which = settings_annotation(key);
	uint64_t number;
	int r;

	if (which < 0)
		return vm_refuse(field, "unknown", e);
	if (!(s->annotations & (1u << which)) && !vm_is_harmless(p, which))
		return vm_refuse(field, "not allowed by the settings (\"annotations\")", e);
	if (which == SETTINGS_ANNOTATION_KERNEL)
		return vm_set_kernel(p, s, field, value, e);
	if (which == SETTINGS_ANNOTATION_NETWORK)
		return vm_set_network(p, field, value, e);
	if (which == SETTINGS_ANNOTATION_DISKS)
		return vm_set_disks(p, field, value, e);
	if (which == SETTINGS_ANNOTATION_PUBLISH)
		return vm_set_publish(p, field, value, e);
	if (which == SETTINGS_ANNOTATION_MACHINE)
		return vm_set_machine(p, field, value, e);
	if (which == SETTINGS_ANNOTATION_ROOT)
		return vm_set_root(p, field, value, e);
	if (which == SETTINGS_ANNOTATION_INIT)
		return vm_set_init(p, field, value, e);
	r = vm_number(field, value, &number, e);
	if (r < 0)
		return r;
	if (which == SETTINGS_ANNOTATION_PARTITION)
		return vm_set_partition(p, field, number, e);
	return which == SETTINGS_ANNOTATION_VCPUS ? vm_set_vcpus(p, s, field, number, e)
						  : vm_set_memory(p, s, field, number, e);
}

int plan_vm(struct plan *p, const struct settings *settings, struct err *e)
{
	const struct oci_pairs *annotations = &p->config->annotations;
	int r = p->config->vm ? vm_take_object(p, settings, p->config->vm, e) : 0;

	for (size_t i = 0; !r && i < annotations->count; i++) {
		const struct oci_pair *a = &annotations->at[i];

		if (!strncmp(a->key, VM_ANNOTATION_PREFIX, strlen(VM_ANNOTATION_PREFIX)))
			r = vm_take_annotation(p, settings, a->key, a->value, e);
	}
	/* Of a disk it is QEMU that keeps the changes apart. */
	if (p->vm_image) {
		p->is_vm_image_writable = !p->guest.is_root_cow;
		p->guest.is_root_cow = false;
	}
	if (!r && p->publish.count && !p->want_user_network)
		r = vm_refuse("annotations: io.vmrt.publish",
			      "needs the user-mode network (io.vmrt.network=user)", e);
	return r;
}
