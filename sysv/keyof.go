package sysv

import "hash/fnv"

// KeyOf makes a key of a name, such as "com.example.prices", so that programs
// agree on a word rather than on a number. The same bytes give the same key, in
// every process and on every machine.
//
// The key is the 32-bit FNV-1a hash (Fowler, Noll and Vo) of the name's bytes, as
// hash/fnv has it. Where that is 0, which is [Private] and names no object, the key
// is 1. Other languages make the same. C, of a name without a NUL:
//
//	key_t key_of(const char *name)
//	{
//		uint32_t h = 2166136261u;
//		while (*name)
//			h = (h ^ (unsigned char)*name++) * 16777619u;
//		return h ? h : 1;
//	}
//
// Python, where sysv_ipc wants keys as C has them, signed:
//
//	def key_of(name):
//	    h = 2166136261
//	    for byte in name.encode():
//	        h = (h ^ byte) * 16777619 & 0xffffffff
//	    h = h or 1
//	    return h - (h >> 31 << 32)
//
// PHP:
//
//	function key_of($name)
//	{
//		return hexdec(hash('fnv1a32', $name)) ?: 1;
//	}
//
// Perl, which wants them signed too, of a string of bytes:
//
//	sub key_of {
//		my $h = 2166136261;
//		$h = ($h ^ $_) * 16777619 & 0xffffffff for unpack "C*", $_[0];
//		return unpack "l", pack "L", $h || 1;
//	}
//
// Different names can have one key. Two do with a probability of 1 in 4.3 billion,
// any two of ten in 1 of 95 million cases, of a hundred in 1 of 870,000, of a thousand
// in 1 of 8,600. Keys that others chose, or [Ftok] made, count as names do. Who
// wants to can find a name with any key. So create exclusively where another
// program's object would do harm, and on [io/fs.ErrExist] take another name.
//
// Names that look alike need not be the same bytes: upper and lower case, a
// trailing newline, or one letter that Unicode writes in two ways. An empty name has
// a key, too (0x811c9dc5): see that a setting which is to hold a name has one.
func KeyOf(name string) Key {
	hash := fnv.New32a()
	hash.Write([]byte(name))
	if key := Key(hash.Sum32()); key != Private {
		return key
	}
	return 1
}
