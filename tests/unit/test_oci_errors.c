/* Malformed configs and the exact line that each of them gets. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/mem.h"
#include "runtime/oci/config.h"
#include "tests/unit/tap.h"

enum where {
	WHOLE,	   /* the text is the document */
	TOP,	   /* the text is members of an otherwise good config */
	PROCESS,   /* ... of its process */
	LINUX,	   /* ... of its linux, which has every namespace but user and time */
	NO_NS,	   /* ... of its linux without namespaces */
	EXEC,	   /* the text is a process document */
	RESOURCES, /* the text is a resources document */
};

struct bad {
	enum where where;
	const char *text;
	const char *want;
};

#define GOOD_PROCESS "\"args\":[\"x\"],\"cwd\":\"/\""
#define GOOD_TOP     "\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/r\"}"
#define GOOD_NS	     "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"uts\"},{\"type\":\"pid\"}]"

static const char *const frames[] = {
	[WHOLE] = "%s",
	[TOP] = "{" GOOD_TOP ",\"process\":{" GOOD_PROCESS "},%s}",
	[PROCESS] = "{" GOOD_TOP ",\"process\":{" GOOD_PROCESS ",%s}}",
	[LINUX] = "{" GOOD_TOP ",\"process\":{" GOOD_PROCESS "},\"linux\":{" GOOD_NS ",%s}}",
	[NO_NS] = "{" GOOD_TOP ",\"process\":{" GOOD_PROCESS "},\"hostname\":null,\"linux\":{%s}}",
	[EXEC] = "%s",
	[RESOURCES] = "%s",
};

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct bad bads[] = {
	/* JSON itself */
	{WHOLE, "", "config.json:1:1: parse error: premature EOF"},
	{WHOLE, "   \n  ", "config.json:2:3: parse error: premature EOF"},
	{WHOLE, "{", "config.json:1:2: parse error: premature EOF"},
	{WHOLE, "{\"a\":1,\n \"b\":}",
	 "config.json:2:6: parse error: unallowed token at this point in JSON text"},
	{WHOLE, "{\"a\":1,}",
	 "config.json:1:8: parse error: invalid object key (must be a string)"},
	{WHOLE, "{'a':1}", "config.json:1:2: lexical error: invalid char in json text"},
	{WHOLE, "{\"a\" 1}",
	 "config.json:1:6: parse error: object key and value must be separated by a colon (':')"},
	{WHOLE, "{\"a\":1} x", "config.json:1:9: parse error: trailing garbage"},
	{WHOLE, "{\"a\":1} {}", "config.json:1:9: parse error: trailing garbage"},
	{WHOLE, "{\"a\":01}",
	 "config.json:1:6: parse error: after key and value, inside map, I expect ',' or '}'"},
	{WHOLE, "{\"a\":\"\xff\"}", "config.json:1:7: lexical error: invalid bytes in UTF8 string"},
	{WHOLE, "{\"a\":\"b\nc\"}",
	 "config.json:1:7: lexical error: invalid character inside string"},
	{WHOLE, "{/* */}",
	 "config.json:1:1: lexical error: probable comment found in input text, comments are not "
	 "enabled"},
	{WHOLE, "\xef\xbb\xbf{}", "config.json: begins with a byte order mark, which JSON has not"},
	{WHOLE, "[]", "config.json: expected object, found array"},
	{WHOLE, "7", "config.json: expected object, found number"},
	{WHOLE, "null", "config.json: expected object, found null"},
	{WHOLE, "\"\\u0000\"", "config.json: contains a NUL character"},
	/* ociVersion */
	{WHOLE, "{}", "config.json: ociVersion: required member is missing"},
	{WHOLE, "{\"ociVersion\":null}", "config.json: ociVersion: required member is missing"},
	{WHOLE, "{\"ociVersion\":\"\"}", "config.json: ociVersion: must not be empty"},
	{WHOLE, "{\"ociVersion\":1}", "config.json: ociVersion: expected string, found number"},
	{WHOLE, "{\"ociVersion\":\"1.0.0\",\"ociVersion\":\"1.0.0\"}",
	 "config.json: ociVersion: is there twice"},
	{WHOLE, "{\"ociVersion\":\"2.0.0\"}",
	 "unsupported ociVersion '2.0.0': only 0.x and 1.x are known"},
	{WHOLE, "{\"ociVersion\":\"10.0.0\"}",
	 "unsupported ociVersion '10.0.0': only 0.x and 1.x are known"},
	{WHOLE, "{\"ociVersion\":\"1.0\"}", "ociVersion '1.0' is not a semantic version"},
	{WHOLE, "{\"ociVersion\":\"1.0.2-\"}", "ociVersion '1.0.2-' is not a semantic version"},
	{WHOLE, "{\"ociVersion\":\"1.0.02\"}", "ociVersion '1.0.02' is not a semantic version"},
	{WHOLE, "{\"ociVersion\":\"v1.0.0\"}", "ociVersion 'v1.0.0' is not a semantic version"},
	{WHOLE, "{\"ociVersion\":\"" X64 "abcdefgh\"}",
	 "ociVersion 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' is not "
	 "a "
	 "semantic version"},
	/* root */
	{WHOLE, "{\"ociVersion\":\"1.0.0\",\"process\":{" GOOD_PROCESS "}}",
	 "root must be specified"},
	{WHOLE, "{\"ociVersion\":\"1.0.0\",\"root\":{}}",
	 "config.json: root.path: required member is missing"},
	{WHOLE, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"\"}}",
	 "config.json: root.path: must not be empty"},
	{WHOLE, "{\"ociVersion\":\"1.0.0\",\"root\":\"/r\"}",
	 "config.json: root: expected object, found string"},
	{WHOLE, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":[]}}",
	 "config.json: root.path: expected string, found array"},
	{WHOLE, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"/\",\"readonly\":\"yes\"}}",
	 "config.json: root.readonly: expected boolean, found string"},
	{WHOLE, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"/a\\u0000b\"}}",
	 "config.json: root.path: contains a NUL character"},
	/* process */
	{WHOLE, "{" GOOD_TOP "}", "process property must not be empty"},
	{WHOLE, "{" GOOD_TOP ",\"process\":null}", "process property must not be empty"},
	{WHOLE, "{" GOOD_TOP ",\"process\":[]}",
	 "config.json: process: expected object, found array"},
	{WHOLE, "{" GOOD_TOP ",\"process\":{\"args\":[\"x\"]}}", "Cwd property must not be empty"},
	{WHOLE, "{" GOOD_TOP ",\"process\":{\"args\":[\"x\"],\"cwd\":\"\"}}",
	 "Cwd property must not be empty"},
	{WHOLE, "{" GOOD_TOP ",\"process\":{\"args\":[\"x\"],\"cwd\":\"srv\"}}",
	 "Cwd must be an absolute path"},
	{WHOLE, "{" GOOD_TOP ",\"process\":{\"cwd\":\"/\"}}", "args must not be empty"},
	{WHOLE, "{" GOOD_TOP ",\"process\":{\"cwd\":\"/\",\"args\":[]}}", "args must not be empty"},
	{WHOLE, "{" GOOD_TOP ",\"process\":{\"cwd\":\"/\",\"args\":\"sh\"}}",
	 "config.json: process.args: expected array, found string"},
	{WHOLE, "{" GOOD_TOP ",\"process\":{\"cwd\":\"/\",\"args\":[\"a\",\"b\",3]}}",
	 "config.json: process.args[2]: expected string, found number"},
	{WHOLE, "{" GOOD_TOP ",\"process\":{\"cwd\":\"/\",\"args\":[null]}}",
	 "config.json: process.args[0]: expected string, found null"},
	{WHOLE, "{" GOOD_TOP ",\"process\":{\"cwd\":\"/\",\"args\":[\"a\",\"b\\u0000c\"]}}",
	 "config.json: process.args[1]: contains a NUL character"},
	{PROCESS, "\"terminal\":1",
	 "config.json: process.terminal: expected boolean, found number"},
	{PROCESS, "\"terminal\":false,\"terminal\":true",
	 "config.json: process.terminal: is there twice"},
	{PROCESS, "\"noNewPrivileges\":{}",
	 "config.json: process.noNewPrivileges: expected boolean, found object"},
	{PROCESS, "\"env\":{}", "config.json: process.env: expected array, found object"},
	{PROCESS, "\"env\":[true]", "config.json: process.env[0]: expected string, found boolean"},
	{PROCESS, "\"env\":[\"A=\\u0000\"]",
	 "config.json: process.env[0]: contains a NUL character"},
	{PROCESS, "\"user\":0", "config.json: process.user: expected object, found number"},
	{PROCESS, "\"user\":{\"uid\":\"root\"}",
	 "config.json: process.user.uid: expected integer, found string"},
	{PROCESS, "\"user\":{\"uid\":-1}",
	 "config.json: process.user.uid: -1 is out of range (0 to 4294967295)"},
	{PROCESS, "\"user\":{\"uid\":4294967296}",
	 "config.json: process.user.uid: 4294967296 is out of range (0 to 4294967295)"},
	{PROCESS, "\"user\":{\"uid\":99999999999999999999999}",
	 "config.json: process.user.uid: 99999999999999999999999 is out of range (0 to "
	 "4294967295)"},
	{PROCESS, "\"user\":{\"uid\":1.5}",
	 "config.json: process.user.uid: expected integer, found 1.5"},
	{PROCESS, "\"user\":{\"uid\":1e3}",
	 "config.json: process.user.uid: expected integer, found 1e3"},
	{PROCESS, "\"user\":{\"gid\":[]}",
	 "config.json: process.user.gid: expected integer, found array"},
	{PROCESS, "\"user\":{\"umask\":\"022\"}",
	 "config.json: process.user.umask: expected integer, found string"},
	{PROCESS, "\"user\":{\"additionalGids\":[1,\"2\"]}",
	 "config.json: process.user.additionalGids[1]: expected integer, found string"},
	{PROCESS, "\"user\":{\"additionalGids\":[4294967296]}",
	 "config.json: process.user.additionalGids[0]: 4294967296 is out of range (0 to "
	 "4294967295)"},
	{PROCESS, "\"consoleSize\":{\"height\":-1}",
	 "config.json: process.consoleSize.height: -1 is out of range (0 to 4294967295)"},
	{PROCESS, "\"consoleSize\":[24,80]",
	 "config.json: process.consoleSize: expected object, found array"},
	{PROCESS, "\"capabilities\":[\"CAP_CHOWN\"]",
	 "config.json: process.capabilities: expected object, found array"},
	{PROCESS, "\"capabilities\":{\"ambient\":\"CAP_CHOWN\"}",
	 "config.json: process.capabilities.ambient: expected array, found string"},
	{PROCESS, "\"capabilities\":{\"bounding\":[21]}",
	 "config.json: process.capabilities.bounding[0]: expected string, found number"},
	{PROCESS, "\"rlimits\":[[]]",
	 "config.json: process.rlimits[0]: expected object, found array"},
	{PROCESS, "\"rlimits\":[{\"soft\":1,\"hard\":1}]",
	 "config.json: process.rlimits[0].type: required member is missing"},
	{PROCESS, "\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1}]",
	 "config.json: process.rlimits[0].hard: required member is missing"},
	{PROCESS, "\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"hard\":1}]",
	 "config.json: process.rlimits[0].soft: required member is missing"},
	{PROCESS, "\"rlimits\":[{\"type\":\"RLIMIT_FOO\",\"soft\":1,\"hard\":1}]",
	 "config.json: process.rlimits[0].type: wrong rlimit value: RLIMIT_FOO"},
	{PROCESS,
	 "\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":18446744073709551616}]",
	 "config.json: process.rlimits[0].hard: 18446744073709551616 is out of range (0 to "
	 "18446744073709551615)"},
	{PROCESS, "\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":-1,\"hard\":1}]",
	 "config.json: process.rlimits[0].soft: -1 is out of range (0 to 18446744073709551615)"},
	{PROCESS, "\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":2,\"hard\":1}]",
	 "process.rlimits: RLIMIT_CPU: the soft limit is above the hard one"},
	{PROCESS,
	 "\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1},"
	 "{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1}]",
	 "process.rlimits: duplicated rlimit RLIMIT_CPU"},
	{PROCESS, "\"oomScoreAdj\":1001",
	 "config.json: process.oomScoreAdj: 1001 is out of range (-1000 to 1000)"},
	{PROCESS, "\"oomScoreAdj\":-2147483649",
	 "config.json: process.oomScoreAdj: -2147483649 is out of range (-2147483648 to "
	 "2147483647)"},
	{PROCESS, "\"apparmorProfile\":false",
	 "config.json: process.apparmorProfile: expected string, found boolean"},
	{PROCESS, "\"scheduler\":{}",
	 "config.json: process.scheduler.policy: required member is missing"},
	{PROCESS, "\"scheduler\":{\"policy\":\"SCHED_FAIR\"}",
	 "config.json: process.scheduler.policy: unknown scheduler policy 'SCHED_FAIR'"},
	{PROCESS, "\"scheduler\":{\"policy\":\"SCHED_RR\",\"flags\":[\"X\"]}",
	 "config.json: process.scheduler.flags[0]: unknown scheduler flag 'X'"},
	{PROCESS, "\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":20}",
	 "invalid scheduler.nice: 20"},
	{PROCESS, "\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"priority\":1}",
	 "scheduler.priority can only be specified for SchedFIFO or SchedRR policy"},
	{PROCESS, "\"scheduler\":{\"policy\":\"SCHED_FIFO\",\"runtime\":1}",
	 "scheduler runtime/deadline/period can only be specified for SchedDeadline policy"},
	{PROCESS, "\"ioPriority\":{\"priority\":1}",
	 "config.json: process.ioPriority.class: required member is missing"},
	{PROCESS, "\"ioPriority\":{\"class\":\"BE\"}",
	 "config.json: process.ioPriority.class: unknown I/O priority class 'BE'"},
	{PROCESS, "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}",
	 "invalid ioPriority.Priority: 8"},
	{PROCESS, "\"execCPUAffinity\":{\"initial\":7}",
	 "config.json: process.execCPUAffinity.initial: expected string, found number"},
	/* the rest of the top level */
	{TOP, "\"hostname\":5", "config.json: hostname: expected string, found number"},
	{TOP, "\"hostname\":\"h\"", "unable to set hostname without a private UTS namespace"},
	{TOP, "\"domainname\":\"d\"", "unable to set domainname without a private UTS namespace"},
	{TOP, "\"annotations\":[]", "config.json: annotations: expected object, found array"},
	{TOP, "\"annotations\":{\"a.b\":1}",
	 "config.json: annotations[\"a.b\"]: expected string, found number"},
	{TOP, "\"annotations\":{\"a\":null}",
	 "config.json: annotations.a: expected string, found null"},
	{TOP, "\"annotations\":{\"a\":\"1\",\"b\":\"2\",\"a\":\"3\"}",
	 "config.json: annotations.a: is there twice"},
	{TOP, "\"annotations\":{\"a\\u0000\":\"1\"}",
	 "config.json: annotations: a member's name contains a NUL character"},
	{TOP, "\"mounts\":{}", "config.json: mounts: expected array, found object"},
	{TOP, "\"mounts\":[{\"source\":\"x\"}]",
	 "config.json: mounts[0].destination: required member is missing"},
	{TOP, "\"mounts\":[{\"destination\":\"\"}]",
	 "config.json: mounts[0].destination: must not be empty"},
	{TOP, "\"mounts\":[{\"destination\":\"/\",\"options\":\"ro\"}]",
	 "config.json: mounts[0].options: expected array, found string"},
	{TOP, "\"mounts\":[{\"destination\":\"/\",\"options\":[\"ro\",[]]}]",
	 "config.json: mounts[0].options[1]: expected string, found array"},
	{TOP, "\"mounts\":[{\"destination\":\"/a\",\"uidMappings\":[{\"containerID\":0}]}]",
	 "config.json: mounts[0].uidMappings[0].hostID: required member is missing"},
	{TOP,
	 "\"mounts\":[{\"destination\":\"/a\",\"uidMappings\":[{\"containerID\":0,\"hostID\":1,"
	 "\"size\":1}]}]",
	 "invalid mount /a: gidMappings/uidMappings is supported only for mounts with the option "
	 "'bind'"},
	{TOP,
	 "\"mounts\":[{\"destination\":\"/a\",\"options\":[\"shared\",\"slave\",\"shared\","
	 "\"slave\",\"private\"]}]",
	 "invalid mount /a: mount option 'private': more than 4 propagations"},
	{TOP, "\"hooks\":[]", "config.json: hooks: expected object, found array"},
	{TOP, "\"hooks\":{\"prestart\":{}}",
	 "config.json: hooks.prestart: expected array, found object"},
	{TOP, "\"hooks\":{\"poststop\":[{}]}",
	 "config.json: hooks.poststop[0].path: required member is missing"},
	{TOP, "\"hooks\":{\"poststart\":[{\"path\":\"bin/x\"}]}",
	 "hooks.poststart[0]: path 'bin/x' is not absolute"},
	{TOP, "\"hooks\":{\"createRuntime\":[{\"path\":\"/x\",\"timeout\":0}]}",
	 "hooks.createRuntime[0]: timeout must be greater than zero"},
	{TOP, "\"hooks\":{\"createRuntime\":[{\"path\":\"/x\",\"timeout\":-5}]}",
	 "config.json: hooks.createRuntime[0].timeout: -5 is out of range (0 to 2147483647)"},
	{TOP, "\"hooks\":{\"startContainer\":[{\"path\":\"/x\",\"env\":[1]}]}",
	 "config.json: hooks.startContainer[0].env[0]: expected string, found number"},
	/* linux */
	{TOP, "\"linux\":[]", "config.json: linux: expected object, found array"},
	{NO_NS, "\"namespaces\":[{\"path\":\"/x\"}]",
	 "config.json: linux.namespaces[0].type: required member is missing"},
	{NO_NS, "\"namespaces\":[\"pid\"]",
	 "config.json: linux.namespaces[0]: expected object, found string"},
	{NO_NS, "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]",
	 "malformed spec file: duplicated ns {\"pid\" \"\"}"},
	{NO_NS, "\"namespaces\":[{\"type\":\"new\"},{\"type\":\"new\",\"path\":\"/p\"}]",
	 "malformed spec file: duplicated ns {\"new\" \"/p\"}"},
	{NO_NS, "\"namespaces\":[{\"type\":\"pid\",\"path\":\"proc\"}]",
	 "linux.namespaces: path 'proc' of pid is not absolute"},
	{NO_NS, "\"maskedPaths\":[\"/a\"]",
	 "unable to restrict sys entries without a private MNT namespace"},
	{NO_NS, "\"readonlyPaths\":[\"/a\"]",
	 "unable to restrict sys entries without a private MNT namespace"},
	{LINUX, "\"maskedPaths\":[{}]",
	 "config.json: linux.maskedPaths[0]: expected string, found object"},
	{LINUX, "\"uidMappings\":[{\"containerID\":0,\"hostID\":1}]",
	 "config.json: linux.uidMappings[0].size: required member is missing"},
	{LINUX, "\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":4294967296}]",
	 "config.json: linux.uidMappings[0].size: 4294967296 is out of range (0 to 4294967295)"},
	{LINUX, "\"gidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]",
	 "User namespace mappings specified, but USER namespace isn't enabled in the config"},
	{LINUX, "\"timeOffsets\":{\"monotonic\":{\"secs\":1}}",
	 "time namespace offsets specified, but time namespace isn't enabled in the config"},
	{LINUX, "\"timeOffsets\":{\"realtime\":{}}",
	 "config.json: linux.timeOffsets.realtime: unknown clock"},
	{LINUX, "\"timeOffsets\":{\"boottime\":{\"nanosecs\":1000000000}}",
	 "config.json: linux.timeOffsets.boottime.nanosecs: 1000000000 is out of range (0 to "
	 "999999999)"},
	{LINUX, "\"sysctl\":{\"net.core.somaxconn\":1}",
	 "config.json: linux.sysctl[\"net.core.somaxconn\"]: expected string, found number"},
	{LINUX, "\"sysctl\":{\"\":\"1\"}", "sysctl \"\" is not a valid name"},
	{LINUX, "\"sysctl\":{\"net/../../etc\":\"1\"}",
	 "sysctl \"net/../../etc\" is not a valid name"},
	{LINUX, "\"sysctl\":{\"kernel..x\":\"1\"}", "sysctl \"kernel..x\" is not a valid name"},
	{LINUX, "\"sysctl\":{\"/kernel/x\":\"1\"}", "sysctl \"/kernel/x\" is not a valid name"},
	{LINUX, "\"sysctl\":{\"kernel.hostname\":\"x\"}",
	 "sysctl \"kernel.hostname\" is not allowed as it conflicts with the OCI \"hostname\" "
	 "field"},
	{LINUX, "\"rootfsPropagation\":\"public\"",
	 "config.json: linux.rootfsPropagation: rootfsPropagation=public is not supported"},
	{LINUX, "\"cgroupsPath\":[]",
	 "config.json: linux.cgroupsPath: expected string, found array"},
	{LINUX, "\"devices\":[{\"path\":\"/dev/x\"}]",
	 "config.json: linux.devices[0].type: required member is missing"},
	{LINUX, "\"devices\":[{\"type\":\"c\"}]",
	 "config.json: linux.devices[0].path: required member is missing"},
	{LINUX, "\"devices\":[{\"path\":\"/dev/x\",\"type\":\"char\"}]",
	 "config.json: linux.devices[0].type: invalid device type \"char\""},
	{LINUX, "\"devices\":[{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":1}]",
	 "config.json: linux.devices[0].minor: required member is missing"},
	{LINUX, "\"devices\":[{\"path\":\"/dev/x\",\"type\":\"b\",\"major\":-1,\"minor\":0}]",
	 "config.json: linux.devices[0].major: is negative"},
	{LINUX, "\"netDevices\":{\"eth0\":\"x\"}",
	 "config.json: linux.netDevices.eth0: expected object, found string"},
	{LINUX, "\"intelRdt\":{\"closID\":\"a/b\"}", "invalid intelRdt.ClosID \"a/b\""},
	{LINUX, "\"intelRdt\":{\"schemata\":\"L3\"}",
	 "config.json: linux.intelRdt.schemata: expected array, found string"},
	{LINUX, "\"personality\":{}",
	 "config.json: linux.personality.domain: required member is missing"},
	{LINUX, "\"personality\":{\"domain\":\"BSD\"}",
	 "config.json: linux.personality.domain: unknown personality domain 'BSD'"},
	{LINUX, "\"memoryPolicy\":{\"mode\":\"MPOL_X\"}",
	 "config.json: linux.memoryPolicy.mode: unknown memory policy mode 'MPOL_X'"},
	/* linux.seccomp */
	{LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_FOO\"}",
	 "config.json: linux.seccomp.defaultAction: unknown seccomp action 'SCMP_ACT_FOO'"},
	{LINUX, "\"seccomp\":{\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_LOG\"}]}",
	 "config.json: linux.seccomp.defaultAction: required member is missing"},
	{LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultErrnoRet\":1}",
	 "config.json: linux.seccomp.defaultErrnoRet: is only possible with SCMP_ACT_ERRNO and "
	 "SCMP_ACT_TRACE"},
	{LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":65536}",
	 "config.json: linux.seccomp.defaultErrnoRet: 65536 is out of range (0 to 65535)"},
	{LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}",
	 "SCMP_ACT_NOTIFY cannot be used as default action"},
	{LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"VAX\"]}",
	 "config.json: linux.seccomp.architectures[0]: unknown seccomp architecture 'VAX'"},
	{LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"F\"]}",
	 "config.json: linux.seccomp.flags[0]: unknown seccomp flag 'F'"},
	{LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerMetadata\":\"m\"}",
	 "linux.seccomp: listenerMetadata needs a listenerPath"},
	{LINUX,
	 "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[],"
	 "\"action\":\"SCMP_ACT_LOG\"}]}",
	 "config.json: linux.seccomp.syscalls[0]: names is empty"},
	{LINUX,
	 "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"action\":"
	 "\"SCMP_ACT_LOG\"}]}",
	 "config.json: linux.seccomp.syscalls[0].names: required member is missing"},
	{LINUX,
	 "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"]}]}",
	 "config.json: linux.seccomp.syscalls[0].action: required member is missing"},
	{LINUX,
	 "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],"
	 "\"action\":\"SCMP_ACT_NOTIFY\"}]}",
	 "linux.seccomp: SCMP_ACT_NOTIFY needs a listenerPath"},
	{LINUX,
	 "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/l\",\"syscalls\":[{"
	 "\"names\":[\"a\",\"write\"],\"action\":\"SCMP_ACT_NOTIFY\"}]}",
	 "SCMP_ACT_NOTIFY cannot be used for the write syscall"},
	{LINUX,
	 "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],"
	 "\"action\":\"SCMP_ACT_KILL\",\"errnoRet\":1}]}",
	 "config.json: linux.seccomp.syscalls[0].errnoRet: is only possible with SCMP_ACT_ERRNO "
	 "and "
	 "SCMP_ACT_TRACE"},
	{LINUX,
	 "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],"
	 "\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":6,\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]}]"
	 "}",
	 "config.json: linux.seccomp.syscalls[0].args[0].index: 6 is out of range (0 to 5)"},
	{LINUX,
	 "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],"
	 "\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":0,\"value\":0,\"op\":\"=\"}]}]}",
	 "config.json: linux.seccomp.syscalls[0].args[0].op: unknown seccomp operator '='"},
	/* linux.resources, and the same as a document of its own */
	{LINUX, "\"resources\":{\"memory\":{\"limit\":\"64m\"}}",
	 "config.json: linux.resources.memory.limit: expected integer, found string"},
	{LINUX, "\"resources\":{\"memory\":{\"swappiness\":101}}",
	 "config.json: linux.resources.memory.swappiness: invalid value 101 (valid range is "
	 "0-100)"},
	{RESOURCES, "[]", "resources.json: expected object, found array"},
	{RESOURCES, "{\"memory\":{\"limit\":9223372036854775808}}",
	 "resources.json: memory.limit: 9223372036854775808 is out of range (-9223372036854775808 "
	 "to "
	 "9223372036854775807)"},
	{RESOURCES, "{\"memory\":{\"limit\":-9223372036854775809}}",
	 "resources.json: memory.limit: -9223372036854775809 is out of range (-9223372036854775808 "
	 "to 9223372036854775807)"},
	{RESOURCES, "{\"memory\":{\"disableOOMKiller\":0}}",
	 "resources.json: memory.disableOOMKiller: expected boolean, found number"},
	{RESOURCES, "{\"cpu\":{\"shares\":-2}}",
	 "resources.json: cpu.shares: -2 is out of range (0 to 18446744073709551615)"},
	{RESOURCES, "{\"cpu\":{\"cpus\":3}}",
	 "resources.json: cpu.cpus: expected string, found number"},
	{RESOURCES, "{\"pids\":7}", "resources.json: pids: expected object, found number"},
	{RESOURCES, "{\"pids\":{\"limit\":1.0}}",
	 "resources.json: pids.limit: expected integer, found 1.0"},
	{RESOURCES, "{\"devices\":[{\"access\":\"rwm\"}]}",
	 "resources.json: devices[0].allow: required member is missing"},
	{RESOURCES, "{\"devices\":[{\"allow\":true},{}]}",
	 "resources.json: devices[0]: device access at 0 field cannot be empty"},
	{RESOURCES, "{\"devices\":[{\"allow\":true,\"access\":\"rx\"}]}",
	 "resources.json: devices[0].access: invalid device access 'rx'"},
	{RESOURCES, "{\"devices\":[{\"allow\":true,\"access\":\"r\",\"type\":\"p\"}]}",
	 "resources.json: devices[0].type: invalid cgroup device type \"p\""},
	{RESOURCES, "{\"devices\":[{\"allow\":true,\"access\":\"r\",\"major\":-2}]}",
	 "resources.json: devices[0].major: is negative"},
	{RESOURCES, "{\"blockIO\":{\"weight\":65536}}",
	 "resources.json: blockIO.weight: 65536 is out of range (0 to 65535)"},
	{RESOURCES, "{\"blockIO\":{\"weightDevice\":[{\"major\":1,\"minor\":2}]}}",
	 "resources.json: blockIO.weightDevice[0]: has neither weight nor leafWeight"},
	{RESOURCES, "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":1,\"minor\":2}]}}",
	 "resources.json: blockIO.throttleReadBpsDevice[0].rate: required member is missing"},
	{RESOURCES, "{\"blockIO\":{\"throttleWriteIOPSDevice\":[{\"minor\":2}]}}",
	 "resources.json: blockIO.throttleWriteIOPSDevice[0].major: required member is missing"},
	{RESOURCES, "{\"hugepageLimits\":[{\"limit\":1}]}",
	 "resources.json: hugepageLimits[0].pageSize: required member is missing"},
	{RESOURCES, "{\"network\":{\"priorities\":[{\"name\":\"e\"}]}}",
	 "resources.json: network.priorities[0].priority: required member is missing"},
	{RESOURCES, "{\"rdma\":{\"mlx\":{}}}",
	 "resources.json: rdma.mlx: has neither hcaHandles nor hcaObjects"},
	{RESOURCES, "{\"rdma\":{\"a\":{\"hcaHandles\":1},\"a\":{\"hcaHandles\":1}}}",
	 "resources.json: rdma.a: is there twice"},
	{RESOURCES, "{\"unified\":{\"memory.max\":1}}",
	 "resources.json: unified[\"memory.max\"]: expected string, found number"},
	/* vm */
	{TOP, "\"vm\":{\"kernel\":{}}", "config.json: vm.kernel.path: required member is missing"},
	{TOP, "\"vm\":{\"hypervisor\":{\"parameters\":[]}}",
	 "config.json: vm.hypervisor.path: required member is missing"},
	{TOP, "\"vm\":{\"kernel\":{\"path\":\"/k\",\"parameters\":\"a b\"}}",
	 "config.json: vm.kernel.parameters: expected array, found string"},
	{TOP, "\"vm\":{\"image\":{\"path\":\"/i\"}}",
	 "config.json: vm.image.format: required member is missing"},
	{TOP, "\"vm\":{\"hwConfig\":{\"vcpus\":-1}}",
	 "config.json: vm.hwConfig.vcpus: -1 is out of range (0 to 4294967295)"},
	{TOP, "\"vm\":{\"hwConfig\":{\"iomems\":[{\"firstMFN\":1}]}}",
	 "config.json: vm.hwConfig.iomems[0].nrMFNs: required member is missing"},
	{TOP, "\"vm\":{\"hwConfig\":{\"irqs\":[\"a\"]}}",
	 "config.json: vm.hwConfig.irqs[0]: expected integer, found string"},
	/* exec --process */
	{EXEC, "", "process.json:1:1: parse error: premature EOF"},
	{EXEC, "\"x\"", "process.json: expected object, found string"},
	{EXEC, "{\"args\":[\"x\"]}", "Cwd property must not be empty"},
	{EXEC, "{\"cwd\":\"/\"}", "args must not be empty"},
	{EXEC, "{\"user\":{\"gid\":true}}",
	 "process.json: user.gid: expected integer, found boolean"},
};

