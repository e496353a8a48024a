/* Files outside of the current directory that a command is told to write. */
#ifndef VMRUN_OUTPUTS_H
#define VMRUN_OUTPUTS_H

/* What `go test -exec vmrun` calls: the programs of Go's tests get the places of their profiles,
 * coverage and logs as -test.NAME=PATH, in a directory of go's own that it reads afterwards.
 * Returns the directory that has to be shared for such an argument, owned by the caller; NULL: it
 * is none, or there is no such directory. */
char *outputs_dir_of(const char *argument);

#endif
