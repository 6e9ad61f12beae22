//go:build linux && !android

package guides

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"go/types"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

const cStructs = "docs/c-structs.md"

func TestCStructsShown(t *testing.T) { wantGo(t, cStructs, "c_structs_test.go") }

// What the guide shows, in its order.

type trade struct {
	Symbol [8]byte
	Venue  uint16
	Shares uint32 // at 12: both compilers leave 2 bytes before it
	Price  float64
}

type tick struct {
	Side   uint8
	Shares uint32
	Price  int64
}

func readTick(mem *shm.Mapping, off int64) (t tick, err error) {
	var packed [13]byte // binary.Size(t), and sizeof in C
	if _, err = mem.ReadAt(packed[:], off); err != nil {
		return t, err
	}
	_, err = binary.Decode(packed[:], binary.NativeEndian, &t)
	return t, err
}

func writeTick(mem *shm.Mapping, off int64, t tick) error {
	packed, err := binary.Append(nil, binary.NativeEndian, t)
	if err != nil {
		return err
	}
	_, err = mem.WriteAt(packed, off)
	return err
}

type label struct {
	Name [16]byte
}

func text(chars []byte) string {
	if end := bytes.IndexByte(chars, 0); end >= 0 {
		chars = chars[:end]
	}
	return string(chars)
}

// setText leaves room for the 0 that C's strlen and printf look for.
func setText(chars []byte, s string) error {
	if len(s) >= len(chars) {
		return fmt.Errorf("%q has %d bytes, %d at most", s, len(s), len(chars)-1)
	}
	clear(chars[copy(chars, s):])
	return nil
}

type session struct {
	Halted uint8
	Phase  int32
}

type event struct {
	Kind  uint32
	_     uint32  // the union begins at 8, also on 32-bit machines where C says so
	Price float64 // u.price
	_     [8]byte // u has 16 bytes
}

type halt struct {
	Until  uint32
	Reason [12]byte
}

type order uint32

func (o order) side() uint32   { return uint32(o) & 1 }
func (o order) kind() uint32   { return uint32(o) >> 1 & 7 }
func (o order) shares() uint32 { return uint32(o) >> 4 }

type header struct {
	Length [4]byte
}

func (h *header) length() uint32 { return binary.BigEndian.Uint32(h.Length[:]) }

type quote struct {
	Seq      atomic.Uint32
	_        uint32
	Bid, Ask atomic.Uint64
}

// write is for one writer at a time.
func (q *quote) write(bid, ask uint64) {
	seq := q.Seq.Load() | 1 // also after a writer that was killed in the middle
	q.Seq.Store(seq)
	q.Bid.Store(bid)
	q.Ask.Store(ask)
	q.Seq.Store(seq + 1)
}

// read returns false where somebody is writing: call it again.
func (q *quote) read() (bid, ask uint64, ok bool) {
	seq := q.Seq.Load()
	bid, ask = q.Bid.Load(), q.Ask.Load()
	return bid, ask, seq%2 == 0 && q.Seq.Load() == seq
}

// A sample is the same everywhere.
type sample struct {
	When  int64
	Value int32
	Spare int32
}

// Where testdata/peer/structs.c has each.
const (
	tradeAt = iota * 256
	tickAt
	labelAt
	sessionAt
	eventAt
	orderAt
	sampleAt
	headerAt
	quoteAt
)

// TestCStructs has the sections of the guide, each against C, which is compiled from
// what the guide shows.
func TestCStructs(t *testing.T) {
	program := compiled(t, "structs.c", strings.Join(blocks(t, cStructs, "c"), "\n"))
	for _, section := range []struct {
		name string
		test func(*testing.T, structsInC)
	}{
		{"a C struct in shared memory", structsAreViewed},
		{"the C compiler confirms it", structsAreConfirmed},
		{"padding has any content", paddingHasAnyContent},
		{"packed structs are copied", packedStructs},
		{"text", textIsBytes},
		{"bool and enum", boolAndEnum},
		{"unions", unions},
		{"bit-fields", bitFields},
		{"32 and 64 bits", widths},
		{"byte order", byteOrder},
		{"one number", oneNumber},
		{"several numbers", sequenceLock},
		{"plain copies show halves", plainCopies},
		{"a writer that is killed", deadWriter},
	} {
		t.Run(section.name, func(t *testing.T) {
			seg, mem, err := shm.Anonymous(4096)
			kit.Must(t, err)
			defer mem.Detach()
			section.test(t, structsInC{program, seg, mem})
		})
	}
}

