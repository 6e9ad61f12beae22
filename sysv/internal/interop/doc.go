// Package interop tests segments and sets that Go shares with programs in C,
// Perl, Python and PHP, in both directions.
//
// Each language has one program in testdata/peer (share.c, share.pl, share.py,
// share.php), which uses what its programmers would: C the system calls, Perl
// IPC::SharedMem and IPC::Semaphore, Python sysv_ipc, PHP shmop and sysvsem. They
// all read the same commands from standard input, words in a line:
//
//	ftok PATH PROJECT
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
//
// PHP alone has, for the format of its sysvshm:
//
//	put-variable KEY SIZE NUMBER TEXT
//	variable KEY NUMBER
//
// Keys are signed decimal numbers. The answer to a command is "ok", with the
// result if there is one, or "unable" and the reason where the language has no
// means for it. On any error the peer ends.
package interop
