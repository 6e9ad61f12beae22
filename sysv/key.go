package sysv

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Key names an object of one kind within one IPC namespace: a segment and a
// set may have the same key and nothing else in common. Any 32 bits will do:
//
//	const key sysv.Key = 0xdeadbeef // as in #define KEY 0xdeadbeef
//
// The kernel's key_t is signed. A key that a program writes as a negative number
// is ^sysv.Key(0) for -1, and in general that number plus 1<<32; [ParseKey] reads
// both.
type Key uint32

// Private is IPC_PRIVATE, the key that is none: every creation with it makes
// another object, which can be reached by its id only. See shmget(2).
const Private Key = 0

// String returns the key as ipcs(1) prints it: "0x000004d2".
func (k Key) String() string {
	return "0x" + strconv.FormatUint(1<<32|uint64(k), 16)[1:] // all 8 digits
}

// ParseKey reads a key as ipcrm(1) does: decimal ("1234", "-1"), hexadecimal
// after 0x ("0x4d2") or octal after 0 ("0755"). The number must fit into 32
// bits, signed or unsigned: -2147483648 to 4294967295, where 4294967295 is the
// same key as -1.
//
// Zero is an error, because it names no object (see [Private]) and is what a
// forgotten setting tends to turn into.
func ParseKey(s string) (Key, error) {
	digits, negative := strings.CutPrefix(s, "-")
	base := 10
	switch {
	case strings.HasPrefix(digits, "0x"), strings.HasPrefix(digits, "0X"):
		digits, base = digits[2:], 16
	case len(digits) > 1 && digits[0] == '0':
		digits, base = digits[1:], 8
	}
	n, err := strconv.ParseUint(digits, base, 32)
	switch {
	case errors.Is(err, strconv.ErrRange), negative && n > 1<<31:
		return 0, fmt.Errorf("key %q does not fit into 32 bits", s)
	case err != nil:
		return 0, fmt.Errorf("key %q is no number (1234, -1, 0x4d2 and 0755 are)", s)
	case n == 0:
		return 0, fmt.Errorf("key %q is 0 (IPC_PRIVATE), which names no object", s)
	case negative:
		n = 1<<32 - n
	}
	return Key(n), nil
}

// RandomKey returns a key that is hard to guess and never [Private]. It may be
// in use: create exclusively with it, and take another on [io/fs.ErrExist].
func RandomKey() Key {
	for {
		var b [4]byte
		rand.Read(b[:]) // never fails, see crypto/rand
		if k := Key(binary.NativeEndian.Uint32(b[:])); k != Private {
			return k
		}
	}
}
