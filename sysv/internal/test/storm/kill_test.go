//go:build linux && !android

package storm_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
	"github.com/google/go-cmp/cmp"
)

// The set that the victims use: a Mutex, a Counting, and two semaphores that
// are taken together by one Do.
const (
	mutexNum = iota
	permitsNum
	leftNum
	rightNum
)

// full are the set's values while nobody has any of it.
var full = []int{mutexNum: 1, permitsNum: 5, leftNum: 2, rightNum: 2}

const permitsEach = 2

// A step is a place in the life of a victim.
type step uint32

const (
	starting step = iota
	beforeLock
	holding // the lock; has not written
	written // the total; has not counted that for itself
	counted // that too; has not unlocked
	unlocked
	permitted // has permits
	released
	paired // has both of the pair
	parted
	attached // a second time
	detaching
	detached
	steps
)

func (s step) String() string {
	return [steps]string{"starting", "before lock", "holding", "written", "counted", "unlocked", "permitted",
		"released", "paired", "parted", "attached", "detaching", "detached"}[s]
}

// A ledger is the segment that the victims count in. The lock guards total and
// inside; a slot is its process's own. What is enough to tell afterwards, to
// the single increment, what a killed process has done is written before it is
// done, as programs do that must go on after a death inside the lock.
type ledger struct {
	total  atomic.Uint32
	inside atomic.Uint32 // the slot of who is between holding and counted, plus 1
	slots  [128]slot
}

type slot struct {
	order atomic.Uint32 // the step to be announced, and goOn
	step  atomic.Uint32 // the last one that was reached
	own   atomic.Uint32 // how many increments of total it has counted

	// What total and own will be when the open increment is done.
	goal, due atomic.Uint32

	// Set by the next holder of the lock.
	died atomic.Uint32 // inside
	open atomic.Uint32 // and had written, but not counted
}

// goOn in an order is not to stop after the announcement.
const goOn step = 1 << 16

// inherit is what a holder of the lock does first: if the one before died
// inside, find out how far that one came. Dying in here changes nothing for
// the one who inherits next.
func (l *ledger) inherit() {
	n := l.inside.Load()
	if n == 0 {
		return
	}
	dead := &l.slots[n-1]
	if l.total.Load() == dead.goal.Load() && dead.own.Load() != dead.due.Load() {
		dead.open.Store(1)
	}
	dead.died.Store(1)
	l.inside.Store(0)
}

// A fate is what a killed process has left in the ledger.
type fate struct{ died, open uint32 }

var (
	outside = fate{0, 0} // or inside, before it said so in the ledger
	undone  = fate{1, 0} // inside, with total and own in agreement
	open    = fate{1, 1} // inside, with an increment in total that own lacks
)

// fates are how a process can end that is killed at or after a step and before
// the next; the first one is that of a process that has stopped there.
func (s step) fates() []fate {
	switch s {
	case beforeLock:
		return []fate{outside, undone}
	case holding:
		return []fate{undone, open}
	case written:
		return []fate{open, undone}
	case counted:
		return []fate{undone, outside}
	}
	return []fate{outside}
}

// A victim does, again and again, all that a process can be killed in.
type victim struct {
	ctx context.Context
	set *sem.Set
	seg *shm.Segment
	*ledger
	n  int
	me *slot
}

var victimHelper = sysvtest.Helper("victim", func(args []string) error {
	v, err := kit.Numbers(args)
	if err != nil {
		return err
	}
	return runVictim(v[0], v[1], v[2])
})

func runVictim(setID, segID, n int) error {
	set, seg, err := openBoth(setID, segID)
	if err != nil {
		return err
	}
	mem, err := seg.Attach(nil)
	if err != nil {
		return err
	}
	book, err := shm.View[ledger](mem, 0)
	if err != nil {
		return err
	}
	ctx := bg
	if n%2 == 0 { // waits that can end are made in another way
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(bg)
		defer cancel()
	}
	v := victim{ctx, set, seg, book, n, &book.slots[n]}
	instructions()
	for {
		for _, do := range []func() error{v.count, v.borrow, v.pair, v.attach} {
			if err := do(); err != nil {
				return err
			}
		}
	}
}

