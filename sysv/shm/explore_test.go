//go:build linux && !android

package shm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/storm"
)

// OpenOrInit itself, on this kernel, is run in every order in which the steps of those
// who call it at once can follow one another, with a death at each. Time passes between
// any two steps, too: who does not go on meanwhile was stopped. A step goes to the next
// system call that others can notice. Each of those who take part is a goroutine that
// waits, before each step, to be told to go on; time is that of package synctest. An
// order that comes to a state which is known is not followed any further.

// What is to be true:
const (
	neverHalf     = "nobody has a segment that is not filled"
	neverTwice    = "nothing is filled twice"
	neverGone     = "nobody who opens a segment has one that is removed"
	livingStay    = "nothing is removed that somebody fills or has"
	oneSegment    = "all have one segment"
	oneCreator    = "only who filled a segment created it"
	nothingIsLeft = "nothing is left that somebody has to remove"
	allEnd        = "all come to an end"
)

// A scene is who takes part, and what may happen.
type scene struct {
	name     string
	openers  int
	remover  bool // who opens the segment once it is there, and removes it
	leftover bool // by a creator that died before it had attached it
	deaths   int
	ticks    int
	// stat changes what is told of a segment, which puts a fault into the protocol.
	stat func(s *Stat, key sysv.Key)
}

var scenes = []scene{
	{name: "two", openers: 2, deaths: 1, ticks: 2},
	{name: "two and what a dead one left", openers: 2, leftover: true, deaths: 1, ticks: 2},
	{name: "two and a remover", openers: 2, remover: true},
}

var largeScenes = []scene{
	{name: "two, with more deaths", openers: 2, deaths: 2, ticks: 4},
	{name: "three", openers: 3, deaths: 2, ticks: 2},
	{name: "three and what a dead one left", openers: 3, leftover: true, deaths: 2, ticks: 2},
	{name: "two and a remover, with deaths", openers: 2, remover: true, deaths: 1, ticks: 2},
}

// Two ticks are more than the grace, and one is more than half of it, after which a
// creator gives up. A nap wakes those who wait, and is nothing beside that.
const (
	grace = 10 * time.Second
	tick  = 6 * time.Second
	nap   = 11 * time.Millisecond
)

// A move is what happens next: somebody's step, or his death, or time passes.
type move struct {
	what moveKind
	who  int
}

type moveKind int

const (
	steps moveKind = iota
	dies
	naps
	ticks
)

// A player is somebody who takes part.
type player struct {
	goOn    chan bool // false ends him
	at      string    // where he waits to go on, or "" where he waits for somebody else
	last    string    // where he was before
	id      int       // the segment that he is at
	began   int       // the tick at which he began to make it
	looked  int       // the tick at which he began to look at it
	saw     string    // what he saw
	removes bool
	mapping *Mapping // what he has attached
	done    bool
	dead    bool
	created bool
}

// A play is one order of moves.
type play struct {
	*exploration
	key      sysv.Key
	players  []*player
	playing  sync.WaitGroup
	current  atomic.Pointer[player] // who alone runs, or nil where time passes for all
	mu       sync.Mutex
	who      map[string]*player // by their goroutines
	ids      []int              // of the segments, in the order in which they were made
	filled   map[int]int        // how often
	removed  map[int]bool       // by the remover
	sighted  map[int]int        // the tick at which somebody first saw one in the making
	now      int                // ticks
	deaths   int
	mappings map[*Mapping]bool // that are known
	broken   string
}

// An exploration is all orders of a scene.
type exploration struct {
	scene
	known  map[string]bool
	orders [][]move // still to be followed
	plays  int
	trace  []string // of the one that is followed
}

// explore returns how many states there are, and the first order that breaks a
// property.
func (s scene) explore(t *testing.T) (x *exploration, broken string) {
	x = &exploration{scene: s, known: make(map[string]bool), orders: [][]move{nil}}
	synctest.Test(t, func(*testing.T) {
		for len(x.orders) > 0 && broken == "" {
			last := len(x.orders) - 1
			order := x.orders[last]
			x.orders = x.orders[:last]
			broken = x.follow(order)
		}
	})
	return x, broken
}

// follow makes these moves, and then others as long as they lead to a new state.
func (x *exploration) follow(order []move) (broken string) {
	p := x.begin()
	defer p.end()
	x.trace = x.trace[:0]
	x.plays++
	for _, m := range order {
		p.make(m)
	}
	p.check()
	for p.broken == "" {
		state := p.state()
		if x.known[state] {
			return ""
		}
		x.known[state] = true
		moves := p.moves()
		if len(moves) == 0 {
			p.judge()
			return p.broken
		}
		for _, m := range moves[1:] {
			x.orders = append(x.orders, append(slices.Clip(slices.Clone(order)), m))
		}
		order = append(order, moves[0])
		p.make(moves[0])
		p.check()
	}
	return p.broken
}