// structsInC is the other side, and the segment that it shares with this one.
type structsInC struct {
	program string
	seg     *shm.Segment
	mem     *shm.Mapping
}

func (c structsInC) command(what string, args ...string) *exec.Cmd {
	return exec.Command(c.program, append([]string{what, strconv.Itoa(c.seg.ID())}, args...)...)
}

func (c structsInC) does(t *testing.T, what string, args ...string) string {
	t.Helper()
	out, err := c.command(what, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", what, err, out)
	}
	return strings.TrimSpace(string(out))
}

// view views one of what the segment has, at the place that it has there.
func view[T any](t *testing.T, c structsInC, off int) *T {
	t.Helper()
	v, err := shm.View[T](c.mem, off)
	kit.Must(t, err)
	return v
}

func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// What Go writes of each struct C verifies, all at once.
func structsAreViewed(t *testing.T, c structsInC) {
	c.does(t, "fill")
	want(t, "the trade", *view[trade](t, c, tradeAt), trade{[8]byte{'G', 'O', 'P', 'H', 0}, 0x1234, 100, 12.5})

	*view[trade](t, c, tradeAt) = trade{[8]byte{'C', 'G', 'O', 'P', 'H', 'E', 'R'}, 0x4321, 7, -0.25}
	kit.Must(t, writeTick(c.mem, tickAt, tick{2, 0xfffefdfc, math.MinInt64}))
	kit.Must(t, setText(view[label](t, c, labelAt).Name[:], "short"))
	*view[session](t, c, sessionAt) = session{0, 1}
	*view[event](t, c, eventAt) = event{Kind: 1, Price: 99.75}
	*view[order](t, c, orderAt) = 0x1234567<<4 | 6<<1
	*view[sample](t, c, sampleAt) = sample{When: 1 << 40, Value: -3}
	*view[header](t, c, headerAt) = header{[4]byte{10, 11, 12, 13}}
	c.does(t, "verify")
}

// The program of the guide's beginning, and what it shows.
func Example_cStruct() {
	key := sysv.RandomKey()
	made, err := shm.Create(key, 4096, nil)
	check(err)
	defer made.Remove()
	m, err := made.Attach(nil)
	check(err)
	defer m.Detach()
	first, err := shm.View[trade](m, 0)
	check(err)
	*first = trade{[8]byte{'G', 'O'}, 1, 100, 12.5}

	seg, err := shm.Open(key, nil)
	check(err)
	mem, err := seg.Attach(&shm.AttachConfig{ReadOnly: true})
	check(err)
	defer mem.Detach()
	last, err := shm.View[trade](mem, 0)
	check(err)
	fmt.Println(text(last.Symbol[:]), last.Shares, last.Price)
	// Output: GO 100 12.5
}

// What the guide shows of the members of a union.
func Example_union() {
	_, mem, err := shm.Anonymous(512)
	check(err)
	defer mem.Detach()
	const off = 256
	made, err := shm.View[struct {
		kind, _, until uint32
		reason         [12]byte
	}](mem, off)
	check(err)
	made.kind, made.until = 2, 99
	check(setText(made.reason[:], "news"))

	e, err := shm.View[event](mem, off)
	check(err)
	stop, err := shm.View[halt](mem, off+8) // u.halt
	check(err)
	if e.Kind == 2 {
		fmt.Println(stop.Until, text(stop.Reason[:]))
	}
	// Output: 99 news
}

