// Package lock has mutexes and read/write locks between processes that cost what those of
// package sync cost while nobody contends, and survive kill -9 of their holder at any
// instruction.
//
// A group of locks is one shared memory segment and one semaphore set, and takes
// its key for both: a segment or set of the program's own needs another. It is for
// processes that run this package.
//
// # Which to take
//
// [Mutex] is for most of what is shared: one has it at a time, and to lock and to unlock
// it is an atomic operation each while nobody else wants it.
//
// [RWMutex] is for what is read far more often than written, by several processes at
// once: a cache, a table of routes. Readers share nothing that they write to, so that
// each process more that reads is as fast as the first. To write costs a look at each
// place that has ever been a member's, and a wait for those who read. It takes 128 bytes
// for each process that can be a member, 32 KiB where that is 256.
//
// [example.com/sysvipc/sysv/sem.Mutex] is for what programs in other languages lock as
// well. Each Lock and Unlock is a system call.
//
// [example.com/sysvipc/sysv/ring.Latest] is no lock: one value of a fixed size, of which
// readers get a copy of the newest. Readers keep nobody waiting, and there is nothing to
// repair: the one to take where a value is always replaced as a whole.
//
// Of the first two a group has any number, in one segment with the memory that they
// guard. For a parent and its children there is [Anonymous].
//
// # Use
//
// [OpenOrCreate] makes the process a member of the group, [Group.Mutex] gives a
// lock:
//
//	g, _, err := lock.OpenOrCreate(ctx, 0x4d2, 8, nil)
//	...
//	abandoned, err := g.Mutex(3).Lock(ctx)
//	if err != nil {
//		return err
//	}
//	defer g.Mutex(3).Unlock()
//	if abandoned {
//		repair()               // somebody died in the middle of it
//		g.Mutex(3).Repaired()
//	}
//
// Config.Memory asks for memory in the group's segment, for what its mutexes guard. What is
// to be shared lies beside its lock then, comes into being with it, whole, under one key,
// and goes with it.
//
// What a mutex guards must be data that can be repaired, or checked: a process
// that is killed leaves it as it is. That is what abandoned says, to every owner
// until one calls [Mutex.Repaired]. An example shows it.
//
// Whoever is there first takes a mutex that is free, between processes, and
// between goroutines that come just then and those that queue for it: to hand it
// on would cost a switch from one process to another each time. But a process
// that has waited for 5 ms says so, and then the mutex is kept for those who
// wait: who comes queues behind them, also who has just had it. So an owner that
// takes it again as soon as he has given it back lets each of those who wait in
// after one or two turns of his. There is no order among those who wait, and
// TryLock takes what is free, whoever waits.
//
// # Readers and writers
//
// [Group.RWMutex] gives a read/write lock, of which Config.RWMutexes says how many there
// are:
//
//	m := g.RWMutex(0)
//	abandoned, err := m.RLock(ctx) // or Lock, and Unlock
//	...
//	defer m.RUnlock()
//
// A reader that is killed keeps nobody out, as one does for good in a pthread_rwlock_t. A
// writer that is killed leaves it abandoned, of which readers hear too. A goroutine that
// reads must not take the lock for reading once more: a writer that has come in between
// waits for it, and it for the writer.
//
// A writer that waits keeps new readers out, so that it waits for those alone who are
// there. A reader that has waited for 5 ms says so, and the next writer lets it in before
// it goes in itself, if it comes within a tenth of a second: a writer that comes again at
// once keeps nobody out for longer than two of its turns after that. A reader that is
// stopped (SIGSTOP) while it reads is alive, and waited for.
//
// # More of a mutex
//
// A stopped owner (SIGSTOP) is alive: others wait for it. A process that is
// stopped while it does not own the mutex holds up others for a tenth of a second
// at most, where it was about to wake them. After exec the new
// program is a member still, and holds what the old one held, until it ends; it
// can't unlock that, nor take it again: give mutexes back before. Each exec without
// Close uses up a slot of the group until the process ends.
//
// # Protocol
//
// No process ids, timeouts or daemons tell the living from the dead, so that it
// works across PID namespaces: it is the kernel that adds and subtracts at a
// process's end what SEM_UNDO remembers (semop(2)).
//
// The segment has a header, and a 32-bit word for each mutex, on a line of its own: 0
// while it is free, else the slot of its owner, that slot's generation, and W if
// there may be waiters.
//
//	           Lock                owner dies
//	free ───────────────▶ mine ─────────────────▶ a dead one's
//	 ▲   ◀───────────────  │                           │
//	 │        Unlock       │ others wait               │ others wait
//	 │                     ▼       owner dies          ▼
//	 └───────────────── mine, W ────────────────▶ a dead one's, W
//	   Unlock: a token     ▲                           │
//	                       └───────────────────────────┘
//	                              Lock: abandoned
//
// A Lock that has waited leads from free to mine, W: others may wait still. Where
// one of them has waited long, Unlock leads to W alone instead of free, which is
// kept for them, and from there they lead to mine, W.
//
// The set has a semaphore for joining, some that never change and say which
// segment it belongs to, one for each slot, and one for the tokens of each mutex.
// Every line below is one atomic step, and a process can be killed between any two.
//
//   - Join: take the joining semaphore with undo; find a slot whose semaphore is
//     0; raise its generation, past any that a word still names; then add 1 to
//     the slot's semaphore with undo: the process is alive. Give the joining
//     semaphore back.
//   - Arm, before the first use of a mutex: to its tokens add 1, and subtract 1
//     with undo. Nothing changes now, but the end of the process adds a token.
//     So an owner's death wakes a waiter, and a waiter that dies with a token in
//     hand passes it on. Tokens of many deaths are drained to one before.
//   - Lock: if the word is 0, put me there. Else, again and again: if it is 0, put
//     me with W, as others may wait still. If it is W alone and I have slept,
//     or call TryLock, put me with W, and end the mark of long waits. If W is not
//     set, set it. If it is not W alone, and the slot's semaphore is 0, or after
//     that its generation is not the word's, the owner is dead: put me with W in
//     the place of exactly this word, and then mark the mutex abandoned. Who has
//     the mutex reads the marks, and unlocks if the group is removed. Else wait for a token and take it: for what is left of
//     the first 5 ms of the call, and after that for a tenth of a second at most,
//     each time after marking that somebody has waited long.
//   - Unlock: put 0 in the place of me, or W alone if W is set and long waits are
//     marked. If W was set, add a token unless there is one.
//   - Leave: subtract 1 from the slot's semaphore with undo; then for each armed
//     mutex add 1 to its tokens with undo, and subtract 1.
//
// A RWMutex has such a mutex for its writers, and for each slot a word that counts who
// reads there. It is cleared by who joins, before the slot is alive.
//
//   - RLock: add 1 to my word, then look at the writers'. If that names nobody, or its
//     owner lets readers in, I am in. Else subtract 1, and tell who waits for readers. Look
//     whether the owner lives, as above: if not take his place, mark the mutex abandoned if
//     he was in, add 1 to my word, and only then give the place back. Else announce that I
//     wait for writers, look once more, and wait. Who has waited for 5 ms says so in his
//     word.
//   - RUnlock: subtract 1, and tell who waits for readers.
//   - Lock: take the mutex. Then from slot to slot: who reads there, and whose slot is
//     alive, is waited for: announce that, look once more, and wait. Where somebody has
//     waited long, let readers in before, until all of those have come or a tenth of a
//     second has passed, and begin anew; once for each Lock. Then mark that I am in.
//   - Unlock: take that mark away, give the mutex back, and tell who waits for writers.
//     Downgrade adds 1 to my word before.
//
// What is told and waited for there is a Count of [example.com/sysvipc/sysv/event]. Who is
// killed before he tells it keeps others waiting for a tenth of a second: after that they
// look anew, and see who lives.
//
// Whoever took a token looks again, even if his context has ended meanwhile, and
// so sets W before he gives up; where he can't look, he puts it back: no token is
// lost. The ends of the waits are for stopped processes alone: who took a token
// and is stopped before he looks, or has unlocked and not yet added one.
//
// Once a long wait is marked and a waiter has looked since, nobody who has not
// waited gets the mutex before one who has, but by TryLock or from a dead owner. Who
// was giving it back just then, and had looked at the marks before, lets in one more,
// and that one others until a waiter looks, which the token of that Unlock has him do.
//
// The package's own code is explored by its tests, in every order in which the steps
// of three processes can follow each other, with a death, or a stop, at every
// step: joining, leaving and removal as well. That shows that each of the orders above
// matters, and that where nobody is stopped nobody depends on the end of a wait.
//
// # Creation and removal
//
// The segment is made by [example.com/sysvipc/sysv/shm.OpenOrInit]: nobody has it
// before it is filled and its set is made, and a creator that dies is replaced.
// Removal takes the segment first, which frees the key, marks its mutexes, and
// then takes the set. So whoever makes a segment and finds a set under the key
// that names another segment knows that the group's segment is gone; he marks the
// mutexes in what members have of it still, and removes the set by its id. Where
// a segment is a group's, by its magic, its own id and key, its size and its set's
// id, and the set is gone, [OpenOrCreate] marks the mutexes and removes the
// segment by its id.
//
// Marking a mutex that is free makes its word one that no Lock takes for free; one
// that is held gets W, so that its Unlock comes to do that. So members who need
// no system call hear of it too: who is inside stays there until he unlocks, and
// nobody comes in after him, but a member of the next group can be inside at the
// same time.
//
// After ipcrm of both the segment and the set nobody knows of the members any more.
// So each member looks for himself whether both are there (IPC_STAT), and marks the
// mutexes if one is not: the first Lock or TryLock does it that comes 50 ms or more
// after the last look. Where there are no calls, nothing is done.
//
// # Failures
//
// A process that is killed, or gives up, after it has marked its long wait leaves a
// mutex that is kept for nobody. The token of the unlock lies there for who comes:
// it costs him a system call. Where the one who unlocks is stopped before he adds
// it, who comes waits for up to 5 ms.
//
// A generation has 20 bits. Were a process stopped between finding an owner dead
// and taking its place, while others join and leave that slot exactly a multiple
// of 1,048,576 times and the last of them holds the very mutex, it would rob it.
//
// Removal of the set (ipcrm) wakes those who wait with [sysv.ErrRemoved]; then
// nobody can tell any more who lives. After ipcrm of the segment, of the set or of
// both, members who find their mutexes free go on for up to 50 ms, or longer where
// a timer of their process runs late, and then get [sysv.ErrRemoved]. Where both
// are gone, a member of a new group can be inside meanwhile with one of them. Who
// has a mutex keeps it until he unlocks, and until then others wait for him, or
// until the set is removed. A member who may no longer read the segment and the set
// can't look, and goes on.
//
// Other programs must not write to the set's semaphores, nor give it values: SETVAL
// and SETALL make the kernel forget what there is to undo. Whoever may write to the
// segment can break every lock in it, though not this process's memory.
//
// The sources are semop(2), shmop(2) and the kernel's ipc/sem.c.
package lock
