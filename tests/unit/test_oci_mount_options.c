/* Mount options -> flags, and sysctl names -> paths. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "lib/mem.h"
#include "runtime/oci/mount_options.h"
#include "runtime/oci/sysctl_key.h"
#include "tests/unit/tap.h"

#define OPTIONS_MAX 8

struct good {
	const char *options[OPTIONS_MAX];
	struct mount_options want;
	const char *want_data;
};

static const struct good goods[] = {
	{{NULL}, {0}, NULL},
	{{"defaults"}, {0}, NULL},
	{{""}, {0}, NULL},
	{{"ro"}, {.flags = MS_RDONLY}, NULL},
	{{"ro", "rw"}, {.cleared_flags = MS_RDONLY}, NULL},
	{{"rw", "ro"}, {.flags = MS_RDONLY}, NULL},
	{{"bind"}, {.flags = MS_BIND}, NULL},
	{{"rbind", "rprivate"},
	 {.flags = MS_BIND | MS_REC, .propagation_count = 1, .propagations = {MS_PRIVATE | MS_REC}},
	 NULL},
	{{"slave", "shared"},
	 {.propagation_count = 2, .propagations = {MS_SLAVE, MS_SHARED}},
	 NULL},
	{{"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"},
	 {.flags = MS_NOSUID | MS_NOEXEC | MS_NODEV},
	 "mode=1777,size=65536k"},
	{{"newinstance", "ptmxmode=0666", "gid=5", "nosuid"},
	 {.flags = MS_NOSUID},
	 "newinstance,ptmxmode=0666,gid=5"},
	{{"exec", "suid", "dev", "async"},
	 {.cleared_flags = MS_NOEXEC | MS_NOSUID | MS_NODEV | MS_SYNCHRONOUS},
	 NULL},
	{{"strictatime", "norelatime"},
	 {.flags = MS_STRICTATIME, .cleared_flags = MS_RELATIME},
	 NULL},
	{{"remount", "sync", "dirsync", "lazytime", "mand", "silent"},
	 {.flags =
		  MS_REMOUNT | MS_SYNCHRONOUS | MS_DIRSYNC | MS_LAZYTIME | MS_MANDLOCK | MS_SILENT},
	 NULL},
	{{"tmpcopyup", "size=1m"}, {.is_tmpcopyup = true}, "size=1m"},
	{{"bind", "cow"}, {.flags = MS_BIND, .is_cow = true}, NULL},
	{{"rro", "rnosuid"}, {.rec_attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID}, NULL},
	{{"rro", "rrw"}, {.rec_attr_clr = MOUNT_ATTR_RDONLY}, NULL},
	{{"rrw", "rro"}, {.rec_attr_set = MOUNT_ATTR_RDONLY}, NULL},
	{{"rnoatime"},
	 {.rec_attr_set = MOUNT_ATTR_NOATIME, .rec_attr_clr = MOUNT_ATTR__ATIME},
	 NULL},
	{{"rnoatime", "rstrictatime"},
	 {.rec_attr_set = MOUNT_ATTR_STRICTATIME, .rec_attr_clr = MOUNT_ATTR__ATIME},
	 NULL},
	{{"rrelatime"}, {.rec_attr_clr = MOUNT_ATTR__ATIME}, NULL},
	{{"rnoatime", "ratime"}, {.rec_attr_clr = MOUNT_ATTR__ATIME}, NULL},
	{{"rnoatime", "rnostrictatime"},
	 {.rec_attr_set = MOUNT_ATTR_NOATIME, .rec_attr_clr = MOUNT_ATTR__ATIME},
	 NULL},
	{{"rnodiratime"}, {.rec_attr_set = MOUNT_ATTR_NODIRATIME}, NULL},
	{{"idmap"}, {.is_idmap = true}, NULL},
	{{"ridmap=uids=0-1-10#gids=0-1-10"},
	 {.is_idmap = true,
	  .is_idmap_recursive = true,
	  .idmap_mappings = "uids=0-1-10#gids=0-1-10"},
	 NULL},
	/* Not ours: the file system gets them. */
	{{"ro=1", "bin", "binder", "RO", "lowerdir=/a", "upperdir=/b=c"},
	 {0},
	 "ro=1,bin,binder,RO,lowerdir=/a,upperdir=/b=c"},
};

