// Package ring hands records from process to process through shared memory, whoever
// is killed: a [Queue], of which each record goes to one consumer, a [Feed], of which
// each record goes to all, and a [Latest], of which only the newest value counts.
//
// A ring is one shared memory segment and one semaphore set under one key, as a group of
// package lock is: it is made whole or not at all, what the dead leave heals, and its
// members are told from the dead by the kernel. It is for processes that run this
// package; for what programs in other languages take part in there are message queues,
// package [example.com/sysvipc/sysv/msg].
//
// # Use
//
// A process that sends and one that receives:
//
//	q, _, err := ring.OpenOrCreateQueue(ctx, 0x4d2, nil)
//	...
//	err = q.Send(ctx, data) // copies
//
//	r, err := q.Receive(ctx)
//	if err != nil {
//		return err // io.EOF once all producers have finished
//	}
//	use(r.Bytes)           // where they are, in the shared memory
//	err = r.Done()         // from now on the place is free
//
// While both sides are busy neither makes a system call, and none allocates memory. Who has
// nothing to do sleeps. Large records are written and read where they are:
// [Queue.Reserve] and [Reservation.Commit], and [Record.Bytes]. For many small ones
// there are [Queue.SendBatch], [Queue.ReceiveBatch] and [Queue.DoneBatch].
//
// # Order in a Queue
//
// Consumers get the records of one producer in the order in which it sent them, also
// those of a batch, but for records that are given again: after their consumer died, or
// by [Record.Requeue]. Between consumers that says when each record is given to
// somebody, not when it is done with. Records of several producers are in one order
// too, that of their Send or Reserve. No record waits for a consumer who has another in
// hand while one has nothing to do, unless so many are in hand that there is no lease
// left (Config.Leases).
//
// # Deaths
//
// A process may be killed at any instruction. A record that it was sending is there whole
// or not at all; with a batch, or more than 32 KiB of it at a time, that is so for
// all of them. A reservation that it had not committed was never there. Records that it
// was given and was not done with are given to others, with one attempt more, which
// [Record.Attempts] says; those that were claimed with them and not yet given, as if for
// the first time. A record whose Send or Commit has returned nil is lost never, and comes
// twice only after a death or Requeue: so what is done about it must be such that it
// can be done again, up to Done.
//
// Others find out when they have nothing else to do, or else within some hundred claims,
// but they ask only every 50 ms.
//
// A record may be what kills its consumers. So after as many attempts as
// [Config.Attempts] says it is set aside, for [Queue.Aside] to look at.
//
// After exec without Close the new program is a member still, and holds what the old one
// held, until it ends.
//
// Any bytes in the segment give records or errors, but no fault and no endless loop: who
// may write there can break the queue, though not this process. What the records contain
// is for the program to check, where others may write who are not trusted, and
// it may change while it is looked at: then copy first.
//
// # What a stopped process holds up
//
// A process that is stopped (SIGSTOP) or slow lives, and keeps what it has:
//
//   - a record that it was given: that record, and the ring's room from there on, so that
//     producers have to wait once they have come round to it. What was claimed with it
//     goes to others;
//   - a reservation: every record that comes after it, for consumers, and
//     producers once the ring is full;
//   - in the middle of Send or Reserve, for less than a microsecond: everybody who sends,
//     TrySend too;
//   - in the middle of Receive, as long, where it claims: everybody who claims, TryReceive
//     too, but not who has a lease, nor who is done with something;
//   - otherwise nothing.
//
// Others wait within their contexts.
//
// # Errors
//
// An error is a [sysv.Error] that names the call, as "ring.Queue.Send", the ring's id and key, and
// the reason, which errors.Is finds: the context's, [sysv.ErrRemoved], [os.ErrClosed],
// [ErrInUse], [ErrTooLong]. Where a wait was in vain the hint says for what: a record, room
// or another process that has a mutex. [io.EOF], [io.ErrShortBuffer], [ErrNotHeld] and
// [*MissedError], which callers expect, are what they are.
//
// # Cost
//
// While both sides are busy no call makes a system call. A record of up to 2 KiB is
// copied under the producers' mutex; a longer one is reserved, written, and
// committed, so that others can send meanwhile. Where one side is as fast as the other,
// and finds little, it looks for some microseconds before it takes that; this costs
// less than to pass the same cache lines to and fro for each record.
//
// # Protocol
//
// No process is trusted to live until its next instruction. What several stores make is
// either published by the last of them, or written down before the first in a
// journal, by which the next owner of the mutex does it again.
//
//   - Send, under the producers' mutex: is there room? The record's bytes, its
//     length and state; then tail, which publishes it.
//   - Reserve is Send of a record whose state is its member's word. Commit stores
//     the state that it has else, without a mutex. A dead member's becomes padding,
//     under the consumers' mutex and by a compare-and-swap, when it is the first:
//     he may have committed it after somebody saw that he had not, and died then.
//   - Claim, under the consumers' mutex: fill an idle cell, a lease, with the records
//     from read on; then its owner; then read. A lease that is not below read was
//     not made, and who finds the mutex abandoned takes it away.
//   - Take, by the owner alone: a compare-and-swap of how much of the lease is
//     delivered, and where it ends.
//   - Done: from goes on to the first record that is not done with; or, where that is
//     another, the record's state says so. The lease ends by owner becoming 0.
//   - Cut, by another who has nothing to do, under the consumers' mutex, before he would
//     claim, and of the oldest that is left: a compare-and-swap makes the lease end
//     where it is delivered, and the rest is his. He takes the first record before he
//     gives the mutex back: else two such could take it from each other for good.
//   - Requeue, under the consumers' mutex: a lease of the one record; then the
//     record's state says that it has been taken out of the other lease, and counts
//     an attempt; then the new lease is parked, for anybody.
//   - A dead member's lease, under the consumers' mutex: each record that was
//     delivered has one attempt more; then nothing is delivered; then it is parked.
//   - Set aside, under the consumers' mutex: a copy in a ring of its own; then its
//     tail; then the record's state says that it is done with.
//   - Room, under the producers' mutex: moves, read, where each lease begins, moves
//     again. If it is odd or another, something goes from one lease to another, and
//     may have been seen in neither.
//
// The attempts that were in vain are in each record's state, so that to give a
// dead member's lease to another takes no cell.
//
// Tests with the build tag sysvipc_steps explore this package's own code, with every
// order of accesses, and a death at each, and show by mutants that the orders
// above matter.
package ring
