package host_test

import (
	"encoding/binary"
	"testing"
	"time"

	"phasm/plugins/host"
	"phasm/sdk/abi"
)

// FuzzHostFunctions makes some calls in one exchange, as the program says:
// which function, then its numbers. Text that calls may point at is in memory.
// What holds for each call is in checked.
func FuzzHostFunctions(f *testing.F) {
	functions := host.Functions()
	g := newGuest(f)
	for index, function := range functions {
		program := []byte{byte(index)}
		g.begin(phasesOf(&function)[0])
		params, _ := function.Signature()
		for n, arg := range g.goodArguments(&function) {
			if params[n] == "i64" {
				program = binary.LittleEndian.AppendUint64(program, arg)
			} else {
				program = binary.LittleEndian.AppendUint32(program, uint32(arg%1024))
			}
		}
		f.Add(byte(phasesOf(&function)[0]), program, []byte("x-a"))
	}
	size := g.memory.Size()
	empty := make([]byte, size)
	g.call.Until = time.Unix(1, 0) // no call waits
	f.Fuzz(func(t *testing.T, phase byte, program, memory []byte) {
		g.t = t
		g.memory.Write(0, empty)
		g.begin(abi.Phase(phase) % abi.NumPhases)
		g.memory.Write(0, memory[:min(len(memory), int(size))])
		number := func(width int) uint64 {
			var b [8]byte
			program = program[copy(b[:width], program):]
			return binary.LittleEndian.Uint64(b[:])
		}
		for calls := 0; len(program) > 0 && calls < 16; calls++ {
			function := &functions[int(program[0])%len(functions)]
			program = program[1:]
			params, _ := function.Signature()
			var args []uint64
			for _, p := range params {
				if p == "i64" {
					args = append(args, number(8))
				} else {
					args = append(args, number(4))
				}
			}
			g.checked(function, args)
		}
		if x := g.call.Exchange; x != nil {
			x.Reset()
		}
	})
}