func (x *exploration) begin() *play {
	p := &play{exploration: x, key: sysv.RandomKey(), who: make(map[string]*player),
		filled: make(map[int]int), removed: make(map[int]bool), sighted: make(map[int]int), mappings: make(map[*Mapping]bool)}
	if x.leftover {
		id, err := sys.Shmget(int32(p.key), size, object.Making|sys.IPC_CREAT|sys.IPC_EXCL)
		if err != nil {
			panic(err)
		}
		p.ids = append(p.ids, id)
	}
	step = func(name string) { p.pause(name) }
	kind.Lookup = func(key int32) (int, error) {
		if who := p.me(); who != nil {
			who.looked = p.now
		}
		p.pause("to look up")
		return sys.Shmget(key, 0, 0)
	}
	kind.Stat = func(id int) (Stat, error) {
		if who := p.me(); who != nil && who.last == "to look up" { // elsewhere the step before has just been
			who.id = id
			p.pause("to look")
			stat, err := realStat(id)
			who.saw = fmt.Sprint(stat.Mode, stat.Nattch, stat.Dest, err)
			p.pause("looked")
			if _, ok := p.sighted[id]; !ok && err == nil && stat.Mode == object.Making {
				p.sighted[id] = p.now
			}
			return p.told(stat), err
		}
		stat, err := realStat(id)
		return p.told(stat), err
	}
	p.attached() // by other tests
	for range x.openers {
		p.enter(&player{}, p.open)
	}
	if x.remover {
		p.enter(&player{removes: true}, p.remove)
	}
	return p
}

const size = 8

var realStat = kind.Stat

// told is what the players are told of a segment.
func (p *play) told(stat Stat) Stat {
	if p.stat != nil {
		p.stat(&stat, p.key)
	}
	return stat
}

func (p *play) enter(who *player, does func(*player)) {
	who.goOn = make(chan bool)
	p.players = append(p.players, who)
	p.current.Store(who)
	p.playing.Go(func() {
		p.mu.Lock()
		p.who[goroutine()] = who
		p.mu.Unlock()
		does(who)
		who.done = true
	})
	p.wait()
}

// wait waits until nobody runs.
func (p *play) wait() {
	synctest.Wait()
	p.current.Store(nil)
}

// pass lets time pass.
func (p *play) pass(d time.Duration) {
	p.current.Store(nil) // which also tells the race detector that what was before is before
	time.Sleep(d)
	synctest.Wait()
}

// goroutine is what tells goroutines apart.
func goroutine() string {
	var buf [64]byte
	number, _, _ := bytes.Cut(buf[:runtime.Stack(buf[:], false)], []byte(" ["))
	return string(number)
}

// me is the player who runs, or nil where that is the play itself.
func (p *play) me() *player {
	if who := p.current.Load(); who != nil {
		return who
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.who[goroutine()]
}

// pause waits until the player is told to go on.
func (p *play) pause(name string) {
	who := p.me()
	if who == nil {
		return
	}
	if name == "made" {
		id, err := sys.Shmget(int32(p.key), 0, 0)
		if err != nil {
			panic(err)
		}
		who.id = id
		p.ids = append(p.ids, id)
	}
	who.at, who.last = name, name
	if !<-who.goOn {
		runtime.Goexit()
	}
	who.at = ""
	if name == "to make" {
		who.began = p.now
	}
}

// open is what an opener does.
func (p *play) open(who *player) {
	m, created, err := OpenOrInit(context.Background(), p.key, size, nil, func(m *Mapping) error { return p.fill(who, m) })
	if err != nil {
		p.breaks(allEnd + ": " + err.Error())
		return
	}
	who.created, who.id = created, m.seg.id
	if stat, err := realStat(who.id); err != nil || stat.Dest && !created {
		p.breaks(neverGone)
	}
	if w := words(m); w[0] == 0 || w[1] == 0 {
		p.breaks(neverHalf)
	}
}

func (p *play) fill(who *player, m *Mapping) error {
	w := words(m)
	if p.filled[m.seg.id]++; p.filled[m.seg.id] > 1 || w[0] != 0 || w[1] != 0 {
		p.breaks(neverTwice)
	}
	w[0] = 1
	p.pause("filling")
	w[1] = 1
	return nil
}

func words(m *Mapping) *[2]uint32 {
	w, err := View[[2]uint32](m, 0)
	if err != nil {
		panic(err)
	}
	return w
}

// remove is what the remover does.
func (p *play) remove(who *player) {
	seg, err := Open(p.key, nil)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, sysv.ErrNotInitialized):
		return
	case err != nil:
		p.breaks(allEnd + ": " + err.Error())
		return
	}
	p.pause("to remove")
	if err := seg.Remove(); err != nil && !errors.Is(err, sysv.ErrRemoved) {
		p.breaks(allEnd + ": " + err.Error())
	}
	p.removed[seg.id] = true
}