func structsAreConfirmed(t *testing.T, c structsInC) {
	out, err := exec.Command(c.program).Output()
	kit.Must(t, err)
	sizes, fields := make(map[string]int), make(map[string][]shm.Field)
	current := ""
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		if len(words) == 2 {
			current = words[0]
			sizes[current], err = strconv.Atoi(words[1])
			kit.Must(t, err)
			continue
		}
		numbers, err := kit.Numbers(words[1:])
		kit.Must(t, err)
		fields[current] = append(fields[current], shm.Field{Name: words[0], Offset: numbers[0], Size: numbers[1]})
	}
	for name, check := range map[string]func(int, ...shm.Field) error{
		"trade": shm.CheckLayout[trade], "label": shm.CheckLayout[label], "session": shm.CheckLayout[session],
		"event": shm.CheckLayout[event], "halt": shm.CheckLayout[halt], "sample": shm.CheckLayout[sample],
		"header": shm.CheckLayout[header], "quote": shm.CheckLayout[quote],
	} {
		if err := check(sizes[name], fields[name]...); err != nil || sizes[name] == 0 {
			t.Errorf("%s of %d bytes: %v", name, sizes[name], err)
		}
	}
	want(t, "the size of a packed struct", sizes["tick"], binary.Size(tick{}))
	if err := shm.CheckLayout[tick](sizes["tick"], fields["tick"]...); err == nil {
		t.Error("a packed struct is taken for one that is not")
	}
	confirmTrade()
}

// confirmTrade has what layout.c prints, as the guide shows it.
func confirmTrade() {
	err := shm.CheckLayout[trade](24,
		shm.Field{Name: "Symbol", Offset: 0, Size: 8},
		shm.Field{Name: "Venue", Offset: 8, Size: 2},
		shm.Field{Name: "Shares", Offset: 12, Size: 4},
		shm.Field{Name: "Price", Offset: 16, Size: 8},
	)
	check(err)
}

func paddingHasAnyContent(t *testing.T, c structsInC) {
	bytesOf := func() string { return string(c.mem.Bytes()[tradeAt:][:24]) }
	c.does(t, "fill")
	clean, cleanBytes := *view[trade](t, c, tradeAt), bytesOf()
	c.does(t, "dirty")
	dirty, dirtyBytes := *view[trade](t, c, tradeAt), bytesOf()
	if clean != dirty || cleanBytes == dirtyBytes {
		t.Errorf("%v of %q and %v of %q, want them equal with other bytes", clean, cleanBytes, dirty, dirtyBytes)
	}
}

func packedStructs(t *testing.T, c structsInC) {
	c.does(t, "fill")
	got, err := readTick(c.mem, tickAt)
	kit.Must(t, err)
	want(t, "the tick", got, tick{1, 0x01020304, -5})
	if viewed := *view[tick](t, c, tickAt); viewed == got {
		t.Errorf("viewed it is %v, as if it were not packed", viewed)
	}
	defer func() {
		if recover() == nil {
			t.Error("encoding/binary fills what is not exported")
		}
	}()
	binary.Decode(make([]byte, 8), binary.NativeEndian, new(struct{ hidden uint64 }))
}

func textIsBytes(t *testing.T, c structsInC) {
	c.does(t, "fill")
	name := &view[label](t, c, labelAt).Name
	want(t, "a full array", text(name[:]), "sixteen letters!")
	copy(name[:], "short\x00")
	want(t, "what the 0 ends", text(name[:]), "short")
	want(t, "what stands behind the 0", string(name[6:]), "n letters!")
	kit.Must(t, setText(name[:], "a text of 15 by"))
	want(t, "15 bytes of 16", text(name[:]), "a text of 15 by")
	if err := setText(name[:], "a text of 16 byt"); err == nil {
		t.Error("no room is left for the 0")
	}
}

func boolAndEnum(t *testing.T, c structsInC) {
	c.does(t, "fill")
	want(t, "the session", *view[session](t, c, sessionAt), session{Halted: 1, Phase: 2})
	if _, err := shm.View[struct{ Halted bool }](c.mem, 0); err == nil {
		t.Error("View takes a bool")
	}
	for _, refused := range []func() error{
		func() error { _, err := shm.View[*int](c.mem, 0); return err },
		func() error { _, err := shm.View[struct{ Name string }](c.mem, 0); return err },
		func() error { _, err := shm.View[[2][]byte](c.mem, 0); return err },
		func() error { _, err := shm.View[map[int]int](c.mem, 0); return err },
		func() error { _, err := shm.View[any](c.mem, 0); return err },
	} {
		if refused() == nil {
			t.Error("View takes what can't be shared")
		}
	}
}

