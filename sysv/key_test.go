package sysv_test

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"example.com/sysvipc/sysv"
)

func TestParseKey(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want sysv.Key
	}{
		{"1234", 1234},
		{"1", 1},
		{"-1", 0xffffffff},
		{"0x4d2", 0x4d2},
		{"0X4D2", 0x4d2},
		{"0x000004d2", 0x4d2},
		{"-0x10", 1<<32 - 16},
		{"0755", 0o755},
		{"-010", 1<<32 - 8},
		{"0000000000000000000000001", 1},

		{"2147483647", math.MaxInt32},
		{"2147483648", 1 << 31},
		{"-2147483648", 1 << 31},
		{"-0x80000000", 1 << 31},
		{"0x80000000", 1 << 31},
		{"4294967295", 0xffffffff},
		{"0xffffffff", 0xffffffff},
		{"037777777777", 0xffffffff},
	} {
		got, err := sysv.ParseKey(tt.in)
		if err != nil || got != tt.want {
			t.Errorf("ParseKey(%q) = %d, %v, want %d", tt.in, got, err, tt.want)
		}
	}
}

func TestParseKeyRefuses(t *testing.T) {
	for _, tt := range []struct {
		in, why string
	}{
		{"0", "names no object"},
		{"-0", "names no object"},
		{"00", "names no object"},
		{"0x0", "names no object"},
		{"0x00000000", "names no object"},

		{"4294967296", "does not fit"},
		{"0x100000000", "does not fit"},
		{"040000000000", "does not fit"},
		{"-2147483649", "does not fit"},
		{"-4294967295", "does not fit"},
		{"-0xffffffff", "does not fit"},
		{"18446744073709551617", "does not fit"},

		{"", "no number"},
		{"-", "no number"},
		{"+1", "no number"},
		{"--1", "no number"},
		{"0x", "no number"},
		{"0x-1", "no number"},
		{"0xg", "no number"},
		{"4d2", "no number"},
		{"08", "no number"},
		{"0o17", "no number"},
		{"0b1", "no number"},
		{" 1", "no number"},
		{"1 ", "no number"},
		{"1\n", "no number"},
		{"1_000", "no number"},
		{"0x_1", "no number"},
		{"1.0", "no number"},
		{"1e3", "no number"},
		{"１", "no number"}, // a full-width digit
		{"key", "no number"},
	} {
		got, err := sysv.ParseKey(tt.in)
		if err == nil || got != sysv.Private {
			t.Errorf("ParseKey(%q) = %d, %v, want an error", tt.in, got, err)
			continue
		}
		for _, part := range []string{tt.why, strconv.Quote(tt.in)} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("ParseKey(%q): %v, want %s in it", tt.in, err, part)
			}
		}
	}
}

func TestKeyString(t *testing.T) {
	for k, want := range map[sysv.Key]string{
		sysv.Private: "0x00000000",
		1234:         "0x000004d2",
		0xffffffff:   "0xffffffff",
		1 << 31:      "0x80000000",
	} {
		if got := k.String(); got != want {
			t.Errorf("Key(%d) = %s, want %s", k, got, want)
		}
	}
}

// A key that was accepted is the number that was written, as long as that fits
// into 32 bits, can name an object, and survives being printed either way. What
// is refused is no such number.
func FuzzParseKey(f *testing.F) {
	for _, s := range []string{"0x4d2", "1234", "-1", "0755", "0", "-2147483648", "4294967295", "0x", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := sysv.ParseKey(s)
		n, ok := number(s)
		ok = ok && n.Sign() != 0 && n.IsInt64() && n.Int64() >= math.MinInt32 && n.Int64() <= math.MaxUint32
		if ok != (err == nil) {
			t.Fatalf("ParseKey(%q) = %v, %v", s, k, err)
		}
		if err != nil {
			if k != sysv.Private {
				t.Errorf("ParseKey(%q) = %v together with %v", s, k, err)
			}
			return
		}
		if k != sysv.Key(n.Int64()) || k == sysv.Private {
			t.Errorf("ParseKey(%q) = %v, want %v", s, k, n)
		}
		for _, printed := range []string{k.String(), strconv.Itoa(int(int32(k))), strconv.FormatUint(uint64(k), 10)} {
			if again, err := sysv.ParseKey(printed); again != k || err != nil {
				t.Errorf("ParseKey(%q) = %v, but ParseKey(%q) = %v, %v", s, k, printed, again, err)
			}
		}
	})
}

// number reads what ipcrm(1) would with strtoul(3) and base 0, of any size.
func number(s string) (n *big.Int, ok bool) {
	if !cNumber.MatchString(s) {
		return nil, false
	}
	return new(big.Int).SetString(s, 0)
}

var cNumber = regexp.MustCompile(`^-?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$`)

func TestRandomKey(t *testing.T) {
	const n = 1000
	seen := make(map[sysv.Key]bool)
	for range n {
		k := sysv.RandomKey()
		if k == sysv.Private {
			t.Fatal("RandomKey returned Private")
		}
		seen[k] = true
	}
	// Ten collisions in a thousand draws of 2^32 do not happen by chance.
	if len(seen) < n-10 {
		t.Errorf("%d calls gave only %d keys", n, len(seen))
	}
}