static int parse(enum where where, const char *text, struct err *e)
{
	struct oci_config *config = NULL;
	struct oci_process *process = NULL;
	struct oci_resources *resources = NULL;
	int rc;

	if (where == EXEC) {
		rc = oci_process_parse(text, strlen(text), "process.json", &process, e);
		rc = rc ? rc : oci_process_check(process, e);
	} else if (where == RESOURCES) {
		rc = oci_resources_parse(text, strlen(text), "resources.json", &resources, e);
	} else {
		rc = oci_config_parse(text, strlen(text), "config.json", &config, e);
		rc = rc ? rc : oci_config_check(config, e);
	}
	oci_config_free(config);
	oci_process_free(process);
	oci_resources_free(resources);
	return rc;
}

#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static void test_bad(const struct bad *bad)
{
	/* Exactly as long as the text, so that a read behind its end is seen by ASan. */
	auto_free char *text = xasprintf(frames[bad->where], bad->text);
	struct err e = {"(no error)"};
	int rc = parse(bad->where, text, &e);

	if (ok(rc == -EINVAL && !strcmp(e.text, bad->want), "%s", bad->want))
		return;
	printf("#   text '%s'\n#   rc %d, got  '%s'\n#   want '%s'\n", text, rc, e.text, bad->want);
}

static void test_frames_are_good(void)
{
	static const enum where whole[] = {TOP, PROCESS, LINUX, NO_NS};
	struct err e = {""};

	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		auto_free char *text = xasprintf(frames[whole[i]], "\"unknown\":[1,{\"a\":[]}]");

		ok(!parse(whole[i], text, &e), "frame %zu is good by itself: %s", i, e.text);
	}
}

int main(void)
{
	test_frames_are_good();
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++)
		test_bad(&bads[i]);
	return done_testing();
}
