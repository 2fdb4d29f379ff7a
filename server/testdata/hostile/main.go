// Command hostile is a plugin that does what no plugin should.
//
// The header Do holds instructions "PHASE:VERB" or "PHASE:VERB:ARG", separated
// by spaces. The configuration's key do is obeyed in the phases that see no
// request.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
	"unsafe"

	"phasm/sdk"
)

var (
	kept   [][]byte
	secret string // of an exchange, if a request told so
	number int
)

func init() {
	if sdk.Config("do") == "_initialize:loop" {
		obey(nil, "loop", "")
	}
	sdk.Init(func() error { do(nil, sdk.Config("do"), "init"); return nil })
	sdk.InitWorker(func() error { do(nil, sdk.Config("do"), "init_worker"); return nil })
	sdk.ExitWorker(func() error { do(nil, sdk.Config("do"), "exit_worker"); return nil })
	sdk.Rewrite(func(r *sdk.Request) sdk.Action { return request(r, "rewrite") })
	sdk.Access(func(r *sdk.Request) sdk.Action { return request(r, "access") })
	sdk.Content(func(r *sdk.Request) sdk.Action {
		r.Response().WriteString("served")
		return request(r, "content")
	})
	sdk.HeaderFilter(func(r *sdk.Request) { request(r, "header_filter") })
	sdk.BodyFilter(func(r *sdk.Request, c *sdk.Chunk) { request(r, "body_filter") })
	sdk.Log(func(r *sdk.Request) { request(r, "log") })
}

func main() {}

func request(r *sdk.Request, phase string) sdk.Action {
	do(r, r.Header("Do"), phase)
	return sdk.Continue
}

func do(r *sdk.Request, instructions, phase string) {
	for _, instruction := range strings.Fields(instructions) {
		if at, verb, _ := strings.Cut(instruction, ":"); at == phase {
			verb, arg, _ := strings.Cut(verb, ":")
			obey(r, verb, arg)
		}
	}
}

func obey(r *sdk.Request, verb, arg string) {
	switch verb {
	// What never ends.
	case "loop":
		for {
		}
	case "count":
		for n := 0; n >= 0; n = (n + 1) & 0xffff {
			number += n * n
		}
	case "recurse":
		number = fibonacci(100)
	case "jump":
		jump()
	case "yield":
		for {
			runtime.Gosched()
		}
	case "collect":
		for {
			runtime.GC()
		}
	case "copy":
		for b := make([]byte, 8<<20); ; {
			copy(b[1:], b)
		}
	case "grow":
		for m := map[int]int{}; ; {
			m[len(m)&0xffff] = len(m)
		}
	case "spawn":
		for {
			go func() { number++ }()
			runtime.Gosched()
		}
	case "host":
		for {
			number += len(r.Method())
		}
	case "flush":
		for {
			r.Response().Flush()
		}
	case "print":
		for {
			fmt.Println("still here")
		}
	case "log":
		for {
			sdk.Debug("still here")
		}
	case "sleep":
		time.Sleep(time.Hour)
	case "nap":
		for {
			sdk.Sleep(int64(time.Millisecond))
		}

	// What takes too much.
	case "allocate":
		for {
			kept = append(kept, make([]byte, 1<<20))
			touch(kept[len(kept)-1])
		}
	case "down":
		number = down(0)
	case "wait":
		select {}

	// What fails.
	case "panic":
		panic("told to panic")
	case "nil":
		number = *(*int)(unsafe.Pointer(uintptr(number)))
	case "exit":
		os.Exit(3)
	case "smash": // everything behind the module's constants
		for p := uintptr(1 << 16); ; p += 4 {
			*(*uint32)(unsafe.Pointer(p)) = 0xdeadbeef
		}

	// What one exchange may leave to the next.
	case "remember":
		secret = r.Header("Secret")
		r.SetCtx("secret", secret)
	case "tell":
		body := make([]byte, 100)
		n, _ := r.Body().Read(body)
		fmt.Fprintf(r.Response(), ": memory %q, context %q, header %q, body %q",
			secret, r.Ctx("secret"), r.Header("Secret"), body[:n])
	case "close":
		os.Stdout.Close()
		os.Stderr.Close()
	case "say":
		fmt.Println(arg)
	}
}

func fibonacci(n int) int {
	if n < 2 {
		return n
	}
	return fibonacci(n-1) + fibonacci(n-2)
}

func down(n int) int {
	var room [100]int
	room[n%100] = down(n + 1)
	return room[(n+1)%100]
}

func jump() {
	n := 0
again:
	for n < 100 {
		switch n % 3 {
		case 0:
			n++
			continue again
		case 1:
			n += 2
			goto again
		}
		n++
	}
	n = 0
	goto again
}

func touch(b []byte) {
	for n := 0; n < len(b); n += 1 << 12 {
		b[n] = 1
	}
}