// reach notes a step, announces it where the test asked for that, and stops
// there unless it is to go on.
func (v *victim) reach(s step) {
	v.me.step.Store(uint32(s))
	order := step(v.me.order.Load())
	if order&^goOn != s {
		for range 1000 { // time to be killed in
			v.me.step.Load()
		}
		return
	}
	v.me.order.Store(0)
	fmt.Println(s)
	if order&goOn == 0 {
		select {}
	}
}

func (v *victim) count() error {
	m := v.set.Mutex(mutexNum)
	v.reach(beforeLock)
	if err := m.Lock(v.ctx); err != nil {
		return err
	}
	v.inherit()
	v.me.goal.Store(v.total.Load() + 1)
	v.me.due.Store(v.me.own.Load() + 1)
	v.inside.Store(uint32(v.n + 1))
	v.reach(holding)
	v.total.Store(v.me.goal.Load())
	v.reach(written)
	v.me.own.Store(v.me.due.Load())
	v.reach(counted)
	v.inside.Store(0)
	if err := m.Unlock(); err != nil {
		return err
	}
	v.reach(unlocked)
	return nil
}

func (v *victim) borrow() error {
	permits := v.set.Counting(permitsNum, sem.Undo)
	if err := permits.Acquire(v.ctx, permitsEach); err != nil {
		return err
	}
	v.reach(permitted)
	if err := permits.Release(permitsEach); err != nil {
		return err
	}
	v.reach(released)
	return nil
}

func (v *victim) pair() error {
	both := func(delta int) []sem.Op {
		return []sem.Op{{Num: leftNum, Delta: delta, Flags: sem.Undo}, {Num: rightNum, Delta: delta, Flags: sem.Undo}}
	}
	if err := v.set.Do(v.ctx, both(-1)...); err != nil {
		return err
	}
	v.reach(paired)
	if err := v.set.Do(v.ctx, both(+1)...); err != nil {
		return err
	}
	v.reach(parted)
	return nil
}

func (v *victim) attach() error {
	mem, err := v.seg.Attach(nil)
	if err != nil {
		return err
	}
	v.reach(attached)
	again, err := shm.View[ledger](mem, 0)
	if err != nil {
		return err
	}
	if again == v.ledger || again.slots[v.n].own.Load() != v.me.own.Load() {
		return errors.New("the second attachment is not one of the same memory")
	}
	v.reach(detaching)
	if err := mem.Detach(); err != nil {
		return err
	}
	v.reach(detached)
	return nil
}

// A killer is a round of the storm: victims, of whom those who are killed are
// replaced, and the test that looks at the books after every kill.
type killer struct {
	t   *testing.T
	r   *rand.Rand
	set *sem.Set
	seg *shm.Segment
	*ledger
	pool []*prey
	dead []*prey
}

// prey is a victim as the test sees it.
type prey struct {
	*sysvtest.Process
	*slot

	// How it was killed: where it had stopped, or at any moment.
	stopped, random bool
}

func newKiller(t *testing.T, r *rand.Rand, size int) *killer {
	k := &killer{t: t, r: r, set: newSet(t, full...)}
	var err error
	k.seg, err = shm.Create(sysv.Private, 4096, nil)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, k.seg.Remove()) })
	mem, err := k.seg.Attach(nil)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, mem.Detach()) })
	k.ledger, err = shm.View[ledger](mem, 0)
	kit.Must(t, err)
	for range size {
		k.pool = append(k.pool, k.newPrey())
	}
	return k
}

func (k *killer) newPrey() *prey {
	n := len(k.pool) + len(k.dead)
	p := sysvtest.Start(k.t, victimHelper, strconv.Itoa(k.set.ID()), strconv.Itoa(k.seg.ID()), strconv.Itoa(n))
	return &prey{Process: p, slot: &k.slots[n]}
}

// any returns any victim.
func (k *killer) any() *prey { return k.pool[k.r.IntN(len(k.pool))] }

