package plugins

import (
	"reflect"
	"unsafe"

	"github.com/tetratelabs/wazero/api"

	"phasm/sdk/abi"
)

// callStack is where wazero keeps the stack that a function runs on: each that
// it is asked for has one of its own, which only grows. It is nil for none.
type callStack *[]byte

// callStackOf finds a function's stack. wazero tells nobody, so this looks into
// the function; a test notices when that has changed.
func callStackOf(f api.Function) callStack {
	function := reflect.ValueOf(f)
	if function.Kind() != reflect.Pointer || function.Elem().Kind() != reflect.Struct {
		return nil
	}
	stack := function.Elem().FieldByName("stack")
	if !stack.IsValid() || stack.Type() != reflect.TypeFor[[]byte]() {
		return nil
	}
	return (*[]byte)(unsafe.Pointer(stack.UnsafeAddr()))
}

// stackSize is the size of the stack of the function that runs, in bytes.
func (i *Instance) stackSize() int {
	if i.callStack == nil {
		return 0
	}
	return len(*i.callStack)
}

// maxIdleStack is how large a stack may be that an instance keeps from one call
// to the next, in bytes.
const maxIdleStack = 64 << 10

// dropStack forgets a phase's function if its stack has grown large. It is
// looked up anew when the phase runs next.
func (i *Instance) dropStack(phase abi.Phase) {
	if i.stackSize() > maxIdleStack {
		i.functions[phase], i.callStacks[phase] = nil, nil
	}
}
