/* `doctor`: prints what runtime/doctor has found. Must not look at anything itself. */
#include "runtime/doctor/doctor.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/cmd/cmd.h"
#include "runtime/oci/json_write.h"

static void doctor_print_text(const struct doctor *d)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct finding *f = &d->at[i];

		printf("%-4s  %-11s  %s\n", finding_level_name(f->level), f->check, f->found);
		if (*f->mend)
			printf("%-4s  %-11s  mend it: %s\n", "", "", f->mend);
	}
}

static int doctor_print_json(const struct doctor *d)
{
	struct json_out *out = json_out_new("  ");
	int r;

	json_out_array(out, NULL);
	for (size_t i = 0; i < d->count; i++) {
		const struct finding *f = &d->at[i];

		json_out_object(out, NULL);
		json_out_string(out, "check", f->check);
		json_out_string(out, "status", finding_level_name(f->level));
		json_out_string(out, "found", f->found);
		json_out_string(out, "mend", *f->mend ? f->mend : NULL);
		json_out_end(out);
	}
	json_out_end(out);
	r = json_out_print(out, stdout);
	json_out_free(out);
	return r;
}

int cmd_doctor(struct cmd *c, struct err *e)
{
	struct doctor d = {0};
	int r = 0;

	doctor_look_at_host(&d);
	doctor_look_at_engines(&d);
	if (c->values.want_json)
		r = doctor_print_json(&d);
	else
		doctor_print_text(&d);
	/* The findings are the answer: an error text besides would say nothing more. */
	c->exit_status = doctor_worst(&d) == FINDING_FAIL ? EXIT_FAILURE : EXIT_SUCCESS;
	doctor_done(&d);
	return r < 0 ? err_sys(e, r, "writing the findings") : 0;
}
