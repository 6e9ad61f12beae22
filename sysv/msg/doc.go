// Package msg is System V message queues: messages with a type and some bytes,
// which any process of the IPC namespace can put into a queue and take out, and
// which stay there until somebody does.
//
// It is for Go programs that talk with programs in other languages which already
// use message queues, or that hand work to each other without a connection
// between them.
//
// # Messages
//
// A message has a type, a number of 1 or more that means what the programs agree
// upon, and 0 to kernel.msgmax (usually 8192) bytes. [Queue.Send] puts it at the
// end of the queue. [Queue.Receive] takes the first that a [Selector] describes:
// [Any] message, those of one [Type], the lowest [UpTo] a bound, or all [Except]
// one. A message is received whole and by one receiver, once. Those of one type
// come out in the order in which they were sent.
//
// The kernel keeps the type as C's long. Where programs of 32 bits take part it
// is to stay below 1<<31: of a larger one they get the lower half.
//
// # Other languages
//
// C, Perl, Python and PHP send and receive the same bytes. But PHP serializes
// unless told otherwise: pass false for $serialize to msg_send, and for
// $unserialize to msg_receive, which loses what it can't unserialize. Python's
// sysv_ipc takes messages of up to 2048 bytes unless MessageQueue is given a
// max_message_size.
//
// # Lifetime
//
// A queue and what is in it outlive all processes, until somebody removes it
// ([Queue.Remove], ipcrm(1)). Nothing tells whether a message was of use: one
// that is received by a process which then dies is gone. A send that returned
// nil is in the queue, or with a receiver; one that returned an error, also
// [sysv.ErrRemoved] or the context's, was not sent.
//
// An id means something in the IPC namespace that it is from. To a process that
// has gone to another (unshare, setns) a [Queue] of the former is removed
// ([sysv.ErrRemoved]), or is another queue that happens to have the id there: open
// queues anew after that.
//
// # Capacity
//
// The messages in a queue have at most its MaxBytes (msg_qbytes) bytes together,
// usually 16384 (kernel.msgmnb), and are no more than MaxBytes in number. Send
// waits for room. A program that receives its own messages should not wait to
// send: [Queue.TrySend]. [Limits] and [Usage] tell about all queues.
//
// # Waiting
//
// What can wait takes a [context.Context]. When that ends first, the error says
// on what it waited and is the context's by errors.Is; nothing was sent or taken.
// A goroutine that waits occupies an operating system thread, of which Go
// allows 10000: let one goroutine receive, and hand on what came by a channel.
//
// Receivers are served in the order in which they came, but for those that a
// signal disturbs, who queue anew. Senders are not: one whose message fits does
// not wait for those whose messages don't.
//
// msgsnd and msgrcv have no timeout. A deadline, like a cancellation, interrupts
// the waiting thread with SIGURG, the signal that Go's runtime uses for itself:
// a program that asks os/signal for SIGURG gets those too. Where a program
// ignores SIGURG or has it blocked when the wait begins, the wait is no place in
// the kernel's queue but a look every 20 ms, more often at first; a program that
// begins to ignore it later can't end what waits by then. With a context that
// can't end, as [context.Background], nothing of this is needed, and waiting
// costs least.
//
// The sources are msgget(2), msgop(2), msgctl(2) and sysvipc(7), and for what
// those leave open the kernel's ipc/msg.c.
package msg