static int text_equal(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static int options_equal(const struct mount_options *a, const struct mount_options *b)
{
	return a->flags == b->flags && a->cleared_flags == b->cleared_flags &&
	       a->propagation_count == b->propagation_count &&
	       !memcmp(a->propagations, b->propagations, sizeof(a->propagations)) &&
	       a->rec_attr_set == b->rec_attr_set && a->rec_attr_clr == b->rec_attr_clr &&
	       a->is_tmpcopyup == b->is_tmpcopyup && a->is_cow == b->is_cow &&
	       a->is_idmap == b->is_idmap && a->is_idmap_recursive == b->is_idmap_recursive &&
	       text_equal(a->idmap_mappings, b->idmap_mappings);
}

static void test_good(const struct good *good)
{
	struct oci_strings list = {0, (const char **)good->options};
	struct mount_options got;
	struct err e = {""};

	while (list.count < OPTIONS_MAX && list.at[list.count])
		list.count++;
	if (!ok(!mount_options_parse(&list, &got, &e), "%zu options from '%s'", list.count,
		list.count ? list.at[0] : ""))
		return;
	ok(options_equal(&got, &good->want), "... flags %#lx cleared %#lx set %#llx clr %#llx",
	   got.flags, got.cleared_flags, (unsigned long long)got.rec_attr_set,
	   (unsigned long long)got.rec_attr_clr);
	is_str(got.data, good->want_data, "... data");
	mount_options_done(&got);
	mount_options_done(&got);
}

static void test_too_many_propagations(void)
{
	const char *options[] = {"x", "shared", "slave", "shared", "slave", "unbindable"};
	struct oci_strings list = {6, options};
	struct mount_options got;
	struct err e;

	is_int(mount_options_parse(&list, &got, &e), -EINVAL, "a fifth propagation");
	is_str(e.text, "mount option 'unbindable': more than 4 propagations", "... is refused");
	mount_options_done(NULL);
}

/* What runc 1.1.5 lists in `features`. Every one of them must have a meaning here. */
static const char *const runc_options[] = {
	"acl",		"async",       "atime",		 "bind",
	"defaults",	"dev",	       "diratime",	 "dirsync",
	"exec",		"iversion",    "lazytime",	 "loud",
	"mand",		"noacl",       "noatime",	 "nodev",
	"nodiratime",	"noexec",      "noiversion",	 "nolazytime",
	"nomand",	"norelatime",  "nostrictatime",	 "nosuid",
	"nosymfollow",	"private",     "ratime",	 "rbind",
	"rdev",		"rdiratime",   "relatime",	 "remount",
	"rexec",	"rnoatime",    "rnodev",	 "rnodiratime",
	"rnoexec",	"rnorelatime", "rnostrictatime", "rnosuid",
	"rnosymfollow", "ro",	       "rprivate",	 "rrelatime",
	"rro",		"rrw",	       "rshared",	 "rslave",
	"rstrictatime", "rsuid",       "rsymfollow",	 "runbindable",
	"rw",		"shared",      "silent",	 "slave",
	"strictatime",	"suid",	       "symfollow",	 "sync",
	"tmpcopyup",	"unbindable",
};

static void test_names(void)
{
	unsigned int kinds = 1u << MOUNT_OPTION_FLAG | 1u << MOUNT_OPTION_PROPAGATION |
			     1u << MOUNT_OPTION_REC_ATTR | 1u << MOUNT_OPTION_TMPCOPYUP;
	size_t count, want = sizeof(runc_options) / sizeof(runc_options[0]);
	const char **names = mount_option_names(kinds, &count);

	is_int((long long)count, (long long)want, "as many options as runc");
	for (size_t i = 0; i < want && i < count; i++)
		is_str(names[i], runc_options[i], "the same option as runc");
	free(names);
	names = mount_option_names(1u << MOUNT_OPTION_IDMAP, &count);
	ok(count == 2 && !strcmp(names[0], "idmap") && !strcmp(names[1], "ridmap"), "idmap alone");
	free(names);
	names = mount_option_names(0, &count);
	is_int((long long)count, 0, "no kind, no name");
	free(names);
}

static void test_sysctl(const char *key, const char *want)
{
	char path[SYSCTL_PATH_BYTES];
	bool is_good = sysctl_key_path(key, path);

	is_str(is_good ? path : NULL, want, key);
}

static void test_sysctls(void)
{
	char exact[SYSCTL_PATH_BYTES + 1];

	test_sysctl("net.ipv4.ip_forward", "net/ipv4/ip_forward");
	test_sysctl("net/ipv4/ip_forward", "net/ipv4/ip_forward");
	test_sysctl("net/ipv4/conf/eth0.100/x", "net/ipv4/conf/eth0.100/x");
	test_sysctl("net.ipv4.conf.eth0/100.x", "net/ipv4/conf/eth0.100/x");
	test_sysctl("kernel", "kernel");
	test_sysctl("", NULL);
	test_sysctl("/", NULL);
	test_sysctl(".", NULL);
	test_sysctl("..", NULL);
	test_sysctl("a/../b", NULL);
	test_sysctl("a.//.b", NULL);
	test_sysctl("a/./b", NULL);
	test_sysctl("a//b", NULL);
	test_sysctl("a.", NULL);
	test_sysctl(".a", NULL);
	test_sysctl("a...b", NULL);
	test_sysctl("a/...", "a/...");
	memset(exact, 'x', sizeof(exact));
	exact[SYSCTL_PATH_BYTES] = '\0';
	test_sysctl(exact, NULL);
	exact[SYSCTL_PATH_BYTES - 1] = '\0';
	test_sysctl(exact, exact);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++)
		test_good(&goods[i]);
	test_too_many_propagations();
	test_names();
	test_sysctls();
	return done_testing();
}