func (p *play) breaks(what string) {
	if p.broken == "" {
		p.broken = what
	}
}

// moves are all that can happen next.
func (p *play) moves() (all []move) {
	asleep, busy, left := false, false, false
	for i, who := range p.players {
		if who.done || who.dead {
			continue
		}
		left = true
		if who.at == "" {
			asleep = true
			continue
		}
		all = append(all, move{steps, i})
		switch who.at {
		case "to look up", "to look", "looked":
		case "to make", "to remove":
			busy = true
		default:
			busy = true
			if p.deaths < p.scene.deaths { // elsewhere it changes nothing for others
				all = append(all, move{dies, i})
			}
		}
	}
	if asleep {
		all = append(all, move{what: naps})
	}
	// Where all wait for somebody who is dead, time passes as long as it takes.
	if left && (p.now < p.scene.ticks || !busy) {
		all = append(all, move{what: ticks})
	}
	return all
}

func (p *play) make(m move) {
	who := p.players[m.who]
	switch m.what {
	case steps:
		p.trace = append(p.trace, fmt.Sprintf("%d goes on from %q", m.who, who.at))
		p.current.Store(who)
		who.goOn <- true
		p.wait()
		if m := p.attached(); m != nil {
			who.mapping = m
		}
	case dies:
		p.trace = append(p.trace, fmt.Sprintf("%d dies at %q", m.who, who.at))
		p.deaths++
		who.dead = true
		who.detach()
	case naps:
		p.trace = append(p.trace, "a moment passes")
		p.pass(nap)
	case ticks:
		p.trace = append(p.trace, "time passes")
		p.now++
		p.pass(tick)
	}
}

// attached returns what has been attached since the last time, or nil.
func (p *play) attached() (newest *Mapping) {
	live.Lock()
	defer live.Unlock()
	for m := range live.mappings {
		if !p.mappings[m] {
			p.mappings[m], newest = true, m
		}
	}
	return newest
}

// detach is what the kernel does at the end of a process.
func (who *player) detach() {
	if who.mapping != nil {
		who.mapping.Detach()
	}
}

// lives tells whether a player has a segment that nobody may take for a dead one's.
func (who *player) lives() bool {
	switch {
	case who.dead || who.removes:
		return false
	case who.done:
		return true
	}
	return slices.Contains([]string{"alone", "filling", "filled", "seen", "published", "accepted"}, who.last)
}

func (p *play) check() {
	for _, who := range p.players {
		if !who.lives() || p.removed[who.id] {
			continue
		}
		if stat, err := realStat(who.id); err != nil || stat.Dest {
			p.breaks(livingStay)
		}
	}
}

// state is what there is to know of a play for what can come.
func (p *play) state() string {
	place := func(id int) int { return slices.Index(p.ids, id) }
	var b strings.Builder
	fmt.Fprint(&b, min(p.now, p.scene.ticks), p.deaths)
	for _, id := range p.ids {
		stat, err := realStat(id)
		if err != nil {
			b.WriteString("|gone")
			continue
		}
		age := 0
		if at, ok := p.sighted[id]; ok {
			age = 1 + min(2, p.now-at)
		}
		fmt.Fprintf(&b, "|%o %d %t %d %t", uint32(stat.Mode), stat.Nattch, stat.Dest, age, p.removed[id])
	}
	var players []string // none of whom differs from the others
	for _, who := range p.players {
		switch {
		case who.dead:
			players = append(players, "dead")
		case who.done:
			players = append(players, fmt.Sprint("done", place(who.id), who.created, who.removes))
		case who.at == "" || who.at == "to make":
			players = append(players, fmt.Sprint(who.at, who.removes))
		case who.at == "to look up":
			players = append(players, fmt.Sprint(who.at, min(3, p.now-who.looked), who.removes))
		case who.at == "to look":
			players = append(players, fmt.Sprint(who.at, place(who.id), min(3, p.now-who.looked), who.removes))
		case who.at == "looked":
			age := 0
			if at, ok := p.sighted[who.id]; ok {
				age = 1 + min(2, who.looked-at)
			}
			players = append(players, fmt.Sprint(who.at, place(who.id), who.saw, age, who.removes))
		case who.at == "made" || who.at == "attached":
			players = append(players, fmt.Sprint(who.at, place(who.id), p.now > who.began))
		default:
			players = append(players, fmt.Sprint(who.at, place(who.id), who.removes))
		}
	}
	slices.Sort(players)
	b.WriteString(strings.Join(players, "|"))
	return b.String()
}