// kill kills a victim, whom replace replaces.
func (k *killer) kill(p *prey) {
	k.t.Helper()
	p.Kill()
	k.pool = slices.DeleteFunc(k.pool, func(other *prey) bool { return other == p })
	k.dead = append(k.dead, p)
}

func (k *killer) replace() { k.pool = append(k.pool, k.newPrey()) }

// killAtRandom kills at any moment.
func (k *killer) killAtRandom() {
	time.Sleep(time.Duration(k.r.IntN(int(2 * time.Millisecond))))
	p := k.any()
	p.random = true
	k.kill(p)
}

// announcements are the ways in which a victim says where it is killed: it
// stops at the step, or goes on; or it waits for a semaphore.
var announcements = func() (ways []func(*killer)) {
	for s := starting + 1; s < steps; s++ {
		ways = append(ways,
			func(k *killer) { k.killAt(s) },
			func(k *killer) { k.killAt(s | goOn) })
	}
	for num := range full {
		ways = append(ways, func(k *killer) { k.killWaiting(num) })
	}
	return ways
}()

func (k *killer) killAt(order step) {
	k.t.Helper()
	p := k.any()
	p.order.Store(uint32(order))
	p.Expect((order &^ goOn).String())
	p.stopped = order&goOn == 0
	k.kill(p)
}

// killWaiting kills one of the victims while all of them wait for a semaphore,
// of which the test has taken everything.
func (k *killer) killWaiting(num int) {
	k.t.Helper()
	if num == mutexNum {
		k.quietly(func() { k.killOneWaiting(num) })
		return
	}
	k.quietly(func() {
		all, err := k.set.Try(sem.Op{Num: num, Delta: -full[num]})
		kit.Must(k.t, err)
		if !all {
			k.t.Fatalf("some of semaphore %d is missing", num)
		}
	})
	k.killOneWaiting(num)
	kit.Must(k.t, k.set.Do(bg, sem.Op{Num: num, Delta: full[num]}))
}

// killOneWaiting checks that who is killed waits no longer, and has taken
// nothing, of the other one of a pair neither.
func (k *killer) killOneWaiting(num int) {
	k.t.Helper()
	awaitWaiters(k.t, k.set, num, len(k.pool), "all wait")
	k.kill(k.any())
	awaitWaiters(k.t, k.set, num, len(k.pool), "all but the dead wait")
	k.wantAllBut(num)
}

// quietly takes the lock and waits until all victims wait for it, with nothing
// else in their hands. That a victim never comes there, or that the test does
// not get the lock, is a deadlock.
func (k *killer) quietly(look func()) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), kit.Patience)
	defer cancel()
	m := k.set.Mutex(mutexNum)
	if err := m.Lock(ctx); err != nil {
		k.t.Fatalf("a deadlock: %v", err)
	}
	k.inherit()
	awaitWaiters(k.t, k.set, mutexNum, len(k.pool), "all victims wait for the lock: a deadlock")
	look()
	kit.Must(k.t, m.Unlock())
}

// wantAllBut checks that nothing of any semaphore is taken, but all of this one.
func (k *killer) wantAllBut(num int) {
	k.t.Helper()
	values := slices.Clone(full)
	values[num] = 0
	k.wantValues(values)
}

func (k *killer) wantValues(want []int) {
	k.t.Helper()
	got, err := k.set.Values()
	kit.Must(k.t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		k.t.Fatalf("values (-want +got):\n%s", diff)
	}
}

// audit checks that everything adds up, while all is quiet.
func (k *killer) audit() {
	k.t.Helper()
	k.wantAllBut(mutexNum) // which the test has
	k.wantAttachments(len(k.pool) + 1)
	for _, p := range k.pool {
		if got := p.fate(); got != outside {
			k.t.Fatalf("%s lives, and another one found it dead in the lock", p)
		}
	}
	for _, p := range k.dead {
		k.wantFate(p)
	}
	k.wantTotal()
}

func (k *killer) wantTotal() {
	k.t.Helper()
	if got, want := int(k.total.Load()), k.accounted(); got != want {
		k.t.Fatalf("the total is %d, and the processes have added %d", got, want)
	}
}

