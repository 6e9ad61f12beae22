// Package sysv holds what System V shared memory segments, semaphore sets and
// message queues have in common: keys, permissions and errors. The objects
// themselves are in [example.com/sysvipc/sysv/shm],
// [example.com/sysvipc/sysv/sem] and [example.com/sysvipc/sysv/msg].
//
// It is for Go programs that share memory, locks or messages with other
// processes: with programs in C, C++, Python, PHP or Perl that already use
// System V objects, or with each other.
//
// Between Go programs begin with what is built of these objects and survives
// the death of whoever uses it: [example.com/sysvipc/sysv/ring] hands records
// from process to process, [example.com/sysvipc/sysv/lock] guards shared memory,
// [example.com/sysvipc/sysv/event] waits for a word of it to change. Tests that
// use any of them run apart from the machine's objects with
// [example.com/sysvipc/sysv/sysvtest].
//
// # Objects, keys and ids
//
// An object belongs to the kernel, not to a process. It stays until somebody
// removes it (the Remove methods, IPC_RMID, ipcrm(1)) or its IPC namespace
// ends with its last process: a program that crashes leaves it behind. ipcs(1)
// lists what there is.
//
// Unrelated processes agree on a [Key], 32 bits that they chose or that [Ftok]
// made of a file. The kernel gives each object an id, an int of 0 or more,
// which names it from then on and is not used again soon. An object made with
// the key [Private] has an id only, to be handed on through an argument or the
// environment.
//
// See sysvipc(7), ipc_namespaces(7) and svipc(7).
//
// # Errors
//
// A call that the kernel refuses returns an [*Error], which says which call
// and which object and unwraps to the kernel's errno. Where the errno misleads
// it carries a hint. On anything but Linux (and on Android, whose kernels lack
// System V IPC) every package compiles and every call's error satisfies
// errors.Is(err, [errors.ErrUnsupported]).
//
// # Concurrency
//
// All functions and methods of these packages may be called by several
// goroutines at once.
package sysv