// judge checks how it ended. Whoever comes now must come to what they have.
func (p *play) judge() {
	has, creators := -1, make(map[int]int)
	for _, who := range p.players {
		if who.dead || who.removes {
			continue
		}
		if who.created {
			creators[who.id]++
		}
		if p.removed[who.id] {
			continue
		}
		if has >= 0 && who.id != has {
			p.breaks(oneSegment)
		}
		has = who.id
	}
	for _, n := range creators {
		if n > 1 {
			p.breaks(oneCreator)
		}
	}
	m, created, err := OpenOrInit(context.Background(), p.key, size, nil, func(m *Mapping) error {
		*words(m) = [2]uint32{1, 1}
		return nil
	})
	if err != nil {
		p.breaks(allEnd + ": " + err.Error())
		return
	}
	if has >= 0 && (m.seg.id != has || created) {
		p.breaks(oneSegment)
	}
	if w := words(m); w[0] == 0 || w[1] == 0 {
		p.breaks(neverHalf)
	}
	m.seg.Remove()
	m.Detach()
	for _, who := range p.players {
		who.detach()
	}
	for _, id := range p.ids {
		if _, err := realStat(id); err == nil {
			p.breaks(nothingIsLeft)
		}
	}
}

// end leaves nothing of a play.
func (p *play) end() {
	p.current.Store(nil)
	for _, who := range p.players {
		who.detach()
	}
	for _, id := range p.ids {
		sys.Shmctl(id, sys.IPC_RMID)
	}
	for _, who := range p.players {
		close(who.goOn)
	}
	p.playing.Wait()
}

func (x *exploration) String() string { return strings.Join(x.trace, "\n") }

// exploring has the grace that ticks are made for, and leaves the package as it was.
func exploring(t *testing.T) {
	emulator.Mode.Skip(t)
	oldGrace, oldEnough, oldKind, oldStep := object.Grace, object.EnoughSightings, *kind, step
	object.Grace, object.EnoughSightings = grace, math.MaxInt
	t.Cleanup(func() { object.Grace, object.EnoughSightings, *kind, step = oldGrace, oldEnough, oldKind, oldStep })
}

// That the exploration finds a fault shows that it would be missed.
func TestExplorationFindsFaults(t *testing.T) {
	exploring(t)
	for _, fault := range []struct {
		name   string
		scene  scene
		breaks string
	}{
		{"the mark is not looked at", scene{openers: 2, stat: func(s *Stat, _ sysv.Key) {
			if s.Mode == object.Making {
				s.Mode = 0o600
			}
		}}, neverHalf},
		{"who has it attached is not looked at", scene{openers: 2, ticks: 3, stat: func(s *Stat, _ sysv.Key) { s.Nattch = 0 }}, livingStay},
		{"that it is removed is not looked at", scene{openers: 2, remover: true, stat: func(s *Stat, key sysv.Key) { s.Dest, s.Key = false, key }}, neverGone},
	} {
		x, broken := fault.scene.explore(t)
		if broken != fault.breaks {
			t.Errorf("where %s the exploration finds %q, want %q\n%s", fault.name, broken, fault.breaks, x)
		}
	}
}

func TestExploration(t *testing.T) {
	exploring(t)
	all := slices.Concat(scenes, largeScenes)
	all = all[:storm.Amount(storm.Size(2, len(scenes)), len(all))] // the third takes as long as both
	states, plays := 0, 0
	for _, s := range all {
		x, broken := s.explore(t)
		if broken != "" {
			t.Errorf("%s: not so: %s\n%s", s.name, broken, x)
		}
		t.Logf("%s: %d states, %d orders", s.name, len(x.known), x.plays)
		states += len(x.known)
		plays += x.plays
	}
	t.Logf("init model: %d states, %d orders in %d scenes", states, plays, len(all))
}
