/* Reads `vm` of config.json (config-vm.md). Must not decide which paths an admin allows. */
#include "runtime/oci/config_read.h"

static void read_iomems(struct oci_reader *r, const struct json_node *hw, struct oci_vm *ret)
{
	const struct json_node *node = oci_read_objects(r, hw, "iomems", sizeof(*ret->iomems),
							&ret->iomem_count, &ret->iomems);

	for (; node; node = node->next) {
		struct oci_vm_iomem *iomem = &ret->iomems[node->index];

		json_require(r->doc, node, "firstMFN");
		json_require(r->doc, node, "nrMFNs");
		json_u64(r->doc, node, "firstMFN", &iomem->first_mfn);
		json_u64(r->doc, node, "nrMFNs", &iomem->mfn_count);
		if (!json_u64(r->doc, node, "firstGFN", &iomem->first_gfn))
			iomem->first_gfn = iomem->first_mfn;
	}
}

struct oci_vm *oci_read_vm(struct oci_reader *r, const struct json_node *node)
{
	const struct json_node *hypervisor, *kernel, *image, *hw;
	struct oci_vm *ret;

	if (!node)
		return NULL;
	ret = json_alloc(r->doc, 1, sizeof(*ret));
	hypervisor = json_object(r->doc, node, "hypervisor");
	json_require(r->doc, hypervisor, "path");
	json_string(r->doc, hypervisor, "path", &ret->hypervisor_path);
	oci_read_strings(r, hypervisor, "parameters", &ret->hypervisor_parameters);
	kernel = json_object(r->doc, node, "kernel");
	json_require(r->doc, kernel, "path");
	json_string(r->doc, kernel, "path", &ret->kernel_path);
	oci_read_strings(r, kernel, "parameters", &ret->kernel_parameters);
	json_string(r->doc, kernel, "initrd", &ret->initrd_path);
	image = json_object(r->doc, node, "image");
	json_require(r->doc, image, "path");
	json_require(r->doc, image, "format");
	json_string(r->doc, image, "path", &ret->image_path);
	json_string(r->doc, image, "format", &ret->image_format);
	hw = json_object(r->doc, node, "hwConfig");
	json_string(r->doc, hw, "deviceTree", &ret->device_tree_path);
	oci_read_opt_u32(r, hw, "vcpus", &ret->vcpus);
	oci_read_opt_u64(r, hw, "memory", &ret->memory_bytes);
	oci_read_strings(r, hw, "dtdevs", &ret->dtdevs);
	read_iomems(r, hw, ret);
	json_u32s(r->doc, hw, "irqs", &ret->irq_count, &ret->irqs);
	return ret;
}