// accounted is how many increments total must have: those that the processes
// counted for themselves, and those whose process died before it could.
func (k *killer) accounted() int {
	sum := 0
	for i := range k.slots {
		sum += int(k.slots[i].own.Load() + k.slots[i].open.Load())
	}
	return sum
}

func (s *slot) fate() fate { return fate{s.died.Load(), s.open.Load()} }

func (k *killer) wantFate(p *prey) {
	k.t.Helper()
	at := step(p.step.Load())
	want := at.fates()
	if p.stopped {
		want = want[:1]
	}
	if !slices.Contains(want, p.fate()) {
		k.t.Fatalf("killed at %q (stopped there: %v), its fate is %+v, want one of %+v", at, p.stopped, p.fate(), want)
	}
}

// wantAttachments allows for what a dead process leaves to the kernel to do.
func (k *killer) wantAttachments(want int) {
	k.t.Helper()
	kit.Eventually(k.t, fmt.Sprintf("nattch is %d", want), func() bool {
		st, err := k.seg.Stat()
		kit.Must(k.t, err)
		return st.Nattch == want
	})
}

// end ends the victims without killing them, half of them with the segment
// attached twice, and leaves everything as it was in the beginning.
func (k *killer) end() {
	k.t.Helper()
	want := 1 // the test's
	for i, p := range k.pool {
		last, attachments := attached, 2
		if i%2 > 0 {
			last, attachments = detached, 1
		}
		p.order.Store(uint32(last))
		p.Expect(last.String())
		want += attachments
	}
	k.wantAttachments(want)
	for _, p := range k.pool {
		p.Finish()
	}
	k.wantAttachments(1)
	k.wantValues(full)
	for num := range full {
		awaitWaiters(k.t, k.set, num, 0, "no waiter is counted")
	}
	k.wantTotal()
}

// toll is what a storm did.
type toll struct {
	announced, random, increments int
	inLock, open, lost            int
	randomly                      [steps]int // killed after which step
}

func (a *toll) add(k *killer) {
	a.increments += k.accounted()
	a.lost += k.accounted() - int(k.total.Load())
	for _, p := range k.dead {
		if p.random {
			a.random++
			a.randomly[p.step.Load()]++
		} else {
			a.announced++
		}
		a.inLock += int(p.died.Load())
		a.open += int(p.open.Load())
	}
}

func (a *toll) String() string {
	var where []string
	for s, n := range a.randomly {
		if n > 0 {
			where = append(where, fmt.Sprintf("%d %v", n, step(s)))
		}
	}
	return fmt.Sprintf("%d SIGKILLs (%d at announced steps, %d at random moments: %s)",
		a.announced+a.random, a.announced, a.random, strings.Join(where, ", "))
}

// Processes that lock, count and attach are killed at every step of it and in
// between: nobody is blocked by that, no increment is lost but the open one of
// who is killed, and nothing that the dead had is missing.
func TestKillStorm(t *testing.T) {
	r := storm.Random(t)
	rounds, kills := storm.Amount(1, 20), storm.Size(2*len(announcements), 100)
	crowds := storm.Size([]int{4}, []int{8, 4, 2, 1}) // the more, the more of them wait for the lock
	start := time.Now()
	var sum toll
	for round := range rounds {
		t.Run(fmt.Sprintf("round=%d", round), func(t *testing.T) {
			k := newKiller(t, r, crowds[round%len(crowds)])
			k.quietly(k.audit)
			for i := range kills {
				if i%2 == 0 {
					announcements[(round*kills+i)/2%len(announcements)](k)
				} else {
					k.killAtRandom()
				}
				k.replace()
				k.quietly(k.audit)
			}
			k.end()
			sum.add(k)
		})
	}
	if !t.Failed() {
		t.Logf("kill storm: %v in %v", &sum, time.Since(start).Round(100*time.Millisecond))
		t.Logf("kill storm: %d died holding the lock, %d of them between the write and their own count; of %d increments %d lost; no deadlock; every lock, permit and attachment came back",
			sum.inLock, sum.open, sum.increments, sum.lost)
	}
}