func unions(t *testing.T, c structsInC) {
	c.does(t, "fill")
	stop := view[halt](t, c, eventAt+8)
	want(t, "kind", view[event](t, c, eventAt).Kind, 2)
	want(t, "until", stop.Until, 99)
	want(t, "reason", text(stop.Reason[:]), "news")
	// What it is for C on 386, and how to make it the same.
	cc32(t, block(t, cStructs, "c", "struct event {")+`
		_Static_assert(offsetof(struct event, u) == 4, "");`)
	cc32(t, strings.Replace(block(t, cStructs, "c", "struct event {"), "\tunion", "\t_Alignas(8) union", 1)+`
		_Static_assert(offsetof(struct event, u) == 8 && sizeof(struct event) == 24, "");`)
}

func bitFields(t *testing.T, c structsInC) {
	if bigEndian {
		t.Skip("skipping, and nothing would cure it: what the guide says is of little-endian machines")
	}
	c.does(t, "fill")
	o := *view[order](t, c, orderAt)
	want(t, "side", o.side(), 1)
	want(t, "kind", o.kind(), 5)
	want(t, "shares", o.shares(), 0xabcdef)
}

func widths(t *testing.T, c structsInC) {
	c.does(t, "fill")
	want(t, "the sample", *view[sample](t, c, sampleAt), sample{When: -7, Value: 3})
	even, uneven := block(t, cStructs, "c", "struct sample"), block(t, cStructs, "c", "struct uneven")
	both := func(size int) string {
		return fmt.Sprintf("%s\n%s\n_Static_assert(sizeof(struct sample) == 16 && sizeof(struct uneven) == %d, \"\");", even, uneven, size)
	}
	ccSays(t, "cc", both(16))
	cc32(t, both(12))
	for _, target := range []string{"armv7-linux-gnueabihf", "mips-linux-gnu"} {
		if _, err := exec.LookPath("clang"); err == nil { // which .ci/cross installs
			ccSays(t, "clang", both(16), "--target="+target)
		}
	}
	i32, i64 := types.Typ[types.Int32], types.Typ[types.Int64]
	for arch, want := range map[string]int64{"amd64": 16, "arm64": 16, "s390x": 16, "386": 12, "arm": 12, "mips": 12} {
		in := func(fields ...types.Type) int64 {
			var vars []*types.Var
			for i, field := range fields {
				vars = append(vars, types.NewField(0, nil, fmt.Sprint("F", i), field, false))
			}
			return types.SizesFor("gc", arch).Sizeof(types.NewStruct(vars, nil))
		}
		if even, uneven := in(i64, i32, i32), in(i32, i64); even != 16 || uneven != want {
			t.Errorf("on %s Go's sample has %d bytes, uneven %d, want 16 and %d", arch, even, uneven, want)
		}
	}
	again, err := c.seg.Attach(nil)
	kit.Must(t, err)
	defer again.Detach()
	if &again.Bytes()[0] == &c.mem.Bytes()[0] {
		t.Error("the segment is attached twice at one address")
	}
}

func byteOrder(t *testing.T, c structsInC) {
	c.does(t, "fill")
	want(t, "the length", view[header](t, c, headerAt).length(), 0x01020304)
	if !bigEndian {
		want(t, "it as a number", *view[uint32](t, c, headerAt), 0x04030201)
	}
}

