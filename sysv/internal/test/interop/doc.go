// Package interop tests segments, sets and queues that Go shares with programs in
// C, Perl, Python and PHP, in both directions.
//
// Each language has one program in testdata/peer (share.c, share.pl, share.py,
// share.php), which uses what its programmers would: C the system calls, Perl
// IPC::SharedMem, IPC::Semaphore and IPC::Msg, Python sysv_ipc, PHP shmop, sysvsem
// and sysvmsg. They all read the same commands from standard input, words in a
// line:
//
//	ftok PATH PROJECT
//	key-of NAME                sysv.KeyOf's; bytes in hexadecimal, - for none
//	make-segment KEY SIZE
//	write KEY OFFSET BYTES     bytes in hexadecimal
//	read KEY                   all bytes of the segment
//	make-set KEY VALUE...      the way it is usually done
//	bare-set KEY               one semaphore, which is not given a value
//	set-value KEY NUM VALUE
//	value KEY NUM
//	lock KEY                   takes the set's first semaphore, with undo
//	unlock KEY
//	count KEY N                N times: lock, add 1 to the 32-bit number that
//	                           the segment with that key begins with, unlock
//	make-queue KEY
//	send KEY TYPE BYTES        bytes in hexadecimal, - for none
//	receive KEY TYPE           as msgrcv(2) understands the type; waits. The
//	                           result is the message's type, and its bytes
//
// C alone has, for package event:
//
//	event-advance KEY OFFSET
//	event-echo KEY IN OUT N    N times: awaits an advance of the one, from 0 on, and
//	                           advances the other
//
// PHP alone has, for the format of its sysvshm, and of its sysvmsg by default:
//
//	put-variable KEY SIZE NUMBER TEXT
//	variable KEY NUMBER
//	send-variable KEY TYPE TEXT
//	receive-variable KEY TYPE  "refused" if it is none
//
// and Python, for what sysv_ipc receives unless told otherwise:
//
//	receive-by-default KEY     "refused" if it is too long
//
// Keys are signed decimal numbers. The answer to a command is "ok", with the
// result if there is one, or "unable" and the reason where the language has no
// means for it. On any error the peer ends.
package interop
