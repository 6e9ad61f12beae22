package proc

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/sysvipc/sysv/internal/sys"
)

const shmHeading = "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n"

const semHeading = "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n"

const msgHeading = "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n"

func TestParseShm(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []Shm
	}{
		{"no text at all", "", nil},
		{"heading alone", shmHeading, nil},
		{"negative key",
			shmHeading +
				"-559038737      32769   640                  5000  4711  4712      2  1000   100     0   999 1700000000 1700000001 1699999999                  8192                  4096\n",
			[]Shm{{
				ID: 32769,
				Shm: sys.Shm{
					Perm:  sys.Perm{Key: -559038737, UID: 1000, GID: 100, CUID: 0, CGID: 999, Mode: 0o640},
					Size:  5000,
					ATime: 1700000000, DTime: 1700000001, CTime: 1699999999,
					CPID: 4711, LPID: 4712, Nattch: 2,
				},
				RSS: 8192, Swap: 4096,
			}},
		},
		{"removed and locked, both in the mode", shmHeading +
			"         0          0  3600                     1     0     0      1     0     0     0     0          0          0          1                     0                     0\n",
			[]Shm{{Shm: sys.Shm{Perm: sys.Perm{Mode: sys.SHM_DEST | sys.SHM_LOCKED | 0o600}, Size: 1, CTime: 1, Nattch: 1}}},
		},
		{"everything as large as it can be", shmHeading +
			"-2147483648 2147483647  7777  18446744073709551615 2147483647 2147483647 18446744073709551615 4294967295 4294967295 4294967295 4294967295 9223372036854775807 9223372036854775807 9223372036854775807  18446744073709551615  18446744073709551615\n",
			[]Shm{{
				ID: math.MaxInt32,
				Shm: sys.Shm{
					Perm: sys.Perm{Key: math.MinInt32, UID: math.MaxUint32, GID: math.MaxUint32,
						CUID: math.MaxUint32, CGID: math.MaxUint32, Mode: 0o7777},
					Size:  math.MaxUint64,
					ATime: math.MaxInt64, DTime: math.MaxInt64, CTime: math.MaxInt64,
					CPID: math.MaxInt32, LPID: math.MaxInt32, Nattch: math.MaxUint64,
				},
				RSS: math.MaxUint64, Swap: math.MaxUint64,
			}},
		},
		{"columns and a heading that a later kernel may have", strings.Replace(shmHeading, "\n", " numa new\n", 1) +
			"1 2 600 3 4 5 6 7 8 9 10 11 12 13 14 15 16 none\n" +
			"2 3 600 3 4 5 6 7 8 9 10 11 12 13 14 15 17\n",
			[]Shm{
				{ID: 2, Shm: sys.Shm{Perm: sys.Perm{Key: 1, UID: 7, GID: 8, CUID: 9, CGID: 10, Mode: 0o600}, Size: 3, CPID: 4, LPID: 5, Nattch: 6, ATime: 11, DTime: 12, CTime: 13}, RSS: 14, Swap: 15},
				{ID: 3, Shm: sys.Shm{Perm: sys.Perm{Key: 2, UID: 7, GID: 8, CUID: 9, CGID: 10, Mode: 0o600}, Size: 3, CPID: 4, LPID: 5, Nattch: 6, ATime: 11, DTime: 12, CTime: 13}, RSS: 14, Swap: 15},
			},
		},
		{"last line without its end", shmHeading + "1 2 600 3 4 5 6 7 8 9 10 11 12 13 14 15",
			[]Shm{{ID: 2, Shm: sys.Shm{Perm: sys.Perm{Key: 1, UID: 7, GID: 8, CUID: 9, CGID: 10, Mode: 0o600}, Size: 3, CPID: 4, LPID: 5, Nattch: 6, ATime: 11, DTime: 12, CTime: 13}, RSS: 14, Swap: 15}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseTable(strings.NewReader(tt.text), parseShm)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestParseSem(t *testing.T) {
	text := semHeading +
		"      1234          0   600          3     0     0     0     0          0 1700000000\n" +
		"-2147483648      98305   604      32000 65534 65533 65532 65531 1700000002 1700000001 more\n"
	want := []Sem{
		{ID: 0, Sem: sys.Sem{Perm: sys.Perm{Key: 1234, Mode: 0o600}, Nsems: 3, CTime: 1700000000}},
		{ID: 98305, Sem: sys.Sem{
			Perm:  sys.Perm{Key: math.MinInt32, UID: 65534, GID: 65533, CUID: 65532, CGID: 65531, Mode: 0o604},
			Nsems: 32000, OTime: 1700000002, CTime: 1700000001,
		}},
	}
	got, err := parseTable(strings.NewReader(text), parseSem)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestParseMsg(t *testing.T) {
	text := msgHeading +
		"      1234          0   600           0          0     0     0     0     0     0     0          0          0 1700000000\n" +
		"-2147483648      98305   604  18446744073709551615 4294967296 4711 4712 65534 65533 65532 65531 1700000003 1700000002 1700000001 more\n"
	want := []Msg{
		{ID: 0, Msg: sys.Msg{Perm: sys.Perm{Key: 1234, Mode: 0o600}, CTime: 1700000000}},
		{ID: 98305, Msg: sys.Msg{
			Perm:   sys.Perm{Key: math.MinInt32, UID: 65534, GID: 65533, CUID: 65532, CGID: 65531, Mode: 0o604},
			CBytes: math.MaxUint64, QNum: 1 << 32, LSPID: 4711, LRPID: 4712,
			STime: 1700000003, RTime: 1700000002, CTime: 1700000001,
		}},
	}
	got, err := parseTable(strings.NewReader(text), parseMsg)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A line that can't be read says where it stands; half a table is not passed
// off as the whole.
func TestParseMalformed(t *testing.T) {
	const good = "1 2 600 3 4 5 6 7 8 9 10 11 12 13 14 15\n"
	for name, bad := range map[string]string{
		"empty":              "",
		"blank":              "     ",
		"cut short":          "1 2 600 3 4 5 6 7 8 9 10 11 12 13 14",
		"no number":          "1 two 600 3 4 5 6 7 8 9 10 11 12 13 14 15",
		"key beyond 32 bits": "2147483648 2 600 3 4 5 6 7 8 9 10 11 12 13 14 15",
		"id beyond 32 bits":  "1 -2147483649 600 3 4 5 6 7 8 9 10 11 12 13 14 15",
		"mode not octal":     "1 2 680 3 4 5 6 7 8 9 10 11 12 13 14 15",
		"negative size":      "1 2 600 -3 4 5 6 7 8 9 10 11 12 13 14 15",
		"size too large":     "1 2 600 18446744073709551616 4 5 6 7 8 9 10 11 12 13 14 15",
		"uid too large":      "1 2 600 3 4 5 6 4294967296 8 9 10 11 12 13 14 15",
		"tabs":               "1\t2\t600\t3\t4\t5\t6\t7\t8\t9\t10\t11\t12\t13\t14\t15",
		"NUL":                "1 2 600 3 4 5 6 7 8 9 10 11 12 13 14 15\x00",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseTable(strings.NewReader(shmHeading+good+good+bad+"\n"+good), parseShm)
			if err == nil || !strings.Contains(err.Error(), "line 4: ") || got != nil {
				t.Errorf("got %v, %v, want an error about line 4", got, err)
			}
		})
	}
	// A segment's line is no set's, and the other way round.
	if got, err := parseTable(strings.NewReader(semHeading+"1 2 600\n"), parseSem); err == nil || !strings.Contains(err.Error(), "line 2: ") {
		t.Errorf("got %v, %v, want an error about line 2", got, err)
	}
}

func TestParseSysctl(t *testing.T) {
	for text, want := range map[string][]uint64{
		"4096\n":                          {4096},
		"32000\t1024000000\t500\t32000\n": {32000, 1024000000, 500, 32000},
		"18446744073692774399\n":          {18446744073692774399},
		"0":                               {0},
	} {
		got, err := parseSysctl(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v (-want +got)\n%s", text, err, diff)
		}
	}
	for _, text := range []string{"", "\n", "-1\n", "many\n", "1 two\n", "18446744073709551616\n"} {
		if got, err := parseSysctl(text); err == nil {
			t.Errorf("%q: %v without an error", text, got)
		}
	}
}