// A loop that the compiler makes one that never ends is a jump to itself.
func oneNumber(t *testing.T, _ structsInC) {
	const plain = "void await(int *p) { while (*p == 0) ; }"
	const atomic = "void await(int *p) { while (__atomic_load_n(p, __ATOMIC_RELAXED) == 0) ; }"
	if !jumpsToItself(assembly(t, plain)) || jumpsToItself(assembly(t, atomic)) {
		t.Errorf("want a jump to itself in\n%s\nand none in\n%s", assembly(t, plain), assembly(t, atomic))
	}
	ccSays(t, "cc", `_Static_assert(!__atomic_always_lock_free(32, 0) && __atomic_always_lock_free(4, 0), "");`)
}

const quotes = 100_000

func sequenceLock(t *testing.T, c structsInC) {
	q := view[quote](t, c, quoteAt)
	q.write(0, 1)
	// C writes, Go reads.
	cmd := c.command("write", strconv.Itoa(quotes))
	kit.Must(t, cmd.Start())
	for last := uint64(0); last < quotes-1; {
		bid, ask, ok := q.read()
		if ok && (ask != bid+1 || bid < last) {
			t.Fatalf("read %d and %d after %d", bid, ask, last)
		}
		if ok {
			last = bid
		}
	}
	kit.Must(t, cmd.Wait())
	// Go writes, C reads.
	stop := make(chan bool)
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := uint64(0); ; i++ {
			select {
			case <-stop:
				return
			default:
				q.write(i, i+1)
			}
		}
	})
	want(t, "halves that C has read", c.does(t, "read", strconv.Itoa(quotes)), "0")
	close(stop)
	writer.Wait()
}

// C stores two numbers without a count, and sooner or later Go loads one of each.
func plainCopies(t *testing.T, c structsInC) {
	cmd := c.command("churn")
	kit.Must(t, cmd.Start())
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	numbers := view[[2]uint64](t, c, quoteAt+8)
	kit.Eventually(t, "half of a quote", func() bool {
		for range 1000 {
			if copied := *numbers; copied[1] != copied[0]+1 {
				return true
			}
		}
		return false
	})
}

func deadWriter(t *testing.T, c structsInC) {
	q := view[quote](t, c, quoteAt)
	q.write(1, 2)
	q.Seq.Add(1) // and is killed
	if _, _, ok := q.read(); ok {
		t.Error("read while it is written")
	}
	q.write(3, 4)
	if bid, ask, ok := q.read(); !ok || bid != 3 || ask != 4 {
		t.Errorf("read %v, %v, %v after another writer", bid, ask, ok)
	}
}

// cc32 has the C compiler check something for programs of 32 bits on 386.
func cc32(t *testing.T, code string) {
	t.Helper()
	switch runtime.GOARCH {
	case "amd64", "386":
		ccSays(t, "cc", code, "-m32")
	}
}

// ccSays fails unless a compiler takes a text, which needs no library.
func ccSays(t *testing.T, compiler, code string, flags ...string) {
	t.Helper()
	if _, err := exec.LookPath(compiler); err != nil {
		t.Skip("skipping, no C compiler: apt-get install gcc libc6-dev")
	}
	cmd := exec.Command(compiler, append(flags, "-ffreestanding", "-fsyntax-only", "-xc", "-")...)
	cmd.Stdin = strings.NewReader("#include <stddef.h>\n#include <stdint.h>\n#include <stdbool.h>\n" + code)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %v\n%s", cmd.Args, err, out)
	}
}

func assembly(t *testing.T, code string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "code.c")
	kit.Must(t, os.WriteFile(file, []byte(code), 0o600))
	cc(t, "-O2", "-S", "-o", file+".s", file)
	text, err := os.ReadFile(file + ".s")
	kit.Must(t, err)
	return string(text)
}

// jumpsToItself tells whether there is a label, and behind it nothing but a jump to it.
func jumpsToItself(assembly string) bool {
	label := ""
	for line := range strings.Lines(assembly) {
		words := strings.Fields(line)
		switch {
		case len(words) == 1 && strings.HasSuffix(words[0], ":"):
			label = strings.TrimSuffix(words[0], ":")
		case len(words) == 2 && words[1] == label:
			return true
		case len(words) > 0 && !strings.HasPrefix(words[0], ".") && words[0] != "nop":
			label = ""
		}
	}
	return false
}
