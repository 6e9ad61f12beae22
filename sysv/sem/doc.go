// Package sem is System V semaphores: sets of counters, changed atomically
// several at a time, that any process of the IPC namespace can use, and that
// stay until they are removed.
//
// It is for Go programs that take turns with programs in other languages, or
// with each other, and that need a lock which the kernel releases when its
// holder is killed.
//
// # Semaphores
//
// A set has 1 to SEMMSL (usually 32000) semaphores, numbered from 0. Each has
// a value (semval) of 0 to 32767 (SEMVMX). [Set.Do] performs operations: with
// a positive Delta it adds, with a negative one it waits until it can subtract
// without going below 0, and with 0 it waits until the value is 0. Several
// operations in one Do happen together or not at all.
//
// # Undo
//
// With [Undo] the kernel remembers the operation and takes it back when the
// process ends, however it ends: a lock taken so is free again after kill -9.
// The memory belongs to the process, not to the goroutine or the thread: a
// goroutine that returns undoes nothing. It survives exec, and children do not
// inherit it. [Set.SetValue] and [Set.SetValues] make the kernel forget it for
// all processes. What is taken back is clamped to 0 and 32767. See semop(2).
//
// A thread that leaves the IPC namespace, by setns(2) or unshare(2), or calls
// unshare with CLONE_SYSVSEM, leaves the memory of its process too. What it does
// with Undo from then on is taken back when that thread ends; what was done before
// stays with the others, or is taken back at once where it was the only one.
// Since Go decides on which thread a goroutine runs, don't do that in a program
// that uses Undo, but in one that executes it, as nsenter(1) does.
//
// A lock that comes back after a death says nothing about the data that it
// guards, which may be half-written.
//
// # Waiting
//
// What can wait takes a [context.Context]. When that ends first, the error says
// on what it waited and is the context's by errors.Is; the semaphores are then
// unchanged. A goroutine that waits in Do
// occupies an operating system thread, of which Go allows 10000: let many
// goroutines queue for a [Mutex] or a [Counting], which send one of them to the
// kernel.
//
// The kernel looks at permissions when a wait begins, and any signal, of which
// Go's runtime sends many, makes it begin again. So a change by SetPerm or SetMode
// comes to those who wait already as [io/fs.ErrPermission], but nobody knows when.
//
// A deadline is the kernel's business (semtimedop). A cancellation interrupts
// the waiting thread with SIGURG, the signal that Go's runtime uses for itself:
// a program that asks os/signal for SIGURG gets those too. Where a program
// ignores SIGURG or has it blocked when the wait begins, the wait looks every
// 20 ms whether its context has ended, and queues anew in the kernel each time;
// a program that begins to ignore it later can't cancel what waits by then.
// With a context that can't end, as
// [context.Background], nothing of this is needed, and waiting costs least.
//
// # Sets that others make
//
// semget(2) makes a set whose semaphores are 0, and giving them values is
// another call: in between others can see a set that is not ready. [Create]
// gives all values in one atomic operation, which also sets sem_otime, so that
// [Open] can tell a set that is ready from one that is not, even if its
// creator was killed. A set that another program made counts as ready once
// sem_otime, any value, or any last pid is set, or somebody waits on it; whether
// it has all its values by then depends on how that program gives them. Zeros
// may be what it is to have: so a set that another program made is waited for
// only while its sem_ctime is less than two seconds old, and then taken as it
// is. It is taken at once where its values may not be read. It is never removed.
//
// The other way round, programs that wait until sem_otime is set before they use
// what another one made, as many in C do, find a set that Create made ready as soon
// as they can see its values: they come by an operation, so that from the start
// LastPID of each semaphore that has a value is its creator's pid (of zeros alone:
// that of the first), and sem_otime is not 0. While it is in the making, its
// owner and root alone can open it by a semget that asks for permissions: others are refused (EACCES).
//
// Create adds its values to the zeros of a new set. A program that operates on
// sets without waiting until they are ready, as PHP's sem_get does, can come in
// between and have its own change added to them: for such programs create zeros
// and give values as they do. The example for PHP shows it.
//
// # Creators that die
//
// While Create makes a set with a key, the set has the mode 0o601, which marks
// it: no set has it otherwise. If its creator is killed at that, others notice
// after a bit over a second, in which they, or calls of theirs together, have
// seen it so. If it has its values by then, whoever opens it gives it a mode,
// [OpenOrCreate] that of its Config and Open 0o600. If not, OpenOrCreate removes
// it by its id and makes it anew, and Open returns [sysv.ErrNotInitialized]. A
// creator that was stopped meanwhile finds that out and starts over. Only the
// set's owner or root can do either; others get the error.
//
// What this can't see: an operation of a program that does not wait until a set
// is ready, on a set that its creator has left, keeps nobody from removing it,
// unless that program waits on the set. And who is stopped between seeing that a
// set is dead and removing it, until that id has come to mean another one, removes
// that. In a user namespace that does not map the caller's uid or gid a mode can't
// be set (user_namespaces(7)): there sets are made without the mark, and one that
// is left half-made is taken for another program's.
//
// The sources are semget(2), semop(2), semctl(2) and sysvipc(7).
package sem
