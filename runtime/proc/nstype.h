/* What kind of namespace a file is. */
#ifndef VMRT_NSTYPE_H
#define VMRT_NSTYPE_H

/* CLONE_NEW*, 0 for a file that is no namespace, or -errno. */
int nstype_of(const char *path);

#endif
