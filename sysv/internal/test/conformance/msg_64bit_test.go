//go:build linux && !android && !(386 || arm || mips || mipsle)

package conformance

var msgWordRows []row

var msgOtherWord = []exception{
	{"MSG-047", "a negative type keeps its sign on the way from a 32-bit process to a 64-bit kernel", "run with GOARCH=386"},
	{"MSG-061", "the upper halves of times are set, of 32 bits each", "64-bit times have no halves: run with GOARCH=386"},
}
