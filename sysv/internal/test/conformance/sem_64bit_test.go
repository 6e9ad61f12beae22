//go:build linux && !android && !(386 || arm || mips || mipsle)

package conformance

var semWordRows []row

var semOtherWord = []exception{
	{"SEM-114", "the upper halves of times are set, of 32 bits each", "64-bit times have no halves: run with GOARCH=386"},
	{"SEM-115", "semtimedop with 64-bit times keeps to its timeout, of 32-bit programs too", "run with GOARCH=386"},
	{"SEM-118", "commands of semctl with IPC_64 are EINVAL where the call knows nothing else", "386 alone has had both: run with GOARCH=386"},
}
